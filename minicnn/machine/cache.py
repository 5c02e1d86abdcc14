"""Where compiled kernels are kept between processes.

Each is a file of its own, which begins with a digest of the rest, of its name and key, and of the
sources of all kernels. So what another version wrote, was cut off, damaged or renamed is known
before any of it is used, and is made anew. A file appears whole, by one rename, and there is no
index to share: any number of processes may start at once. What cannot be written is not kept. The
digest tells of accidents, not of attacks: who can write the files decides what is executed.
"""

import contextlib
import hashlib
import secrets
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import config
from numba.core.caching import (
    InTreeCacheLocator,
    NullCache,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps, loads

from minicnn.machine import compiling

# of kernels and of what makes them: a change there makes all anew
ROOMS = (
    "engine",
    "kernels",
    "machine",
)
SEAL = hashlib.sha256().digest_size
compiled: list[str] = []  # names of the kernels that this process has made
loaded: list[str] = []  # and of those that it found

# Numba's settings that change the machine code of a kernel, besides those for the processor.
SETTINGS = (
    *(
        "BOUNDSCHECK",
        "OPT",
        "LOOP_VECTORIZE",
        "SLP_VECTORIZE",
        "USING_SVML",
        "PARFOR_MAX_TUPLE_SIZE",
    ),
    *(
        "LLVM_REFPRUNE_PASS",
        "LLVM_REFPRUNE_FLAGS",
        "DEBUGINFO_DEFAULT",
        "EXTEND_VARIABLE_LIFETIMES",
    ),
    *("DEBUG_JIT", "DEBUG_NRT", "DEBUG_ARRAY_OPT_RUNTIME"),
)


@cache
def places() -> list[Path]:
    """Where kernels may be: NUMBA_CACHE_DIR, __pycache__ beside this file, the user's folder for
    caches.
    """
    given = [UserProvidedCacheLocator] if getattr(config, "CACHE_DIR", "") else []
    kinds: list[Any] = [*given, InTreeCacheLocator, UserWideCacheLocator]
    return [Path(kind(load, __file__).get_cache_path()) for kind in kinds]


@cache
def folder() -> Path | None:
    """Where they are kept: the first of the places that can be written, None if none can."""
    return next(filter(can_be_written, places()), None)


def folders() -> list[Path]:
    """Where they are looked for: where they are kept, and in all other places too, such as an image
    that can only be read.
    """
    own = folder()
    return [*([] if own is None else [own]), *(place for place in places() if place != own)]


def load(name: str, key: Any) -> bytes | None:
    """What save was given under this name and key by a program with the same sources, None if that
    is not there.
    """
    for place in folders():
        try:
            content = (place / _file(name, key)).read_bytes()
        except OSError:
            continue
        data = content[SEAL:]
        if content[:SEAL] == _seal(name, key, data):
            loaded.append(name)
            return data
    return None


def save(name: str, key: Any, data: bytes) -> None:
    """Keep data for later processes. key: what the data depends on besides the sources; its repr
    decides.
    """
    compiled.append(name)
    place = folder()
    if place is None:
        return
    path = place / _file(name, key)
    unfinished = path.with_suffix(f".{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(_seal(name, key, data) + data)
        unfinished.replace(path)
    except OSError:  # no permission, no room: the next process compiles, too
        with contextlib.suppress(OSError):
            unfinished.unlink()


def can_be_written(place: Path) -> bool:
    """Whether files can be made in a folder, which is made if it is not there."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=place).close()
    except OSError:
        return False
    return True


def _file(name: str, key: Any) -> str:
    return f"{name}-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.kernel"


def _seal(name: str, key: Any, data: bytes) -> bytes:
    return hashlib.sha256(
        _stamp() + hashlib.sha256(f"{name} {key!r}".encode()).digest() + data
    ).digest()


@cache
def _stamp() -> bytes:
    """A digest of what all kernels are made of and made by: the engine's generators count, too."""
    package = Path(__file__).parent.parent
    sources = [
        file.read_bytes() for room in ROOMS for file in sorted((package / room).rglob("*.py"))
    ]
    makers = f"{sys.implementation.cache_tag} Numba {numba.__version__}"
    return hashlib.sha256(b"".join([makers.encode(), *sources])).digest()


class KernelCache(NullCache):
    """What Numba asks before it compiles a kernel for some types of arguments, and tells
    afterwards.
    """

    def __init__(self, kernel: Callable[..., Any]):
        self.name = f"{kernel.__module__}.{kernel.__qualname__}"

    def load_overload(self, sig: Any, target_context: Any) -> CompileResult | None:
        target_context.refresh()  # kernels refer to what Numba registers there
        data = load(self.name, self._key(sig, target_context.codegen()))
        if data is None:
            compiling.begin(kept=folder() is not None)
            return None
        return CompileResult._rebuild(target_context, *loads(data))

    def save_overload(self, sig: Any, data: Any) -> None:
        compiling.end()
        if not data.library.has_dynamic_globals:  # addresses of this process
            save(self.name, self._key(sig, data.codegen), dumps(data._reduce()))

    def _key(self, sig: Any, codegen: Any) -> Any:
        """Types of the arguments; system, processor and its features; settings."""
        return sig, codegen.magic_tuple(), [getattr(config, name, None) for name in SETTINGS]
