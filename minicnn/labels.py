"""Labels in their two forms, sparse (one integer per sample) and one-hot (one row of K numbers),
and their mistakes.

A network whose outputs are (N, H, W, K) answers at every place of a picture: its labels are the
same of every place, (N, H, W) or (N, H, W, K).
"""

import numpy as np
from numpy.typing import ArrayLike

from minicnn.expect import array, count
from minicnn.names import known_arguments
from minicnn.types import Array

NAMED = 5  # words in a message
ONE_ANSWER = (
    "for one answer per picture put Flatten() or GlobalAveragePooling2D() before the last layer"
)


def is_sparse(y: Array, axes: int = 2) -> bool:
    """Whether labels for predictions (N, K), or of that many axes, are (N,) or (N, 1), not (N,
    K).
    """
    return y.ndim == axes - 1 or (y.ndim == axes and y.shape[-1] == 1)


def sparse_rows(y: Array, shape: tuple[int, ...], owner: str) -> Array:
    """Integer labels (N, ...), 0 <= label < K, for predictions of the shape (N, ..., K) and y
    without the last axis, or with one of a single number.

    Raises ValueError when y is one-hot, not integer, or out of range: NumPy would index backwards
    with -1.
    """
    places, classes = shape[1:-1], shape[-1]
    if not is_sparse(y, len(shape)) or y.shape[1 : len(shape) - 1] != places:
        hint = (
            "one-hot labels go with 'categorical_crossentropy', or use "
            f"y.argmax(axis={len(shape) - 1})"
        )
        if places and y.ndim != len(shape):
            hint = ONE_ANSWER
        raise ValueError(
            f"{owner} expected integer labels {_axes(*places)} or {_axes(*places, 1)}, received "
            f"shape {y.shape}: {hint}"
        )
    integers = whole(y, owner).reshape(len(y), *places)
    units = int(integers.max(initial=0)) + 1
    check_range(
        integers, classes, owner, f"the last layer must have one unit per class, {units} or more"
    )
    return integers


def check_range(labels: Array, classes: int, owner: str, fix: str) -> None:
    """Raise ValueError for integer labels that are not all from 0 to classes - 1."""
    if not labels.size or 0 <= labels.min() <= labels.max() < classes:
        return
    low, high = labels.min(), labels.max()
    fix = "labels count from 0, use y - 1" if low >= 1 and high == classes else fix
    raise ValueError(
        f"{owner} expected labels from 0 to {classes - 1}, received {low} to {high}: {fix}"
    )


def whole(y: Array, owner: str) -> Array:
    """Labels of any shape as int64.

    Raises ValueError for words, and for numbers that are not whole.
    """
    if y.dtype.kind in "iu":
        return y.astype(np.int64, copy=False)
    check_numbers(y, owner)
    with np.errstate(invalid="ignore"):  # NaN and infinity are not whole either
        integers = y.astype(np.int64)
    if not np.array_equal(integers, y):
        raise ValueError(
            f"{owner} expected integer labels, received {y[integers != y][0]!r} among them"
        )
    return integers


def check_numbers(y: Array, owner: str) -> None:
    """Raise ValueError for labels that are words, or anything else but numbers."""
    if y.dtype.kind in "biuf":
        return
    strange = [
        label for label in y.flat if not isinstance(label, int | float | np.number | np.bool_)
    ]
    if not strange:  # numbers as Python's objects
        return
    if not all(isinstance(label, str | bytes) for label in strange):
        raise ValueError(f"{owner} expected numbers as labels, received {strange[0]!r} among them")
    words = sorted({str(label) for label in strange})
    shown = ", ".join(map(repr, words[:NAMED])) + (
        f" and {len(words) - NAMED} more" if len(words) > NAMED else ""
    )
    raise ValueError(
        f"{owner} expected numbers as labels, received the words {shown}: class_names, y = "
        "np.unique(y, return_inverse=True) makes numbers of them"
    )


def is_of_classes(y: Array) -> bool:
    """Whether labels look like classes: whole numbers (N,) or (N, 1), or rows with a single 1."""
    if is_sparse(y):
        return y.dtype.kind in "biu" or bool(np.array_equal(y, np.round(y)))
    return y.ndim == 2 and bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())


def of_two_classes(yes: Array) -> Array:
    """The probabilities of both of two classes (N, 2), for those of the second, (N,) or (N, 1)."""
    yes = yes.reshape(-1, 1)
    return np.concatenate([1 - yes, yes], axis=1)


