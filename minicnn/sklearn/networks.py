"""The network that a classifier trains: made of what its user gives as `model`, and compiled."""

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from minicnn import applications, losses, optimizers
from minicnn.errors import did_you_mean
from minicnn.layers.base import Layer
from minicnn.models.model import Model
from minicnn.names.arguments import ANYTHING, argument_names
from minicnn.network.clone import clone
from minicnn.sklearn.small import small_network
from minicnn.types import Shape

ZOO = {name: getattr(applications, name) for name in applications.__all__ if name[0].isupper()}


def begun(
    model: Any, shape: Shape, n_classes: int, parameters: Mapping[str, Any], who: str
) -> Model:
    """The model that is meant: the own small one for None, one of the zoo by name, what a function
    makes, or that which is given.

    Raises ValueError for an unknown name, TypeError for anything else and for parameters that
    nobody takes.
    """
    if isinstance(model, Model):
        if parameters:
            raise TypeError(
                f"{who} expected no parameters for a model that is made already, received "
                f"{', '.join(f'model__{name}' for name in parameters)}: give a function that makes "
                "the model from input_shape, n_classes and them"
            )
        return model
    make = small_network if model is None else model
    if isinstance(model, str):
        if model not in ZOO:
            raise ValueError(f"{who} knows no network {model!r}.{did_you_mean(model, ZOO)}")
        make = ZOO[model]
    if not callable(make):
        raise TypeError(
            f"{who} expected model as None, a name such as 'SmallCNN', a model, or a function that "
            f"makes one from input_shape and n_classes, received {model!r:.80}"
        )
    made = called(make, shape, n_classes, parameters, who)
    if not isinstance(made, Model):
        raise TypeError(
            f"{who} expected a model of its function, received {made!r:.80}: return the Sequential "
            "or Model"
        )
    return made


def called(
    make: Callable[..., Any],
    shape: Shape,
    n_classes: int,
    parameters: Mapping[str, Any],
    who: str,
) -> Any:
    """What a function makes, called with those of input_shape and n_classes that it takes (the
    zoo's take `classes`, and weights=None) and the parameters.
    """
    takes = argument_names(make)
    unknown = [name for name in parameters if name not in takes]
    if unknown and ANYTHING not in takes:
        name = getattr(make, "__name__", make)
        raise TypeError(
            f"{who} expected model__ and an argument of {name}, received "
            f"'model__{unknown[0]}'.{did_you_mean(unknown[0], takes)}"
        )
    told: dict[str, Any] = {"input_shape": shape, "n_classes": n_classes}
    if make in ZOO.values():
        told = {"input_shape": shape, "classes": n_classes, "weights": None}
    known = {name: value for name, value in told.items() if {name, ANYTHING} & takes}
    return make(**{**known, **parameters})


def drawn(model: Model, shape: Shape, seed: int, class_names: Iterable[str]) -> Model:
    """A model like that one, built, with fresh weights, which the seed determines, but for those of
    layers that have been trained or loaded.
    """
    copied = clone(model, Layer.clone, seed=seed, class_names=model.class_names or class_names)
    copied.build((None, *shape))
    learnt = {path: layer for path, layer in model.leaves.items() if not layer.has_fresh_weights}
    for path, layer in learnt.items():
        if layer.variables_by_name:
            for name, values in layer.variables_by_name.items():
                copied.leaves[path].variables_by_name[name][...] = values
            copied.leaves[path].has_fresh_weights = False
    return copied


def compile_like(model: Model, given: Model, optimizer: Any, learning_rate: Any, loss: Any) -> None:
    """Compile a model as the user says, where nothing is said as the given one is compiled, and
    else with Adam and the cross-entropy that goes with its last layer.
    """
    chosen = optimizers.get(first(optimizer, given.optimizer, "adam"))
    fresh = type(chosen).from_config(chosen.get_config())
    if learning_rate is not None:
        fresh.learning_rate = learning_rate
    model.compile(
        fresh,
        copy.deepcopy(first(loss, given.loss, usual_loss(model))),
        copy.deepcopy(given.metrics) or ["accuracy"],
    )


def usual_loss(model: Model) -> losses.Loss:
    """Cross-entropy, of two classes where a single unit decides."""
    is_single = model.head.output_shape[-1] == 1
    of = losses.BinaryCrossentropy if is_single else losses.SparseCategoricalCrossentropy
    return of(from_logits=model.ends_in is None)


def first(*choices: Any) -> Any:
    """The first that is not None."""
    return next(choice for choice in choices if choice is not None)


def check_decides(model: Model, n_classes: int, who: str) -> None:
    """Raise ValueError unless a model decides among so many classes that exclude one another."""
    units = model.head.output_shape
    if len(units) != 1 or model.classes != n_classes:
        raise ValueError(
            f"{who} expected a model that ends in {n_classes} units, one for each class in y, "
            f"received {model.name!r} with outputs of {units}: give a function that takes n_classes"
        )
    if model.ends_in == "sigmoid" and units[0] > 1:
        raise ValueError(
            f"{who} expected classes that exclude one another, received {model.name!r} with "
            f"{units[0]} units that each say yes or no: end in a softmax"
        )
