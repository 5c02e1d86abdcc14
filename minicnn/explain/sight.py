"""Which pixels of a picture the places of a feature map depend on."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from minicnn.layers import Cropping2D, ZeroPadding2D
from minicnn.layers.base import Layer
from minicnn.layers.interpolation import Interpolating
from minicnn.layers.window import Window
from minicnn.network.graph import Call
from minicnn.network.views import ANYWHERE
from minicnn.types import Shape

Place = tuple[float, float]  # in pixels; between them where pictures are drawn in another size


class Sight(NamedTuple):
    """Of place (0, 0) of a map: the first and the last pixel that it depends on; and the step from
    place to place.
    """

    first: Place = (0, 0)
    last: Place = (0, 0)
    step: Place = (1, 1)

    def middle(self, axis: int) -> float:
        return (self.first[axis] + self.last[axis]) / 2


def sights(calls: Sequence[Call]) -> dict[int, Sight]:
    """Of every value that is a map of the picture, which is value 0; of other maps as if they were
    laid over all of it.
    """
    found = {0: Sight()}
    picture: Any = next(call.takes for call in calls if 0 in call.reads)
    for call in calls:
        shapes: Any = call.takes if call.layer.takes_several else [call.takes]
        output = call.layer.output_shape
        maps = [
            (found[n], shape) for n, shape in zip(call.reads, shapes, strict=True) if n in found
        ]
        if len(output) != 3:
            continue
        if not maps or isinstance(call.layer, ANYWHERE):
            found[call.writes] = laid_over(picture, output)
        elif call.layer.takes_several:  # what is smaller is repeated, and says nothing of places
            found[call.writes] = joined(
                [one for one, shape in maps if shape[:2] == output[:2]] or [maps[0][0]]
            )
        else:
            found[call.writes] = after(call.layer, maps[0][0])
    return found


def laid_over(picture: Shape, places: Shape) -> Sight:
    """Places (OH, OW) side by side over all of a picture."""
    (H, W, *_), (OH, OW, *_) = picture, places
    middle = (H / OH - 1) / 2, (W / OW - 1) / 2
    return Sight(middle, middle, (H / OH, W / OW))


def joined(maps: Sequence[Sight]) -> Sight:
    """What sees all that any of the maps sees: a place there is added to, or put beside, the same
    place here.
    """

    def of(which: Callable[[Iterable[float]], float], pairs: Iterable[Place]) -> Place:
        rows, columns = zip(*pairs, strict=True)
        return which(rows), which(columns)

    first, last, step = zip(*maps, strict=True)
    return Sight(of(min, first), of(max, last), of(max, step))


def after(layer: Layer, before: Sight) -> Sight:
    """What a layer's places see where those of its input see that."""
    window: Window | None = getattr(layer, "window", None)
    first, last, step = (list(pair) for pair in before)
    for axis in range(2):
        if window is not None:
            first[axis] -= step[axis] * window.before[axis]
            last[axis] += step[axis] * (
                (window.size[axis] - 1) * window.dilation[axis] - window.before[axis]
            )
            step[axis] *= window.strides[axis]
        elif isinstance(layer, Interpolating):
            places = layer.places[axis]
            first[axis] += step[axis] * places.first
            last[axis] += step[axis] * places.first
            step[axis] *= places.step
        else:  # ZeroPadding2D, Cropping2D; RandomCrop, in inference from the middle
            moved = (layer.input_shape[axis] - layer.output_shape[axis]) // 2
            if isinstance(layer, ZeroPadding2D):
                moved = -layer.padding[axis][0]
            if isinstance(layer, Cropping2D):
                moved = layer.cropping[axis][0]
            first[axis] += step[axis] * moved
            last[axis] += step[axis] * moved
    return Sight((first[0], first[1]), (last[0], last[1]), (step[0], step[1]))
