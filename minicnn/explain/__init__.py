"""Look inside a trained model: what its filters are, what each layer makes of a picture, where a
decision comes from.

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
from minicnn.explain.views import activations, filters, im2col

__all__ = [
    "Activations",
    "Filters",
    "GradCam",
    "HeatMap",
    "Im2col",
    "Occlusion",
    "Saliency",
    "activations",
    "filters",
    "grad_cam",
    "im2col",
    "occlusion",
    "saliency",
]
