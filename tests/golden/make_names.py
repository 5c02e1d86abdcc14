"""Write names.json: the names that Keras has, for tests/test_names.py.

Needs Keras 3 with any backend; last run with Keras 3.15.1 on JAX. Run it here: KERAS_BACKEND=jax
python make_names.py

    modules     every public name of the modules that minicnn has too
    attributes  every public attribute and method of the classes that minicnn has too
    arguments   every argument of what both have, with its default ("<required>" for none), **kwargs
                being the arguments of the base classes that they end in
"""

import inspect
import json
from pathlib import Path

import keras
from keras.src.legacy.preprocessing import image

import minicnn

MODULES = (
    "layers optimizers losses metrics callbacks initializers regularizers constraints models utils "
    "datasets datasets.cifar10 datasets.cifar100 datasets.mnist datasets.fashion_mnist activations"
)
CLASSES = {
    "Sequential": keras.Sequential,
    "Layer": keras.layers.Layer,
    "Optimizer": keras.optimizers.Optimizer,
    "Loss": keras.losses.Loss,
    "Metric": keras.metrics.Metric,
    "Callback": keras.callbacks.Callback,
    "LearningRateSchedule": keras.optimizers.schedules.LearningRateSchedule,
    "ImageDataGenerator": image.ImageDataGenerator,
}
METHODS = (
    "build summary compile fit evaluate predict train_on_batch test_on_batch predict_on_batch save "
    "save_weights load_weights get_layer add"
)


def public(thing):
    return sorted(name for name in dir(thing) if not name.startswith("_"))


def arguments_of(function, classes=()):
    """{argument: default}; `classes` are those whose constructors **kwargs go to."""
    found = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            for base in classes[:1]:  # which cannot require anything any more
                inherited = arguments_of(base.__init__, classes[1:])
                found = {
                    name: value for name, value in inherited.items() if value != "<required>"
                } | found
        elif parameter.kind is not parameter.VAR_POSITIONAL and parameter.name not in (
            "self",
            "pool_mode",
        ):
            default = parameter.default
            if default is parameter.empty:
                default = "<required>"
            elif not isinstance(default, str | int | float | bool | list | tuple | type(None)):
                default = f"<{type(default).__name__}>"
            found[parameter.name] = default
    return found


def arguments_of_class(cls):
    bases = [
        base
        for base in cls.__mro__
        if "__init__" in vars(base) and base.__module__.startswith("keras")
    ]
    return arguments_of(bases[0].__init__, bases[1:]) if bases else {}


def shared(module, ours, path):
    """The arguments of the classes and functions that both modules have."""
    for name in public(module):
        thing = getattr(module, name)
        if (
            hasattr(ours, name)
            and (inspect.isclass(thing) or inspect.isfunction(thing))
            and name != "get"
        ):
            is_class = inspect.isclass(thing)
            yield f"{path}.{name}", arguments_of_class(thing) if is_class else arguments_of(thing)


def module_of(package, path):
    for part in path.split("."):
        package = getattr(package, part, None)
    return package


modules = {"": public(keras)} | {path: public(module_of(keras, path)) for path in MODULES.split()}
arguments = {}
for path in MODULES.split():
    arguments |= shared(module_of(keras, path), module_of(minicnn, path), path)
arguments |= shared(keras.optimizers.schedules, minicnn.schedules, "schedules")
arguments["Sequential"] = arguments_of_class(keras.Sequential)
arguments |= {
    f"Sequential.{name}": arguments_of(getattr(keras.Sequential, name)) for name in METHODS.split()
}
arguments["ImageDataGenerator"] = arguments_of_class(image.ImageDataGenerator)
for name in ("fit", "flow"):
    arguments[f"ImageDataGenerator.{name}"] = arguments_of(getattr(image.ImageDataGenerator, name))
modules["schedules"] = public(keras.optimizers.schedules)
names = {
    "keras": keras.__version__,
    "modules": modules,
    "attributes": {name: public(cls) for name, cls in CLASSES.items()},
    "arguments": arguments,
}
Path(__file__).with_name("names.json").write_text(json.dumps(names, separators=(",", ":")) + "\n")
