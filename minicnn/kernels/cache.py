"""Where compiled kernels are kept between processes.

Each is a file of its own, which begins with a digest of the rest and of the sources of all kernels. So what another
version wrote, was cut off or damaged is known before any of it is used, and is made anew. A file appears whole, by one
rename, and there is no index to share: any number of processes may start at once. What cannot be written is not kept.
"""

import contextlib
import hashlib
import logging
import secrets
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import CompileResultCacheImpl, NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps, loads

SEAL = hashlib.sha256().digest_size
compiled: list[str] = []  # names of the kernels that this process has made
loaded: list[str] = []  # and of those that it found


@cache
def folder() -> Path | None:
    """NUMBA_CACHE_DIR, __pycache__ beside this file, or the user's folder for caches; None if none can be written."""
    try:
        return Path(CompileResultCacheImpl(load).locator.get_cache_path())
    except RuntimeError:  # "no locator available"
        return None


def load(name: str, key: Any) -> bytes | None:
    """What save was given under this name and key by a program with the same sources, None if that is not there."""
    path = _path(name, key)
    if path is None:
        return None
    try:
        content = path.read_bytes()
    except OSError:
        return None
    data = content[SEAL:]
    if content[:SEAL] != _seal(data):
        return None
    loaded.append(name)
    return data


def save(name: str, key: Any, data: bytes) -> None:
    """Keep data for later processes. key: what the data depends on besides the sources; its repr decides."""
    compiled.append(name)
    path = _path(name, key)
    if path is None:
        return
    unfinished = path.with_suffix(f".{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(_seal(data) + data)
        unfinished.replace(path)
    except OSError:  # no permission, no room: the next process compiles, too
        with contextlib.suppress(OSError):
            unfinished.unlink()


def _path(name: str, key: Any) -> Path | None:
    place = folder()
    return place and place / f"{name}-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.kernel"


def _seal(data: bytes) -> bytes:
    return hashlib.sha256(_stamp() + data).digest()


@cache
def _stamp() -> bytes:
    """A digest of what all kernels are made of and made by: the engine's generators count, too."""
    package = Path(__file__).parent.parent
    sources = [file.read_bytes() for room in ("kernels", "engine") for file in sorted((package / room).glob("*.py"))]
    makers = f"{sys.implementation.cache_tag} Numba {numba.__version__}"
    return hashlib.sha256(b"".join([makers.encode(), *sources])).digest()


class KernelCache(NullCache):
    """What Numba asks before it compiles a kernel for some types of arguments, and tells afterwards."""

    def __init__(self, kernel: Callable[..., Any]):
        self.name = f"{kernel.__module__}.{kernel.__qualname__}"

    def load_overload(self, sig: Any, target_context: Any) -> CompileResult | None:
        target_context.refresh()  # kernels refer to what Numba registers there
        data = load(self.name, self._key(sig, target_context.codegen()))
        if data is None:
            _announce()
            return None
        return CompileResult._rebuild(target_context, *loads(data))

    def save_overload(self, sig: Any, data: Any) -> None:
        if not data.library.has_dynamic_globals:  # addresses of this process
            save(self.name, self._key(sig, data.codegen), dumps(data._reduce()))

    def _key(self, sig: Any, codegen: Any) -> Any:
        return sig, codegen.magic_tuple()  # types of the arguments; system, processor and its features


@cache
def _announce() -> None:
    """Say, once per process, why nothing seems to happen for some seconds."""
    how_often = "first run only" if folder() else "at every start: no folder can be written to keep them in"
    logging.getLogger("minicnn").warning("minicnn: compiling kernels (%s)", how_often)
