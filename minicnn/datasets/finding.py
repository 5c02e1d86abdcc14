"""Where the files of a published data set come from: a path that is named, what is kept, a copy on
this machine, or else a download.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from minicnn.datasets import cache
from minicnn.errors import DataError, warn


@dataclass(frozen=True)
class Published:
    """One file as it is published: its size in bytes, SHA-256 and addresses."""

    size: int
    sha256: str
    mirrors: Sequence[str]


@dataclass(frozen=True)
class DataSet:
    """A published data set, and how its files are recognised and read.

    Args:
        name: of what is kept of it.
        title: what messages call it.
        expected: what a path may name, in messages.
        advice: where to get it, in messages.
        sources: the files or folders of the data set at a path or directly inside it.
        read: the arrays in such a source, and a remark if they are not the published ones.
        files: the files of a source that are read, those that are there.
        copies: where other programs leave their copies.
        downloads: by their paths in the cache's folder, which `sources` finds there at `fetched`.
        fetched: the source that a download makes, as a path in the cache's folder.
        variable: the environment variable with addresses of the user's own, of one file, or of the
            folder where they are.
        kept_as: the name of the published data among what is kept.
    """

    name: str
    title: str
    expected: str
    advice: str
    sources: Callable[[Path], Iterator[Path]]
    read: Callable[[Path], tuple[cache.Arrays, str]]
    files: Callable[[Path], list[Path]]
    copies: Sequence[Path]
    downloads: dict[str, Published]
    fetched: str
    variable: str
    kept_as: str

    @property
    def version(self) -> str:
        """What tells the published files from others."""
        sums = [published.sha256 for published in self.downloads.values()]
        return (sums[0] if len(sums) == 1 else digest("".join(sums)))[:16]


def load(
    data_set: DataSet, path: str | os.PathLike[str] | None, offline: bool | None
) -> cache.Arrays:
    """The arrays of a data set: from `path` or MINICNN_DATA, what is kept, a copy, a download.

    Raises DataError, in one line, for a path that is wrong, files that are damaged, and when there
    is neither a copy nor a download.
    """
    return found(data_set, path, offline)[0]


def found(
    data_set: DataSet, path: str | os.PathLike[str] | None, offline: bool | None
) -> tuple[cache.Arrays, str]:
    """What load returns, and a remark where these are not the published ones, otherwise ""."""
    if path:
        return _named(data_set, Path(path).expanduser())
    if named := os.environ.get("MINICNN_DATA") if path is None else None:
        try:
            return _named(data_set, Path(named).expanduser())
        except DataError as error:
            raise DataError(
                f"MINICNN_DATA does not name {data_set.title}: {error}. Where it names another "
                "data set, name this one by path, or in MINICNN_DATA a folder in which both are"
            ) from error
    kept = cache.kept(data_set.kept_as, data_set.version) or cache.kept(_noted(data_set))
    if kept:
        return kept
    if offline is None:
        offline = os.environ.get("MINICNN_OFFLINE", "0") not in ("", "0")
    return cache.cached(
        data_set.kept_as,
        data_set.version,
        lambda folder: _find_or_fetch(data_set, folder, offline),
    )


def _named(data_set: DataSet, place: Path) -> tuple[cache.Arrays, str]:
    """The arrays of the data set at a path that was named. Raises DataError for other paths."""
    source = next(data_set.sources(place), None)
    if source is None:
        received = "a folder without them" if place.is_dir() else "a path where nothing is"
        raise DataError(
            f"{place}: expected {data_set.expected}, received {received}: correct the path "
            f"(or MINICNN_DATA), or leave it out to download {data_set.title}"
        )
    return cache.cached(
        entry_name(data_set, source),
        digest(identity(data_set.files(source))),
        lambda _: _told(*data_set.read(source)),
    )


def remember(data_set: DataSet, path: str | os.PathLike[str]) -> None:
    """From now on `load` finds what `path` names without its name, unless the published is kept."""
    source = next(data_set.sources(Path(path).expanduser()))
    with contextlib.suppress(OSError):  # nothing is kept there, of which `cached` has warned
        _note(data_set).write_text(entry_name(data_set, source), encoding="utf-8")


def _note(data_set: DataSet) -> Path:
    """The file in the cache's folder that says which copy is the one to find."""
    return cache.home() / f"{data_set.name}.fetched"


def _noted(data_set: DataSet) -> str:
    """The name of what `remember` was given last; a name that nothing has, where it was given
    nothing.
    """
    try:
        name = _note(data_set).read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return "nothing"
    return name if re.fullmatch(f"{data_set.name}-[0-9a-f]{{16}}", name) else "nothing"


def _find_or_fetch(data_set: DataSet, folder: Path, offline: bool) -> tuple[cache.Arrays, str]:
    """The published data from a copy on this machine, or else downloaded into `folder`."""
    places = (cache.home() / data_set.fetched, *data_set.copies)
    for source in (source for place in places for source in data_set.sources(place)):
        try:
            arrays, remark = data_set.read(source)
        except DataError as error:
            remark = str(error)
        if not remark:
            return arrays, remark
        warn(f"skipped a copy of {data_set.title}: {remark}")
    try:
        if offline:
            raise DataError("offline was asked for, so nothing was downloaded")
        _download(data_set, folder)
        return data_set.read(folder / data_set.fetched)
    except DataError as error:
        raise DataError(
            f"{data_set.title} is not in "
            f"{', '.join(dict.fromkeys(str(place.parent) for place in places))}, and: {error}: "
            f"{data_set.advice} and name it (path, or --data in commands, or "
            "MINICNN_DATA), or use datasets.shapes (--data shapes), which needs no file"
        ) from error


def _download(data_set: DataSet, folder: Path) -> None:
    """Fetch the files, from the user's own addresses first."""
    from minicnn.datasets import download  # costs 50 ms, and is needed once

    own = os.environ.get(data_set.variable, "").split()
    for place, published in data_set.downloads.items():
        target = folder / place
        if len(data_set.downloads) > 1:
            target.parent.mkdir(parents=True, exist_ok=True)
            addresses = [f"{address.rstrip('/')}/{target.name}" for address in own]
        else:
            addresses = own
        download.fetch(
            target,
            published.mirrors,
            size=published.size,
            sha256=published.sha256,
            own=addresses,
        )


def keras_home() -> Path:
    """Where Keras keeps data sets: in KERAS_HOME, or ~/.keras."""
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets"


def entry_name(data_set: DataSet, source: Path) -> str:
    """What is kept of a source is called so."""
    return f"{data_set.name}-{digest(str(source.resolve()))}"


def identity(files: Sequence[Path]) -> str:
    """What changes when the files do: name, size and times of each (ctime cannot be set back)."""
    states = [(file.name, file.stat()) for file in files]
    return repr(
        [(name, state.st_size, state.st_mtime_ns, state.st_ctime_ns) for name, state in states]
    )


def digest(text: str) -> str:
    """Sixteen digits that stand for a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _told(arrays: cache.Arrays, remark: str) -> tuple[cache.Arrays, str]:
    """The same, after a warning where there is something to remark."""
    if remark:
        warn(remark)
    return arrays, remark
