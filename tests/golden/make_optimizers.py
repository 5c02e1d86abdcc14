"""Make optimizers.json: weights after each of twelve steps of Keras' optimizers.

    python make_optimizers.py     needs keras and torch (made with 3.15.1 and 2.13.0); a minute

test_optimizers.py imports this file and does the same with minicnn. Two parameters in float64,
which Keras' Muon does not take on TensorFlow; one with gradients a hundred times larger than the
other's.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

GOLDEN = Path(__file__).with_name("optimizers.json")
STEPS, SHAPES, SCALES = 12, [(2, 3), (4,)], [1.0, 100.0]
# exact in float32, through which Keras takes its constants
RHO = {"rho": 0.875}
BETAS = {"beta_1": 0.875, "beta_2": 0.96875}
EPSILON = {"epsilon": 2.0**-10}
MUON = {"adam_beta_1": 0.875, "adam_beta_2": 0.96875, "momentum": 0.75}
COSINE = {"initial_learning_rate": 0.125, "decay_steps": 10}  # of CosineDecay

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "rmsprop": ("RMSprop", {**RHO, **EPSILON}),
    "rmsprop with momentum": ("RMSprop", {**RHO, **EPSILON, "momentum": 0.75}),
    "rmsprop centered": ("RMSprop", {**RHO, **EPSILON, "centered": True}),
    "rmsprop of everything": (
        "RMSprop",
        {**RHO, **EPSILON, "momentum": 0.5, "centered": True, "weight_decay": 0.125},
    ),
    "rmsprop with a schedule": ("RMSprop", {**RHO, **EPSILON, "learning_rate": COSINE}),
    "rmsprop by default": ("RMSprop", {}),
    "nadam": ("Nadam", {**BETAS, **EPSILON}),
    "nadam with decay": ("Nadam", {**BETAS, **EPSILON, "weight_decay": 0.125}),
    "nadam with a schedule": ("Nadam", {**BETAS, **EPSILON, "learning_rate": COSINE}),
    "nadam by default": ("Nadam", {}),
    "adagrad": ("Adagrad", {**EPSILON, "initial_accumulator_value": 0.5}),
    "adagrad with decay": ("Adagrad", {"weight_decay": 0.125}),
    "adagrad by default": ("Adagrad", {}),
    "adadelta": ("Adadelta", {**RHO, **EPSILON, "learning_rate": 1.0}),
    "adadelta with decay": ("Adadelta", {**RHO, **EPSILON, "weight_decay": 0.125}),
    "adadelta by default": ("Adadelta", {}),
    "adamax": ("Adamax", {**BETAS, **EPSILON}),
    "adamax with decay and a schedule": (
        "Adamax",
        {**BETAS, **EPSILON, "weight_decay": 0.125, "learning_rate": COSINE},
    ),
    "adamax by default": ("Adamax", {}),
    "lion": ("Lion", BETAS),
    "lion with decay": ("Lion", {**BETAS, "weight_decay": 0.125}),
    "lion by default": ("Lion", {}),
    "adam with amsgrad": ("Adam", {**BETAS, **EPSILON, "amsgrad": True}),
    "adamw with amsgrad": ("AdamW", {**BETAS, **EPSILON, "amsgrad": True, "weight_decay": 0.125}),
    "sgd, clipnorm": ("SGD", {"clipnorm": 1.5, "momentum": 0.75}),
    "sgd, clipvalue": ("SGD", {"clipvalue": 0.5, "momentum": 0.75, "nesterov": True}),
    "sgd, global_clipnorm": ("SGD", {"global_clipnorm": 8.0}),
    "adam, clipnorm": ("Adam", {**BETAS, **EPSILON, "clipnorm": 1.5}),
    "adam, clipvalue": ("Adam", {**BETAS, **EPSILON, "clipvalue": 0.5}),
    "rmsprop, clipnorm": ("RMSprop", {**RHO, **EPSILON, "clipnorm": 1.5, "momentum": 0.75}),
    "lion, clipvalue": ("Lion", {**BETAS, "clipvalue": 0.5}),
    "muon": ("Muon", {**MUON, **EPSILON}),
    "muon without rms_rate": (
        "Muon",
        {**MUON, "rms_rate": None, "nesterov": False, "ns_steps": 3, "weight_decay": None},
    ),
    "muon with a schedule": ("Muon", {**MUON, "learning_rate": COSINE, "adam_lr_ratio": 0.5}),
    "muon with decay": ("Muon", {**MUON, "weight_decay": 0.125, "adam_weight_decay": 0.5}),
    "muon of nothing": ("Muon", {**MUON, "exclude_layers": ["w$", "kernel"]}),
    "muon, clipnorm": ("Muon", {**MUON, "clipnorm": 1.5}),
    "muon by default": ("Muon", {}),
    "each its own": (
        "MultiOptimizer",
        {
            "(p0|dense)/.*": ("SGD", {"momentum": 0.75, "learning_rate": COSINE}),
            "p1/w": ("Adam", {**BETAS, **EPSILON, "weight_decay": 0.125}),
            "nothing": ("Lion", BETAS),
            "": ("RMSprop", {**RHO, **EPSILON}),
        },
    ),
    "all the same": ("MultiOptimizer", {"": ("Adamax", {**BETAS, **EPSILON})}),
    "nadam, averaged": (
        "Nadam",
        {**BETAS, **EPSILON, "use_ema": True, "ema_momentum": 0.75, "ema_overwrite_frequency": 4},
    ),
}


def initial() -> list[np.ndarray]:
    return [np.full(shape, i + 1.0) for i, shape in enumerate(SHAPES)]


def gradients() -> list[list[np.ndarray]]:
    rng = np.random.default_rng(6)
    return [
        [rng.standard_normal(shape) * scale for shape, scale in zip(SHAPES, SCALES, strict=True)]
        for _ in range(STEPS)
    ]


def made(optimizers: Any, name: str) -> Any:
    """The optimizer of that name, Keras' or minicnn's."""
    cls, arguments = OPTIMIZERS[name]
    if cls == "MultiOptimizer":
        parts = {path: single(optimizers, name, *one) for path, one in arguments.items()}
        return optimizers.MultiOptimizer(optimizers.OptimizerMap(parts.pop(""), parts))
    return single(optimizers, name, cls, arguments)


def single(optimizers: Any, name: str, cls: str, arguments: dict[str, Any]) -> Any:
    rate = arguments.get("learning_rate", None if "default" in name else 0.0625)
    if isinstance(rate, dict):
        rate = optimizers.schedules.CosineDecay(**rate)
    return getattr(optimizers, cls)(**arguments | ({} if rate is None else {"learning_rate": rate}))


def main() -> None:
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    keras.config.set_floatx("float64")
    results = {}
    for name in OPTIMIZERS:
        optimizer = made(keras.optimizers, name)
        variables = []
        for i, value in enumerate(initial()):
            with keras.name_scope(f"p{i}"):
                variables.append(keras.Variable(value, name="w"))
        optimizer.build(variables)
        rows = []
        for step in gradients():
            optimizer.apply([keras.ops.convert_to_tensor(g) for g in step], variables)
            rows.append(np.concatenate([np.asarray(v).reshape(-1) for v in variables]).tolist())
        results[name] = [rows[0], rows[1], rows[4], rows[-1]]
    GOLDEN.write_text(json.dumps(results) + "\n")


if __name__ == "__main__":
    main()
