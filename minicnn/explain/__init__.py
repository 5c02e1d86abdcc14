"""Look inside a model: what its filters are, what each layer makes of a picture, where a decision
comes from; and a training step with all its numbers.

    cam = explain.grad_cam(model, picture)
    print(cam.to_text())
    cam.plot().save("cam.png")

Every function returns an object with its arrays, `to_text()`, `to_dict()` and `plot()`. None of
them changes the model.
"""

from minicnn.explain.maps import grad_cam, occlusion, saliency
from minicnn.explain.results import (
    Activations,
    Filters,
    GradCam,
    HeatMap,
    Im2col,
    Occlusion,
    Saliency,
)
from minicnn.explain.tracing import Trace, Why, load_trace, trace, why
from minicnn.explain.views import activations, filters, im2col

__all__ = [
    "Activations",
    "Filters",
    "GradCam",
    "HeatMap",
    "Im2col",
    "Occlusion",
    "Saliency",
    "Trace",
    "Why",
    "activations",
    "filters",
    "grad_cam",
    "im2col",
    "load_trace",
    "occlusion",
    "saliency",
    "trace",
    "why",
]