def aligned(y: Array, shape: tuple[int, ...], owner: str) -> Array:
    """Labels for predictions of that shape: where each sample, or each place, has one prediction,
    (N, 1), labels may also be (N,), as in Keras.

    Raises ValueError for words.
    """
    check_numbers(y, owner)
    return y[..., None] if shape[-1:] == (1,) and y.ndim == len(shape) - 1 else y


def check_shape(y: Array, shape: tuple[int, ...], owner: str) -> None:
    """Raise ValueError unless labels are of the predictions' shape, whatever their number."""
    if y.shape[1:] == shape[1:] and y.ndim == len(shape):
        return
    wanted = f"(N, {', '.join(map(str, shape[1:]))})"
    hint = "the last layer must have an output for each of them"
    if y.ndim == 2 and shape[1:] == (1,):
        hint = (
            "one output goes with labels (N,), such as y[:, 1] of two one-hot classes, or end in "
            f"Dense({y.shape[1]})"
        )
    elif y.size == len(y) and len(shape) == 2:
        hint = (
            "integer labels go with 'sparse_categorical_crossentropy' and accuracy, or use "
            f"utils.to_categorical(y, {shape[1]})"
        )
    raise ValueError(f"{owner} expected labels {wanted}, received shape {y.shape}: {hint}")


def check_yes_or_no(y: Array, owner: str) -> None:
    """Raise ValueError for labels that are not 0 for no, 1 for yes, or a probability between."""
    if not y.size or (y.min() >= 0 and y.max() <= 1):
        return
    low, high = y.min(), y.max()
    fix = "the labels of several classes go with Dense(K, activation='softmax')"
    if np.isnan(low):
        fix = "look for NaN in them"
    elif (low, high) == (-1, 1):
        fix = "use (y + 1) / 2"
    elif (low, high) == (1, 2):
        fix = "labels count from 0, use y - 1"
    elif y.ndim > 2:
        fix = "divide pixels by 255"
    raise ValueError(f"{owner} expected labels from 0 to 1, received {low} to {high}: {fix}")


def one_hot_rows(y: Array, shape: tuple[int, ...], owner: str) -> Array:
    """y, when it is one-hot for predictions of the shape (N, ..., K): of that shape, whatever N.

    Raises ValueError when it is sparse, or has another number of classes.
    """
    check_numbers(y, owner)
    places, classes = shape[1:-1], shape[-1]
    if y.ndim == len(shape) and y.shape[1:] == shape[1:]:
        return y
    if is_sparse(y, len(shape)) and classes > 1:
        hint = (
            "integer labels go with 'sparse_categorical_crossentropy', or use "
            f"utils.to_categorical(y, {classes})"
        )
    elif places:
        hint = f"{ONE_ANSWER}, or have that give a number per class"
    elif y.ndim == 3 and y.shape[1] == y.shape[2]:
        hint = "they are one-hot twice"
    else:
        hint = "the last layer must have one unit per class"
    raise ValueError(
        f"{owner} expected one-hot labels {_axes(*places, classes)}, received shape {y.shape}: "
        f"{hint}"
    )


def _axes(*axes: int) -> str:
    """Those after N, as messages show them: (N, 4, 4), or (N,)."""
    return f"(N, {', '.join(map(str, axes))})" if axes else "(N,)"


def class_of(y: Array, owner: str, axes: int = 2) -> Array:
    """The class of each sample (N,), or of each place, from labels in either form for predictions
    (N, K), or of that many axes.

    Raises ValueError for words and other shapes.
    """
    check_numbers(y, owner)
    if is_sparse(y, axes):
        return y.reshape(y.shape[: axes - 1]).astype(np.int64, copy=False)
    if y.ndim != axes:
        wanted = "(N,), (N, 1) or one-hot (N, K)" if axes == 2 else "of each place of the answers"
        raise ValueError(f"{owner} expected labels {wanted}, received shape {y.shape}")
    return y.argmax(axis=-1)


@known_arguments
def to_categorical(x: ArrayLike, num_classes: int | None = None) -> np.ndarray:
    """One-hot float32 labels (..., K) for integer ones (...), where a last axis of one number
    counts as none.

    Labels (n,) or (n, 1) give (n, K); K is the largest label + 1 unless given. Raises ValueError
    for labels that are no integers from 0 to num_classes - 1.

    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    labels = whole(array(x, "labels", "to_categorical"), "to_categorical")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is None and labels.size == 0:
        raise ValueError("to_categorical expected num_classes for no labels at all, received None")
    classes = (
        int(labels.max()) + 1
        if num_classes is None
        else count(num_classes, "num_classes", "to_categorical")
    )
    check_range(
        labels,
        classes,
        "to_categorical",
        "num_classes is one more than the largest label, and 0 the least",
    )
    return np.eye(classes, dtype=np.float32)[labels]
