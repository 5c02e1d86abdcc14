"""An electric fence: every array that the engine touches ends, or begins, at a page of memory that
nobody may touch.

Fenced are inputs, gradients of outputs, params, grads, state, what optimizers remember, every
buffer of the engine and of the layers, the records, and every single buffer in the workspace. One
byte read or written beside them ends the process. fenced_networks.py runs drawn networks so.
"""

import ctypes
import mmap
import sys
import types
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np

from minicnn.engine.alone import step as alone
from minicnn.engine.conv import buffers, layout, ways
from minicnn.engine.pooling import step as pooling
from minicnn.layers import arrays
from minicnn.machine.workspace import LINE

PAGE = mmap.PAGESIZE
POSSIBLE = hasattr(mmap, "PROT_READ")  # not on Windows
# what may be made a number short, to see that the fence is there
SHORT = (
    "x",
    "gamma",
    "grads",
    "scratch",
)
INSIDE = {"minicnn.engine.conv.norm", "minicnn.machine.call"}  # whose np is that of compiled code


def pages(size):
    """size, rounded up to whole pages."""
    return -(-size // PAGE) * PAGE


class Fence:
    """Makes arrays at the end of memory before a page that may not be touched, or at its beginning
    after one.

    Args:
        at_end: which of the two.
        short: one of SHORT.
    """

    def __init__(self, at_end=True, short=None):
        self.at_end, self.short = at_end, short
        self.guards = {}  # per size of a workspace: where in it pages are that may not be touched
        self.workspaces = {}

    def memory(self, size, guards=(), missing=0, content=None):
        """(size,) bytes between two guard pages, of which the last (or first) `missing` ones lie in
        the guard page.
        """
        room = pages(size) or PAGE
        mapped = mmap.mmap(-1, room + 2 * PAGE)
        whole = np.frombuffer(mapped, np.uint8)
        start = PAGE + (room - size + missing if self.at_end else -missing)
        found = whole[start : start + size]
        if content is not None:
            found[...] = np.frombuffer(np.ascontiguousarray(content).tobytes(), np.uint8)
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        protect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
        for offset in (0, room + PAGE, *(start + guard for guard in guards)):
            assert offset % PAGE == 0 and protect(whole.ctypes.data + offset, PAGE, 0) == 0
        return found

    def like(self, array, missing=0):
        """A fenced copy of an array, in row-major order."""
        array = np.asarray(array)
        data = self.memory(array.nbytes, missing=missing * array.itemsize, content=array)
        return np.ndarray(array.shape, array.dtype, buffer=data)

    def empty(self, shape, dtype=float, fill=b"\xff", **_):
        """A fenced array; its numbers are NaN, in case somebody reads what nobody has written."""
        size = np.dtype(dtype).itemsize * int(np.prod(shape))
        data = self.memory(size)
        data[...] = fill[0]
        return np.ndarray(shape, dtype, buffer=data)

    # What minicnn makes its arrays with

    def numpy(self):
        """NumPy, whose new arrays are fenced."""
        fenced = types.ModuleType("numpy")
        fenced.__dict__.update(np.__dict__)
        fenced.empty = self.empty
        fenced.zeros = lambda *args, **more: self.empty(*args, **more, fill=b"\0")
        fenced.ones = lambda *args, **more: self.like(np.ones(*args, **more))
        fenced.array = lambda *args, **more: self.like(np.array(*args, **more))
        fenced.empty_like = lambda a, dtype=None, **_: self.empty(a.shape, dtype or a.dtype)
        fenced.ascontiguousarray = self.contiguous
        return fenced

    def contiguous(self, array, dtype=None):
        found = np.ascontiguousarray(array, dtype)
        return found if found is array else self.like(found)

    def kept(self, array):
        """arrays.kept: of params, grads, state, and what optimizers remember."""
        return self.like(array)

    def scratch(self, threads, dtype, blank, own, shared):
        """layout.scratch, with guard pages around every buffer; the blank ones, cleared at
        once, are one.
        """
        starts, guards = dict.fromkeys(layout.Scratch._fields, 0), []
        sizes = {name: numbers * dtype.itemsize for name, numbers in blank.items()}
        steps = [-(-size // LINE) * LINE + LINE for size in sizes.values()]
        together = sum(steps[:-1]) + list(sizes.values())[-1] if sizes else 0
        place = pages(together) - together if self.at_end else 0
        for name, step in zip(sizes, steps, strict=True):
            starts[name] = place
            place += step
        starts["blank"] = pages(together)

        def lay(buffers, place):
            for name, numbers in buffers.items():
                size = numbers * dtype.itemsize
                guards.append(place)
                starts[name] = place + PAGE + (pages(size) - size if self.at_end else 0)
                place += PAGE + pages(size)
            guards.append(place)
            return place + PAGE

        starts["stride"] = lay(own, starts["blank"])
        guards = [t * starts["stride"] + guard for t in range(threads) for guard in guards]
        size = lay(shared, threads * starts["stride"])
        while size in self.guards:  # a size stands for one layout
            size += PAGE
        self.guards[size], starts["size"] = guards, size
        if self.short == "scratch":
            starts["center"] += dtype.itemsize if self.at_end else -dtype.itemsize
        return layout.Scratch(**starts)

    def workspace(self, size):
        if size not in self.workspaces:
            self.workspaces[size] = self.memory(pages(size), self.guards.get(size, ()))
        return self.workspaces[size]


@contextmanager
def fenced(fence):
    """All that minicnn makes meanwhile is fenced."""
    modules = [
        module
        for name, module in sys.modules.items()
        if name.startswith(("minicnn.engine.", "minicnn.layers.", "minicnn.optimizers"))
        and name not in INSIDE
        or name == "minicnn.network.frozen"
    ]
    patches = [
        patch.object(module, "np", fence.numpy())
        for module in modules
        if getattr(module, "np", None) is np
    ]
    patches += [
        patch.object(arrays, "kept", fence.kept),
        *[patch.object(module, "scratch", fence.scratch) for module in (alone, ways)],
        *[patch.object(module, "workspace", fence.workspace) for module in (alone, buffers)],
        *[
            patch.object(module, "maps", fence.numpy().zeros)
            for module in modules
            if hasattr(module, "maps")
        ],
        patch.object(buffers, "aligned", fence.empty),
        patch.object(pooling, "aligned", fence.empty),
    ]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()
