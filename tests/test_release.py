"""What belongs to a version is of one version, and the hooks before a commit run what is there."""

import re
from pathlib import Path

import minicnn

ROOT = Path(minicnn.__file__).resolve().parent.parent


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_changelog_and_citation_are_of_this_version():
    assert (
        re.findall(r"^## \[([\d.]+)\]", text_of("CHANGELOG.md"), re.MULTILINE)[0]
        == minicnn.__version__
    )
    assert f"\nversion: {minicnn.__version__}\n" in text_of("CITATION.cff")


def test_changelog_has_the_newest_version_first():
    heading = r"^## \[([\d.]+)\] - (?:unreleased|\d{4}-\d\d-\d\d)$"
    versions = re.findall(heading, text_of("CHANGELOG.md"), re.MULTILINE)
    numbers = [tuple(map(int, version.split("."))) for version in versions]
    assert len(numbers) >= 2 and numbers == sorted(set(numbers), reverse=True)


def test_hooks_before_a_commit_are_of_ci_and_their_files_are_there():
    hooks = text_of(".pre-commit-config.yaml")
    entries = re.findall(r"^ *entry: (.*)$", hooks, re.MULTILINE)
    for program in ("ruff check", "ruff format", "mypy"):
        assert any(entry.startswith(program) for entry in entries), program
        assert f".venv/bin/{program}" in text_of(".ci/run")
    assert not [name for name in re.findall(r"tests/\w+\.py", hooks) if not (ROOT / name).exists()]
    marked = [
        path.name
        for path in (ROOT / "tests").glob("test_*.py")
        if "mark.nojit" in path.read_text("utf-8")
    ]
    assert len(marked) >= 4 and 'git grep -l "mark\\.nojit" -- "tests/test_*.py"' in hooks


def test_the_pages_beside_the_readme_are_known_to_the_index():
    index = text_of("docs/README.md")
    for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "CITATION.cff"):
        assert f"(../{name})" in index and f'"{name}"' in text_of("pyproject.toml")
