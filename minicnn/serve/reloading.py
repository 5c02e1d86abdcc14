"""A model that is replaced on disk is served anew: the old one or the new one, never half of each.

A question keeps the model that was there when it was accepted, and a batch is of one model. A file
that cannot be loaded changes nothing: the old model goes on, and the file is tried again once it
has changed again.
"""

import asyncio
import logging
import os
from pathlib import Path

from minicnn import runs
from minicnn.serve import served
from minicnn.serve.service import Service

PAUSE = 0.5  # seconds between two looks
log = logging.getLogger("minicnn.serve")

State = tuple[str, int, int, int] | None


def state(path: Path) -> State:
    """What tells that a file is another one; None where there is none."""
    try:
        file = runs.model_file(path)
        found = os.stat(file)
    except (OSError, ValueError):
        return None
    return str(file), found.st_ino, found.st_mtime_ns, found.st_size


async def watch(
    service: Service, watched: dict[str, tuple[Path, State]], pause: float = PAUSE
) -> None:
    """Load models again when their files change, until cancelled.

    watched: by the models' names, their paths and what `state` said when they were loaded.
    """
    known = {name: state for name, (_, state) in watched.items()}
    while True:
        await asyncio.sleep(pause)
        for name, (path, _) in watched.items():
            found = state(path)
            if found is None or found == known[name]:
                continue
            await asyncio.sleep(pause)
            if state(path) != found:
                continue  # it is still being written
            known[name] = found
            await renew(service, name, path)


async def renew(service: Service, name: str, path: Path) -> None:
    """Serve what is in the file now, or go on as before and say why."""
    try:
        await service.put(await asyncio.to_thread(served.load, path, name))
    except Exception as error:  # whatever is in that file, the old model answers
        service.metrics.add("failed_reloads")
        log.warning("minicnn serve: %s stays as it was: %s", name, error)
    else:
        service.metrics.add("reloads")
        log.warning("minicnn serve: %s was loaded again", name)
