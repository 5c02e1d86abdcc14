"""Muon, and the Newton-Schulz iteration that it is named after."""

from collections.abc import Sequence
from math import sqrt
from re import search
from typing import Any, Unpack

import numpy as np

from minicnn.expect import count, flag, number
from minicnn.optimizers.base import Optimizer, OptimizerOptions
from minicnn.schedules import LearningRateSchedule
from minicnn.types import Array, Shape

COEFFICIENTS = 3.4445, -4.7750, 2.0315
TINY = 1e-7  # keeps a norm of 0 from dividing


class Muon(Optimizer):
    """Steps that change a matrix by about the same in all directions; AdamW for all that is none.

        m      = momentum * m + gradient
        g      = gradient + momentum * m                                (nesterov; otherwise m)
        value -= learning_rate * orthogonal(g) * rms_rate * sqrt(max(rows, columns))

    The gradient of a matrix is often large in a few directions and small in all others.
    `orthogonal` makes its singular values alike, so that a step learns in the small ones as well.
    It is for the matrices inside a network: biases and other vectors are left to AdamW, and of the
    first and the last layer one says so by exclude_layers. Keras' Muon takes matrices alone, so the
    kernels of convolutions go to AdamW too; include_filters, which Keras has not, takes them as
    matrices (KH * KW * C, F) that a patch is multiplied by.

    Args:
        learning_rate: with rms_rate=0.2, one that suits AdamW suits Muon.
        adam_beta_1, adam_beta_2, epsilon: AdamW's, as in Adam.
        adam_weight_decay: the weight_decay of what AdamW changes.
        exclude_layers: regular expressions; AdamW also changes what one of them is found in, by its
            path, such as "dense_1/kernel".
        exclude_embeddings: whether AdamW changes what has "embedding" in its path.
        muon_a, muon_b, muon_c: of the iteration, see `orthogonal`.
        adam_lr_ratio: AdamW's learning rate as a share of Muon's.
        momentum, nesterov: as in SGD, but for the learning rate, which is not in m.
        ns_steps: how often to iterate.
        rms_rate: the root mean square of a step's numbers, times the learning rate; None leaves the
            factor out.
        include_filters: whether Muon changes kernels of convolutions.

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks",
        https://kellerjordan.github.io/posts/muon/; rms_rate, Liu et al. 2025, arXiv:2502.16982.

    >>> weight, gradient = np.zeros((2, 2)), np.array([[100.0, 0.0], [0.0, 1.0]])
    >>> optimizers.Muon(0.1, rms_rate=None).step([("dense/kernel", weight, gradient)])
    >>> weight.round(2)
    array([[-0.07,  0.  ],
           [ 0.  , -0.07]])
    """

    slot_names = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = COEFFICIENTS[0],
        muon_b: float = COEFFICIENTS[1],
        muon_c: float = COEFFICIENTS[2],
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        include_filters: bool = False,
        **options: Unpack[OptimizerOptions],
    ):
        super().__init__(learning_rate, weight_decay, **options)
        self.adam_beta_1 = number(adam_beta_1, "adam_beta_1", "Muon", least=0, below=1)
        self.adam_beta_2 = number(adam_beta_2, "adam_beta_2", "Muon", least=0, below=1)
        self.epsilon = number(epsilon, "epsilon", "Muon", least=0)
        for name, share in (("adam_weight_decay", adam_weight_decay), ("rms_rate", rms_rate)):
            if share is not None:
                number(share, name, "Muon", least=0)
        self.adam_weight_decay, self.rms_rate = adam_weight_decay, rms_rate
        self.exclude_layers = list(exclude_layers or [])
        self.exclude_embeddings = flag(exclude_embeddings, "exclude_embeddings", "Muon")
        self.muon_a = number(muon_a, "muon_a", "Muon")
        self.muon_b = number(muon_b, "muon_b", "Muon")
        self.muon_c = number(muon_c, "muon_c", "Muon")
        self.adam_lr_ratio = number(adam_lr_ratio, "adam_lr_ratio", "Muon", least=0)
        self.momentum = number(momentum, "momentum", "Muon", least=0, most=1)
        self.ns_steps = count(ns_steps, "ns_steps", "Muon")
        self.nesterov = flag(nesterov, "nesterov", "Muon")
        self.include_filters = flag(include_filters, "include_filters", "Muon")

    def slot_names_for(self, name: str, shape: Shape) -> tuple[str, ...]:
        left_out = () if self._is_for_adamw(name, shape) else ("velocity",)
        return tuple(slot for slot in self.slot_names if slot not in left_out)

    def _is_for_adamw(self, name: str, shape: Shape) -> bool:
        is_matrix = len(shape) == 2 or len(shape) == 4 and self.include_filters
        excluded = self.exclude_embeddings and "embedding" in name.lower()
        return not is_matrix or excluded or any(search(one, name) for one in self.exclude_layers)

    def decay_of(self, slots: dict[str, Array]) -> float | None:
        return self.adam_weight_decay if "velocity" in slots else self.weight_decay

    def update(self, value: Array, grad: Array, slots: dict[str, Array]) -> None:
        if "velocity" in slots:
            return self._adamw(value, grad, slots["momentum"], slots["velocity"])
        m = slots["momentum"]
        m *= self.momentum
        m += grad
        g = grad + m * value.dtype.type(self.momentum) if self.nesterov else m
        matrix = g.reshape(-1, g.shape[-1])
        step = orthogonal(matrix, self.ns_steps, (self.muon_a, self.muon_b, self.muon_c))
        size = 1.0 if self.rms_rate is None else self.rms_rate * sqrt(max(matrix.shape))
        value -= step.reshape(value.shape) * value.dtype.type(self.learning_rate * size)

    def _adamw(self, value: Array, grad: Array, m: Array, v: Array) -> None:
        """As adam.py."""
        t = self.iterations + 1
        corrected = sqrt(1 - self.adam_beta_2**t) / (1 - self.adam_beta_1**t)
        m += (grad - m) * (1 - self.adam_beta_1)
        v += (grad**2 - v) * (1 - self.adam_beta_2)
        size = self.learning_rate * self.adam_lr_ratio * corrected
        value -= value.dtype.type(size) * m / (np.sqrt(v) + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        own = (
            *("adam_beta_1", "adam_beta_2", "adam_weight_decay", "epsilon", "exclude_layers"),
            *("exclude_embeddings", "muon_a", "muon_b", "muon_c", "adam_lr_ratio", "momentum"),
            *("ns_steps", "nesterov", "rms_rate", "include_filters"),
        )
        return super().get_config() | {name: getattr(self, name) for name in own}


def orthogonal(
    g: Array, steps: int, coefficients: tuple[float, float, float] = COEFFICIENTS
) -> Array:
    """The matrix g (n, m) with all its singular values near 1 and the same singular vectors.

        x = g / norm of g
        x = a x + b (x x^T) x + c (x x^T)^2 x           `steps` times; or, where g is tall,
        x = a x + b x (x^T x) + c x (x^T x)^2           which is the same with smaller products

    so that every singular value s becomes a s + b s^3 + c s^5 at each step. The coefficients let
    small ones grow as fast as can be; for that they end anywhere from 0.7 to 1.2, where training
    does not mind it. The norm of all numbers is at least the largest singular value, which is hence
    at most 1 at the beginning.
    """
    a, b, c = (g.dtype.type(one) for one in coefficients)
    x = g / (np.linalg.norm(g) + g.dtype.type(TINY))
    for _ in range(steps):
        if len(x) > x.shape[1]:
            square = x.T @ x
            more = x @ (b * square + c * (square @ square))
        else:
            square = x @ x.T
            more = (b * square + c * (square @ square)) @ x
        x *= a
        x += more
    return x
