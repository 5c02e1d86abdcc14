"""Where in a picture a decision comes from: by the features of a layer, by the pixels, by covering
parts of it.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minicnn.expect import count, is_integer
from minicnn.explain.frozen import Frozen
from minicnn.explain.picture import one_picture
from minicnn.explain.results import GradCam, Occlusion, Saliency
from minicnn.explain.sight import Sight, sights
from minicnn.layers import CONVOLUTIONS
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.network.ending import class_scores
from minicnn.network.graph import Call
from minicnn.training import checks
from minicnn.types import Array

BATCH = 64  # covered pictures that occlusion runs together


@known_arguments
def grad_cam(
    model: Network, x: ArrayLike, class_index: int | None = None, layer: str | None = None
) -> GradCam:
    """Where the features that a layer has found in a picture speak for a class (Grad-CAM).

        alpha_k = mean over i, j of d(score) / d A[i, j, k]   how feature k speaks for the class
        coarse  = max(0, sum_k alpha_k A[:, :, k])            where the features are that do

    A (OH, OW, F) is the layer's output, and the score that of the class before the softmax. In the
    enlarged map, each number of the coarse one is at the middle of the pixels that it depends on,
    with linear steps in between.

    Args:
        x: one picture (H, W, C).
        class_index: the class; the model's own answer unless given.
        layer: the name of a layer whose output is (OH, OW, F), "backbone/conv2d" where it is in a
            model inside; unless given, the convolution that is nearest to the output, of several
            the one that most layers come before. Earlier layers are sharper and know less about
            classes. Of a layer that is called several times, the last call.

    Raises ValueError for a picture, class or layer that the model does not have, or a model without
    convolutions. Warns when the model has neither been trained nor loaded, or pixels are in another
    range than it expects.
    Source: Selvaraju et al. 2017, arXiv:1610.02391, equations 1 and 2.
    """
    picture, batch = one_picture(model, x, "explain.grad_cam")
    _warn(model, picture)
    frozen = Frozen(model)
    call, name = _target(model, frozen, layer)
    values = frozen.run(batch)
    features = values[call.writes]
    chosen = _chosen(model, frozen, class_scores(values[frozen.output]), class_index)
    # (F,)
    weights = frozen.gradient(values, chosen["class_index"], call.writes)[0].mean(axis=(0, 1))
    coarse = np.maximum(features[0] @ weights, 0)  # (OH, OW)
    return GradCam(
        method="Grad-CAM",
        of=f"features of {name}",
        picture=picture,
        heat=enlarge(coarse, sights(frozen.calls)[call.writes], picture.shape[:2]),
        layer=name,
        weights=weights,
        coarse=coarse,
        **chosen,
    )


@known_arguments
def saliency(model: Network, x: ArrayLike, class_index: int | None = None) -> Saliency:
    """Which pixels move the score of a class: the gradient of the score, its largest channel.

        heat[h, w] = max over c of |d(score) / d x[h, w, c]|

    Args:
        x: one picture (H, W, C).
        class_index: the class; the model's own answer unless given.

    Raises ValueError for a picture or class that the model does not have.
    Warns as `grad_cam` does.
    Source: Simonyan, Vedaldi, Zisserman 2013, arXiv:1312.6034, section 3.1.
    """
    picture, batch = one_picture(model, x, "explain.saliency")
    _warn(model, picture)
    frozen = Frozen(model)
    values = frozen.run(batch)
    chosen = _chosen(model, frozen, class_scores(values[frozen.output]), class_index)
    gradient = frozen.gradient(values, chosen["class_index"])[0]
    return Saliency(
        method="Saliency",
        of="effect of each pixel",
        picture=picture,
        heat=np.abs(gradient).max(axis=-1),
        gradient=gradient,
        **chosen,
    )


@known_arguments
def occlusion(
    model: Network, x: ArrayLike, class_index: int | None = None, size: int = 8, stride: int = 2
) -> Occlusion:
    """How much of a class's probability is lost when a part of the picture is covered by a square
    of its mean colour.

        heat[h, w] = mean of  p(picture) - p(picture with that square),  over squares on (h, w)

    Args:
        x: one picture (H, W, C).
        class_index: the class; the model's own answer unless given.
        size: rows and columns of the square, in pixels.
        stride: its step. The last square of a row or column ends at the picture's edge, whatever
            the step.

    Raises ValueError for a picture or class that the model does not have, and for a square that
    does not fit. Warns as `grad_cam` does.
    Source: Zeiler & Fergus 2013, arXiv:1311.2901, section 4.2.
    """
    picture, batch = one_picture(model, x, "explain.occlusion")
    size, stride = (
        count(size, "size", "explain.occlusion"),
        count(stride, "stride", "explain.occlusion"),
    )
    if size > min(picture.shape[:2]) or stride > size:
        raise ValueError(
            f"explain.occlusion expected stride <= size <= {min(picture.shape[:2])}, the picture's "
            f"shorter side, so that every pixel is covered, received size={size}, stride={stride}"
        )
    _warn(model, picture)
    frozen = Frozen(model)
    chosen = _chosen(model, frozen, frozen.scores(batch), class_index)
    rows, columns = ([*range(0, n - size, stride), n - size] for n in picture.shape[:2])
    places = [
        (slice(row, row + size), slice(column, column + size)) for row in rows for column in columns
    ]
    scores = []
    for start in range(0, len(places), BATCH):
        some = places[start : start + BATCH]
        covered = np.repeat(batch, len(some), axis=0)
        for one, place in zip(covered, some, strict=True):
            one[place] = batch.mean(axis=(0, 1, 2))
        scores.append(frozen.scores(covered))
    probabilities = frozen.probabilities(np.concatenate(scores))[:, chosen["class_index"]]
    lost, times = np.zeros((2, *picture.shape[:2]))
    for probability, place in zip(probabilities.tolist(), places, strict=True):
        lost[place] += chosen["probability"] - probability
        times[place] += 1
    return Occlusion(
        method="Occlusion",
        of=f"probability lost when {size}x{size} are covered",
        picture=picture,
        heat=lost / times,
        rows=rows,
        columns=columns,
        probabilities=probabilities.reshape(len(rows), len(columns)),
        **chosen,
    )


def enlarge(coarse: Array, sight: Sight, shape: tuple[int, int]) -> Array:
    """A map of places (OH, OW) as one of the picture's pixels (H, W), linear between the places.

    A place is drawn at the middle of the pixels that it depends on. Beyond the outermost places the
    map goes on as it is there. (Stretching the map to the edges instead would draw things several
    pixels from where they are.)
    """
    heat = coarse
    for axis in range(2):
        middles = sight.middle(axis) + sight.step[axis] * np.arange(coarse.shape[axis])
        # (OH, H)
        pixels = [
            np.interp(np.arange(shape[axis]), middles, place) for place in np.eye(len(middles))
        ]
        # the axis done goes last: after two, (H, W)
        heat = np.tensordot(heat, np.array(pixels), axes=(0, 0))
    return heat


def _warn(model: Network, picture: Array) -> None:
    checks.fresh_weights(model)
    checks.pixel_range(model, picture[None])


def _chosen(
    model: Network, frozen: Frozen, scores: Array, class_index: int | None
) -> dict[str, Any]:
    """Number, name and probability of the class to explain."""
    K = scores.shape[-1]
    index = int(scores[0].argmax()) if class_index is None else class_index
    if not is_integer(index, 0) or index >= K:
        raise ValueError(
            f"{model.name!r} expected a class_index from 0 to {K - 1}, received {class_index!r}"
        )
    names = model.class_names or [f"class {number}" for number in range(K)]
    return {
        "class_index": int(index),
        "class_name": names[index],
        "probability": float(frozen.probabilities(scores)[0, index]),
    }


def _target(model: Network, frozen: Frozen, name: str | None) -> tuple[Call, str]:
    """The last call of the layer of that name, or of the convolution before the output, and its
    path.
    """
    path = last_convolution(frozen) if name is None else name
    if path is None:
        raise ValueError(
            "explain.grad_cam expected a model with a convolution (Conv2D), received "
            f"{model.name!r}, which has none: name a layer whose output is (OH, OW, F), or use "
            "explain.saliency or explain.occlusion"
        )
    layer = model.leaves[path] if path in model.leaves else model.get_layer(path)
    calls = [call for call, own in zip(frozen.calls, frozen.paths, strict=True) if own == path]
    if isinstance(layer, Network) or len(layer.output_shape) != 3:
        what = (
            repr(layer)
            if isinstance(layer, Network)
            else f"{layer} with output {layer.output_shape}"
        )
        hint = (
            f"name one in it, {path}/..."
            if isinstance(layer, Network)
            else "name one before Flatten or global pooling"
        )
        raise ValueError(
            f"explain.grad_cam expected a layer whose output is (OH, OW, F), received {what}: "
            f"{hint}"
        )
    if not calls:
        raise ValueError(
            f"explain.grad_cam expected a layer that computes, received {layer}: use "
            "explain.saliency"
        )
    return calls[-1], path


def last_convolution(frozen: Frozen) -> str | None:
    """The path of the convolution that is nearest to the output; of several, of the one with most
    layers before it.
    """
    below: dict[
        int, int
    ] = {}  # of values: the longest way from there to the output, and from the picture
    above: dict[int, int] = {}
    for call in reversed(frozen.calls):
        for n in call.reads:
            below[n] = max(below.get(n, 0), below.get(call.writes, 0) + 1)
    for call in frozen.calls:
        above[call.writes] = 1 + max(above.get(n, 0) for n in call.reads)
    found = [
        (-below.get(call.writes, 0), above[call.writes], number)
        for number, call in enumerate(frozen.calls)
        if isinstance(call.layer, CONVOLUTIONS)
    ]
    return frozen.paths[max(found)[-1]] if found else None
