"""Where a study is kept: a folder that all its processes see, or a database.

In a folder it is Optuna's journal, to which every process appends under a lock of Optuna's that
also holds on network folders: SQLite would be damaged there. A process that is killed while it
holds that lock keeps the others waiting for half a minute.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from minicnn.errors import DataError
from minicnn.saving import lock

JOURNAL = "journal.log"
LOCK = "study.lock"  # while a study is made, or gets more trials


def is_url(where: str) -> bool:
    """Whether it names a database rather than a folder."""
    return "://" in where


def shown(where: str) -> str:
    """The place as it may be printed: without a password."""
    if not is_url(where):
        return where
    from sqlalchemy.engine import make_url

    return make_url(where).render_as_string(hide_password=True)


def opened(where: str) -> Any:
    """The storage in that folder, which is made if there is none, or at that URL.

    Raises DataError for a damaged journal, ValueError for a database that cannot be used.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if is_url(where):
        return _database(where)
    folder = Path(where)
    if folder.is_file():
        raise ValueError(
            f"--storage expected a folder or the URL of a database, received the file {where}: "
            f"a file of SQLite is sqlite:///{where}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    journal = str(folder / JOURNAL)
    own = JournalFileOpenLock(journal) if sys.platform == "win32" else None  # has no symlinks
    try:
        return optuna.storages.JournalStorage(JournalFileBackend(journal, own))
    except (ValueError, LookupError, TypeError) as error:
        raise DataError(
            f"{journal} is damaged ({error}): take a copy of it, and delete its damaged lines"
        ) from error


def _database(url: str) -> Any:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return optuna.storages.RDBStorage(url)
    except (SQLAlchemyError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"--storage expected a folder or the URL of a database that can be used, such as "
            f"postgresql://user@host/name, received one that cannot: {reason}"
        ) from error


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Let one process after the other do something with the study."""
    folder.mkdir(parents=True, exist_ok=True)
    path = str(folder / LOCK)
    while True:
        try:
            descriptor = lock.hold(path)
            break
        except BlockingIOError:
            time.sleep(0.02)
    try:
        yield
    finally:
        os.close(descriptor)
