"""One explainer for each kind of layer, loss and optimizer; importing this registers them all."""

from minicnn.explain.tracing.reasons import (
    activations,
    conv,
    dense,
    losses,
    merging,
    noise,
    normalization,
    optimizers,
    pooling,
    shapes,
)

__all__ = [
    "activations",
    "conv",
    "dense",
    "losses",
    "merging",
    "noise",
    "normalization",
    "optimizers",
    "pooling",
    "shapes",
]
