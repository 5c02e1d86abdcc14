"""Losses that compare every output with its target on its own."""

import numpy as np

from minicnn.labels import aligned, check_shape
from minicnn.losses.base import Loss
from minicnn.types import Array


class ElementwiseLoss(Loss):
    """The mean over a sample's outputs of what is wrong with each.

        loss_n = mean over k of f(t_nk, y_nk)

    A subclass defines f and df/dy as `compare`. Outputs are the last axis; of (N, H, W, C), as a
    network between pictures makes them, every place has a loss.
    """

    def compare(self, t: Array, y: Array) -> tuple[Array, Array]:
        """f(t, y) and df/dy for targets and predictions of one shape."""
        raise NotImplementedError(f"{type(self).__name__} must define compare(t, y)")

    def compare_logits(self, t: Array, z: Array) -> tuple[Array, Array]:
        """The same for logits z, of what `fuses` names."""
        raise NotImplementedError(f"{type(self).__name__} takes no logits")

    def targets(self, y_true: Array, shape: tuple[int, ...]) -> Array:
        """Targets in double precision, of the predictions' shape.

        Raises ValueError for others, NaN and infinity.
        """
        t = aligned(y_true, shape, self.owner)
        check_shape(t, shape, self.owner)
        t = t.astype(np.float64)
        if not np.isfinite(t).all():
            raise ValueError(
                f"{self.owner} expected finite targets, received {t[~np.isfinite(t)][0]} among them"
            )
        return t

    def each(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        return over_outputs(*self.compare(y_true, y_pred))

    def each_of_logits(self, y_true: Array, logits: Array) -> tuple[Array, Array]:
        return over_outputs(*self.compare_logits(y_true, logits))


def over_outputs(values: Array, slopes: Array) -> tuple[Array, Array]:
    """Their mean over the last axis, and the gradient of that."""
    return values.mean(axis=-1), slopes / values.shape[-1]
