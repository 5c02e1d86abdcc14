"""`minicnn gradcheck --import my_layers.py`: gradients of layers and losses of one's own."""

from collections.abc import Callable, Mapping

from minicnn import testing
from minicnn.layers import Layer
from minicnn.layers.base_merge import Merge
from minicnn.losses import Loss
from minicnn.testing import GradientReport
from minicnn.testing.diagnosis.diagnose import explained
from minicnn.types import Shape

SHAPE: Shape = (6, 5, 3)  # of a picture
INPUTS = 2  # of a layer that merges


def own_reports(
    classes: Mapping[str, type], begins: str, seed: int
) -> dict[str, tuple[GradientReport, str]]:
    """Of each layer and loss whose name begins so, what was measured, and which usual mistake makes
    a gradient wrong, if one does.

    They are made without arguments; layers see pictures of SHAPE. Raises ValueError for one with
    which that cannot be done.
    """
    found = {}
    for name, kind in classes.items():
        if name.lower().startswith(begins.lower()) and issubclass(kind, Layer | Loss):
            measure: Callable = _layer if issubclass(kind, Layer) else _loss
            try:
                found[name] = measure(kind, seed)
            except Exception as error:  # a file of one's own may raise any
                raise ValueError(
                    f"gradcheck --import expected {_expected(kind)}, received {error!r} from "
                    f"{name}: correct it, or {_other_way(kind)}"
                ) from error
    return found


def _layer(kind: type[Layer], seed: int) -> tuple[GradientReport, str]:
    shape = [SHAPE] * INPUTS if issubclass(kind, Merge) else SHAPE
    report = testing.measure_layer(kind(), shape, batch=3, seed=seed, samples=200)
    right = report.error <= testing.TOLERANCE  # which NaN is not
    return report, "" if right else explained(kind(), shape, None, seed)


def _loss(kind: type[Loss], seed: int) -> tuple[GradientReport, str]:
    return testing.measure_loss(kind(), seed=seed), ""


def _expected(kind: type) -> str:
    if issubclass(kind, Loss):
        return "a loss that is made without arguments"
    return f"a layer that is made without arguments and takes pictures of shape {SHAPE}"


def _other_way(kind: type) -> str:
    name = kind.__name__
    if issubclass(kind, Loss):
        return f"check it in Python, with testing.measure_loss({name}(...))"
    return f"check it in Python, with testing.check_layer({name}(...), input_shape)"
