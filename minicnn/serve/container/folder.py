"""The folder that `minicnn export docker` writes."""

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from string import Template

from minicnn import runs
from minicnn.quantize import QuantizedModel
from minicnn.saving.atomic import write as write_file
from minicnn.serve import served
from minicnn.serve.container import wheel, words

MODEL_FILE = "model.safetensors"
HERE = Path(__file__).parent
# What `minicnn serve` imports. Of the dependencies of minicnn, matplotlib and tqdm are left out:
# plots and progress bars are for trainings, and would make a fifth of the image.
PACKAGES = ("numpy", "numba", "pillow", "uvicorn")
SHOWN = 20  # classes that README.md names


class Page(Template):
    """A file with @{words} to be replaced: $ is a word of shells, Docker and Compose."""

    delimiter = "@"


def write(model: Path, folder: Path) -> list[Path]:
    """Write the folder for the model in a file, or a run folder's, and return its files.

    Only what an earlier call wrote is replaced.

    Raises what `served.load` raises of a model that cannot be served; ValueError for a folder that
    holds something else; ImportError without the packages of the extra serve.
    """
    _check(folder)
    file = runs.model_file(model)
    title = file.resolve().parent.name if file.name == MODEL_FILE else file.stem
    found = served.load(file, title)
    name = words.plain(title)
    filled = {
        "name": name,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "label": words.in_dockerfile(title),
        "quoted": words.in_yaml(title),
        "title": words.in_markdown(title),
        "classes": _classes(found.classes),
        "height": found.shape[0],
        "width": found.shape[1],
        "version": wheel.VERSION,
        "wheel": wheel.file_name(),
    }
    files = {
        path.name: Page(path.read_text(encoding="utf-8")).substitute(filled).encode()
        for path in sorted((HERE / "templates").iterdir())
    }
    files["entrypoint.sh"] = (HERE / "entrypoint.sh").read_bytes()
    files[".dockerignore"] = b"*\n!entrypoint.sh\n!requirements.txt\n!wheels\n!models\n"
    files["requirements.txt"] = requirements().encode()
    files[f"wheels/{wheel.file_name()}"] = wheel.content()
    for old in (*folder.glob("wheels/*.whl"), *folder.glob(f"models/*/{MODEL_FILE}")):
        old.unlink()
    for path, content in files.items():
        write_file(folder / path, [content])
    saved = folder / "models" / name / MODEL_FILE  # by whose folder the server calls it
    saved.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(found.model, QuantizedModel):
        found.model.save(saved)
    else:
        found.model.save(saved, optimizer=False)
    return sorted([*(folder / path for path in files), saved])


def requirements() -> str:
    """The packages of the server, in the versions that are here, as pip reads them.

    Raises ImportError for one that is not here.
    """
    try:
        return "".join(f"{package}=={version(package)}\n" for package in PACKAGES)
    except PackageNotFoundError as error:
        raise ImportError(
            f"export docker expected the packages that the server needs, {error.name} is missing: "
            'pip install "minicnn[serve]"'
        ) from None


def _check(folder: Path) -> None:
    """Raise ValueError unless the folder is new, empty or an earlier call's."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"export docker expected a folder, received {folder}, which is a file")
    if any(folder.iterdir()) and not (folder / "entrypoint.sh").exists():
        raise ValueError(
            f"export docker expected a new or an empty folder, or one of its own, received "
            f"{folder}, which holds something else: choose another"
        )


def _classes(names: list[str]) -> str:
    """The classes as README.md names them."""
    listed = ", ".join(words.in_markdown(name) for name in names[:SHOWN])
    more = len(names) - SHOWN
    return f"{listed} and {more} more" if more > 0 else listed
