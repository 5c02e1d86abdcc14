"""Which run and which model a path means. `latest` is the run that was trained last: a link beside
the others.

It becomes one when its first epoch has ended, so that a training that failed, or has nothing yet,
never is the latest. Where links are not permitted, as on Windows without that right, `latest` is
looked for by time.
"""

import contextlib
import os
import secrets
from pathlib import Path

from minicnn.names import known_arguments
from minicnn.runs.folder import LATEST, Run


@known_arguments
def find(folder: str | os.PathLike[str]) -> Run:
    """The run in that folder; `latest` is the last one, under its own name.

    Raises FileNotFoundError without one.
    """
    run = Run(_followed(Path(folder)))
    if not run.config_file.exists():
        raise FileNotFoundError(
            f"{run.folder} is no run folder: there is no {run.config_file.name} in it"
        )
    return run


@known_arguments
def model_file(path: str | os.PathLike[str]) -> Path:
    """The model that a path names: a file, a run folder's, or the one in any other folder.

    Raises FileNotFoundError when there is none in that folder; ValueError when there are several,
    and none is called model.safetensors.
    """
    path = _followed(Path(path))
    if not path.is_dir():
        return path
    run = Run(path)
    if run.model_file.exists():
        return run.model_file
    if run.config_file.exists():
        raise FileNotFoundError(f"{path} has no model yet: its first epoch has not ended")
    models = sorted(path.glob("*.safetensors"))
    if not models:
        raise FileNotFoundError(
            f"{path} expected a model file in this folder, {run.model_file.name}, received none"
        )
    if len(models) > 1:
        names = ", ".join(model.name for model in models)
        raise ValueError(
            f"{path} expected one model file in this folder, received {names}: name one of them"
        )
    return models[0]


def link(run: Run) -> bool:
    """Make `latest` beside a run a relative link to it, in one step; whether that is settled.

    Not before the run has a model. Nothing is made in the working directory itself, where nobody
    expects such a name, and nothing in place of a folder that somebody has called so.
    """
    if not run.config_file.exists() or not run.has_model:
        return False
    place = run.folder.parent / LATEST
    if run.folder.parent.resolve() == Path.cwd() or (place.exists() and not place.is_symlink()):
        return True
    beside = place.with_name(f".{LATEST}.{secrets.token_hex(6)}")
    with contextlib.suppress(OSError, NotImplementedError):
        beside.symlink_to(run.folder.name, target_is_directory=True)
        try:
            beside.replace(place)
        except OSError:  # Windows replaces no link to a folder
            place.unlink()
            beside.rename(place)
    return True


def _followed(path: Path) -> Path:
    """The path, or the folder of the run that it stands for when it is `latest`."""
    if path.name != LATEST or (path.exists() and not path.is_symlink()):
        return path
    if path.exists():
        return path.parent / path.readlink()
    runs = [Run(config.parent) for config in path.parent.glob("*/config.json")]
    runs.sort(key=lambda run: run.config_file.stat().st_mtime_ns)
    trained = [run.folder for run in runs if run.has_model]
    if not trained:
        begun = (
            f"; minicnn train --resume {runs[-1].folder} goes on with one that was begun"
            if runs
            else ""
        )
        raise FileNotFoundError(
            f"there is no run in {path.parent} yet: `minicnn train` makes one{begun}"
        )
    return trained[-1]
