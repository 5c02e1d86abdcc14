"""Makes the site of README.md and docs/: `python docs/make_site.py [FOLDER]`, or build/site.

It opens from the folder, without a server and without network. A link or an anchor that leads
nowhere is an error, and so is each warning. Needs `pip install -e ".[docs]"`.
"""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS / "site"))


def main(arguments: list[str]) -> int | str:
    """0, or what is wrong."""
    try:
        from sphinx.cmd.build import main as sphinx
    except ImportError:
        return 'make_site.py needs Sphinx, which is not installed: pip install -e ".[docs]"'
    from links import problems

    site = Path(arguments[0] if arguments else DOCS.parent / "build" / "site").resolve()
    if site.exists() and any(site.iterdir()) and not (site / "searchindex.js").exists():
        return f"make_site.py expected a folder that it made, received {site}: choose another"
    with TemporaryDirectory() as work:
        made, left = Path(work, "site").resolve(), Path(work, "left")
        options = ["--fail-on-warning", "--keep-going", "--quiet", "-d", str(left)]
        if sphinx([*options, "-c", str(DOCS / "site"), str(DOCS.parent), str(made)]):
            return "make_site.py expected no warning, received those above"
        if wrong := problems(made):
            counted = f"make_site.py expected no broken link, received {len(wrong)}"
            return "\n".join([*wrong, counted])
        shutil.rmtree(site, ignore_errors=True)  # so that no page stays whose file is gone
        shutil.copytree(made, site)
    print(f"{site / 'index.html'}: open it in a browser")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
