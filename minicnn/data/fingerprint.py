"""By what data are known wherever they lie."""

import hashlib
from collections.abc import Sequence

import numpy as np


def fingerprint(class_names: Sequence[str] | None, *parts: tuple[np.ndarray, np.ndarray]) -> str:
    """16 digits that are the same for the same class names, pictures and labels, each in the same
    order.

    Paths and times do not come into it: pictures that were moved or copied have the fingerprint
    that they had. It takes a quarter of a second for CIFAR-10.

    Args:
        parts: (x, y), such as those to train on, to validate on and to test on.
    """
    digest = hashlib.blake2b(
        repr([str(name) for name in class_names or ()]).encode(), digest_size=8
    )
    for x, y in parts:
        # labels (n,) and (n, 1) say the same
        for array in (
            x,
            np.asarray(y).reshape(-1).astype(np.int64),
        ):
            digest.update(f"{array.shape} {array.dtype.name}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
