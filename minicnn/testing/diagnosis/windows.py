"""Mistakes of convolutions, Y = P @ K + bias with the patches P of x as rows:

    dK = P^T @ dY,   dP = dY @ K^T,   dx = the sum, for each pixel, of its entries in dP

and of transposed convolutions, whose output is the sum over dP, so that the roles of x and dy are
exchanged. What is tried is another window than forward's, and another way to write the entries.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from minicnn.testing.diagnosis.geometry import Geometry, first_wins, geometry_of, last_wins
from minicnn.testing.diagnosis.mistake import Mistake, Suspect
from minicnn.testing.diagnosis.trial import Trial
from minicnn.types import Array

OVERLAP = Mistake(
    "overlap not added",
    "has in each pixel the share of one window alone",
    "add up where windows overlap, += and not =",
)
NO_PADDING = Mistake(
    "padding forgotten",
    "is right for windows that begin at the picture's corner, without the padding before it",
    "start at -top and -left, or pad first and cut off at the end",
)
OTHER_PADDING = Mistake(
    "padding on the wrong side",
    "is right for the odd row or column of padding before the picture",
    "'same' puts total // 2 before the picture and the rest after it",
)
NO_STRIDE = Mistake(
    "stride ignored",
    "is right for windows that go on by one",
    "a window begins at i * stride",
)
NO_DILATION = Mistake(
    "dilation ignored",
    "is right for a window without holes",
    "a window's cell lies at kh * dilation",
)
SWAPPED = Mistake(
    "rows and columns swapped",
    "is right for {} with rows and columns swapped",
    "rows first, everywhere",
)


def suspects(trial: Trial, name: str) -> Iterator[Suspect]:
    """Gradients of x and of the kernel for other windows."""
    kernels = [key for key, param in trial.layer.params.items() if param.ndim == 4]
    if len(kernels) != 1 or trial.x.ndim != 4 or name not in ("x", *kernels):
        return
    size = trial.layer.params[kernels[0]].shape[:2]
    window = geometry_of(trial.layer, (int(size[0]), int(size[1])))
    gradient = None if window is None else _recognized(trial, window, kernels[0], name)
    if window is None or gradient is None:
        return
    for mistake, other, detail in wrong_windows(window):
        yield Suspect(mistake, gradient(other, None), detail)
    for write in (last_wins, first_wins) if name == "x" else ():
        yield Suspect(OVERLAP, gradient(window, write))


def wrong_windows(window: Geometry) -> Iterator[tuple[Mistake, Geometry, str]]:
    """Windows that differ from this one in a usual way."""
    if any(window.before):
        yield NO_PADDING, replace(window, before=(0, 0)), ""
    yield OTHER_PADDING, replace(window, before=(window.before[0] + 1, window.before[1] + 1)), ""
    yield OTHER_PADDING, replace(window, before=(window.before[0] + 1, window.before[1])), ""
    yield OTHER_PADDING, replace(window, before=(window.before[0], window.before[1] + 1)), ""
    if window.strides != (1, 1):
        yield NO_STRIDE, replace(window, strides=(1, 1)), ""
    if window.dilation != (1, 1):
        yield NO_DILATION, replace(window, dilation=(1, 1)), ""
    for what in ("strides", "dilation", "before"):
        pair = getattr(window, what)
        if pair[0] != pair[1]:
            words = "padding" if what == "before" else what
            yield SWAPPED, replace(window, **{what: pair[::-1]}), words


Gradient = Callable[[Geometry, Callable | None], Array]


def _recognized(trial: Trial, window: Geometry, kernel: str, name: str) -> Gradient | None:
    """The gradient of x or of the kernel as a function of the window, where it is right for the
    layer's own.
    """
    for derive in (_convolution, _transposed):
        if derive is _convolution and trial.z.shape[1:3] != window.output:
            continue
        gradient = derive(trial, kernel, name)
        if gradient is not None and trial.agrees(name, gradient(window, None)):
            return gradient
    return None


def _convolution(trial: Trial, kernel: str, name: str) -> Gradient | None:
    """Of kernels (KH, KW, C/G, F), and of one for each channel (KH, KW, C, M)."""
    K, C, F = trial.layer.params[kernel], trial.x.shape[-1], trial.z.shape[-1]
    each = K.shape[2] == C and K.shape[3] * C == F and K.shape[3] != F
    sees, of = _which(K.shape[2], K.shape[3], C, F, each)
    if sees is None:
        return None
    whole = np.zeros((*K.shape[:2], C, F))  # with 0 where a filter does not see a channel
    whole[:, :, sees[0], sees[1]] = K[:, :, of[0], of[1]]

    def gradient(window: Geometry, write: Callable | None) -> Array:
        if name == "x":
            dpatches = np.einsum("nijf,klcf->nijklc", trial.dz, whole)
            H, W = trial.x.shape[1:3]
            return window.spread(dpatches, (H, W), write)
        dwhole = np.einsum("nijklc,nijf->klcf", window.patches(trial.x), trial.dz)
        dkernel = np.zeros(K.shape)
        dkernel[:, :, of[0], of[1]] = dwhole[:, :, sees[0], sees[1]]
        return dkernel

    return gradient


def _which(seen: int, columns: int, C: int, F: int, each: bool) -> tuple:
    """Which (channel, filter) there are, and where in the kernel's last two axes they stand; None
    twice, where the sizes are of no convolution.
    """
    c, f = (index.reshape(-1) for index in np.mgrid[:C, :F])
    if each:
        mine = f // columns == c
        return (c[mine], f[mine]), (c[mine], f[mine] % columns)
    if columns != F or C % seen or F % (groups := C // seen):
        return None, None
    mine = c // seen == f // (F // groups)
    return (c[mine], f[mine]), (c[mine] % seen, f[mine])


def _transposed(trial: Trial, kernel: str, name: str) -> Gradient | None:
    """Of kernels (KH, KW, F, C)."""
    K, C, F = trial.layer.params[kernel], trial.x.shape[-1], trial.z.shape[-1]
    if K.shape[2:] != (F, C):
        return None
    positions = (int(trial.x.shape[1]), int(trial.x.shape[2]))

    def gradient(window: Geometry, _: Callable | None) -> Array:
        patches = replace(window, output=positions).patches(trial.dz)  # (N, H, W, KH, KW, F)
        if name == "x":
            return np.einsum("nijklf,klfc->nijc", patches, K)
        return np.einsum("nijklf,nijc->klfc", patches, trial.x)

    return gradient
