"""What a learner has written: their file is run, and the names that it defines are kept."""

import contextlib
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from minicnn.errors import DataError
from minicnn.lessons.limit import within
from minicnn.lessons.notebook import code_of

SECONDS = 30.0  # of computing, after which a file, or a step of its check, is stopped


@dataclass
class Work:
    """A learner's file.

    Attributes:
        path: where it lies.
        names: what it defines, as far as it ran.
        error: what has ended it early, None where nothing has.
    """

    path: Path
    names: dict[str, Any] = field(default_factory=dict)
    error: BaseException | None = None

    def take(self, name: str) -> Any:
        """What the file calls so. Raises AssertionError where it calls nothing so."""
        if name not in self.names:
            raise AssertionError(
                f"{self.path.name} expected to define {name}, which it does not: keep the name "
                "that the lesson has for it"
            )
        return self.names[name]

    def line_of(self, error: BaseException) -> str:
        """ "line 12: " for the last line of the file that an error came through, "" for none."""
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == str(self.path)
        ]
        if isinstance(error, SyntaxError) and error.filename == str(self.path):
            lines.append(error.lineno)
        return f"line {lines[-1]}: " if lines else ""


def source_of(path: Path) -> str:
    """The Python in a script or a notebook.

    Raises FileNotFoundError, and DataError for what is no text or no notebook.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} expected Python or a notebook, received what is no text: name another file"
        ) from error
    return code_of(text, str(path)) if path.suffix == ".ipynb" else text


def run(path: Path) -> Work:
    """Run a learner's file; what it prints goes to stderr. An error in it is kept, not raised."""
    source, work = source_of(path), Work(path)
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    work.names = vars(module)
    with _as_module(module, path.parent), contextlib.redirect_stdout(sys.stderr):
        try:
            with within(SECONDS):
                exec(compile(source, str(path), "exec"), work.names)
        except (Exception, SystemExit) as error:
            work.error = error
    return work


@contextlib.contextmanager
def _as_module(module: ModuleType, folder: Path) -> Iterator[None]:
    """The state of Python in which a script runs: its neighbours can be imported, and what looks
    for its module, as dataclasses do, finds it.
    """
    before = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        if before is None:
            del sys.modules[module.__name__]
        else:
            sys.modules[module.__name__] = before
