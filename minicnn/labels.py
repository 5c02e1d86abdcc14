"""Labels in their two forms, sparse (one integer per sample) and one-hot (one row of K numbers), and their mistakes."""

import numpy as np

Array = np.ndarray


def is_sparse(y: Array) -> bool:
    """Whether labels are (N,) or (N, 1) rather than (N, K)."""
    return y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1)


def sparse_rows(y: Array, classes: int, owner: str) -> Array:
    """Integer labels (N,), 0 <= label < classes, for y of shape (N,) or (N, 1).

    Raises ValueError when y is one-hot, not integer, or out of range: NumPy would index backwards with -1.
    """
    if not is_sparse(y):
        raise ValueError(
            f"{owner} expected integer labels (N,) or (N, 1), received shape {y.shape}: "
            "one-hot labels go with 'categorical_crossentropy', or use y.argmax(axis=1)"
        )
    labels = y.reshape(-1)
    integers = labels.astype(np.int64, copy=False)
    if labels.dtype.kind not in "iu" and not np.array_equal(integers, labels):
        raise ValueError(f"{owner} expected integer labels, received {labels[integers != labels][0]!r} among them")
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(
            f"{owner} expected labels from 0 to {classes - 1}, received {labels.min()} to {labels.max()}: "
            f"the last layer must have one unit per class, {int(labels.max()) + 1} or more"
        )
    return integers


def one_hot_rows(y: Array, classes: int, owner: str) -> Array:
    """y, when it is (N, classes). Raises ValueError when it is sparse or has another number of classes."""
    if is_sparse(y) and classes > 1:
        raise ValueError(
            f"{owner} expected one-hot labels (N, {classes}), received shape {y.shape}: "
            f"integer labels go with 'sparse_categorical_crossentropy', or use utils.to_categorical(y, {classes})"
        )
    if y.ndim != 2 or y.shape[1] != classes:
        raise ValueError(
            f"{owner} expected one-hot labels (N, {classes}), received shape {y.shape}: "
            "the last layer must have one unit per class"
        )
    return y


def class_of(y: Array) -> Array:
    """The class of each sample (N,), from labels in either form."""
    return y.reshape(-1).astype(np.int64, copy=False) if is_sparse(y) else y.argmax(axis=-1)
