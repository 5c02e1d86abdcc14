"""Pictures of data, of a training run and of its results; each is a `Plot`: a figure, its data, the
same as text.
"""

from minicnn.plots.augmentation import augmentation_preview
from minicnn.plots.base import Plot
from minicnn.plots.comparison import accuracy_by_size, compared_curves
from minicnn.plots.confusion import confusion_heatmap
from minicnn.plots.curves import learning_curves
from minicnn.plots.data import class_distribution, image_grid
from minicnn.plots.explain import activations, filters, heat_overlay, im2col
from minicnn.plots.finder import lr_finder
from minicnn.plots.graph import network
from minicnn.plots.multiples import curves_side_by_side
from minicnn.plots.predictions import mistakes_gallery, predictions_grid
from minicnn.plots.scores import class_scores, reliability_diagram
from minicnn.plots.searches import search_history, search_slices
from minicnn.plots.trade import trade

__all__ = [
    "Plot",
    "accuracy_by_size",
    "activations",
    "augmentation_preview",
    "class_distribution",
    "class_scores",
    "compared_curves",
    "confusion_heatmap",
    "curves_side_by_side",
    "filters",
    "heat_overlay",
    "im2col",
    "image_grid",
    "learning_curves",
    "lr_finder",
    "mistakes_gallery",
    "network",
    "predictions_grid",
    "reliability_diagram",
    "search_history",
    "search_slices",
    "trade",
]
