"""The loss that goes with what a model ends in, whatever it is compiled with."""

from minicnn.losses import BinaryCrossentropy, Loss, SparseCategoricalCrossentropy
from minicnn.network import Network


def loss_for(model: Network) -> Loss:
    """Binary cross-entropy of one unit and of a sigmoid, else the cross-entropy of classes."""
    logits = model.ends_in is None
    if says_yes_or_no(model):
        return BinaryCrossentropy(from_logits=logits)
    return SparseCategoricalCrossentropy(from_logits=logits)


def says_yes_or_no(model: Network) -> bool:
    """Whether every output is a yes or no, rather than that of one class among others."""
    return model.ends_in == "sigmoid" or model.head.output_shape[-1] == 1


def has_labels_of_classes(model: Network) -> bool:
    """Whether samples are of one class each: not where several outputs say yes or no."""
    return not says_yes_or_no(model) or model.head.output_shape[-1] == 1
