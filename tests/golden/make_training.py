"""Make training.json: Keras' learning rate schedules, weight decay and averaged weights; PyTorch's
one-cycle schedule.

    python make_training.py       needs keras, tensorflow and torch (made with 3.15.1, 2.21.0 and
                                  2.13.0); 30 seconds

test_schedules.py imports this file and does the same with minicnn. Schedules are written down at
every third step. A training is `fit` of one softmax layer in float64, without shuffling, for three
epochs of four steps: its history with validation, its weights after each epoch as callbacks see
them, its final weights and the averages of its weights.
"""

import json
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

GOLDEN = Path(__file__).with_name("training.json")
EVERY, SAMPLES, BATCH, EPOCHS = 3, 18, 5, 3
# exact in float32, through which Keras takes its constants
BETAS = {
    "beta_1": 0.875,
    "beta_2": 0.96875,
}

# Schedules: class, arguments, and how many steps are looked at
SCHEDULES: list[tuple[str, dict[str, Any], int]] = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "decay_rate": 0.5}, 60),
    (
        "ExponentialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9, "staircase": True},
        60,
    ),
    ("PiecewiseConstantDecay", {"boundaries": [6, 15, 16], "values": [1.0, 0.5, 0.25, 0.125]}, 30),
    ("PiecewiseConstantDecay", {"boundaries": [9], "values": [0.1, 0.01]}, 30),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 40}, 60),
    (
        "PolynomialDecay",
        {
            "initial_learning_rate": 0.5,
            "decay_steps": 13,
            "end_learning_rate": 0.125,
            "power": 2.0,
            "cycle": True,
        },
        60,
    ),
    (
        "PolynomialDecay",
        {"initial_learning_rate": 0.0, "decay_steps": 10, "end_learning_rate": 1.0, "power": 0.5},
        20,
    ),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 40}, 60),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 40, "alpha": 0.25}, 60),
    (
        "CosineDecay",
        {"initial_learning_rate": 0.0, "decay_steps": 40, "warmup_target": 0.1, "warmup_steps": 10},
        60,
    ),
    (
        "CosineDecay",
        {
            "initial_learning_rate": 0.02,
            "decay_steps": 30,
            "alpha": 0.1,
            "warmup_target": 0.1,
            "warmup_steps": 12,
        },
        60,
    ),
]

# One-cycle schedules: peak, steps, share of steps before the peak, and PyTorch's two factors
CYCLES: list[tuple[float, int, float, float, float]] = [
    (4e-3, 60, 0.25, 25.0, 1e4),
    (0.1, 50, 0.3, 25.0, 1e4),
    (1.0, 33, 0.5, 10.0, 100.0),
    (0.5, 10, 0.01, 25.0, 1e4),
]

# Trainings: optimizer, its arguments, and SwapEMAWeights' (None for none)
TRAININGS: dict[str, tuple[str, dict[str, Any], dict[str, Any] | None]] = {
    "sgd with weight decay": (
        "SGD",
        {"learning_rate": 0.25, "momentum": 0.5, "weight_decay": 0.125},
        None,
    ),
    "adam with weight decay": (
        "Adam",
        {"learning_rate": 0.0625, "weight_decay": 0.5, **BETAS},
        None,
    ),
    "adamw": ("AdamW", {"learning_rate": 0.0625, "weight_decay": 0.25, **BETAS}, None),
    "sgd, averaged": ("SGD", {"learning_rate": 0.5, "use_ema": True, "ema_momentum": 0.75}, None),
    "adam, averaged, overwritten": (
        "Adam",
        {
            "learning_rate": 0.125,
            "use_ema": True,
            "ema_momentum": 0.5,
            "ema_overwrite_frequency": 3,
            **BETAS,
        },
        None,
    ),
    "adamw, averaged and evaluated": (
        "AdamW",
        {
            "learning_rate": 0.125,
            "weight_decay": 0.25,
            "use_ema": True,
            "ema_momentum": 0.75,
            **BETAS,
        },
        {},
    ),
    "adam, averages for callbacks": (
        "Adam",
        {"learning_rate": 0.125, "use_ema": True, "ema_momentum": 0.75, **BETAS},
        {"swap_on_epoch": True},
    ),
}


def data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Samples (n, 4) and labels to train and to validate on."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((SAMPLES + 8, 4)), rng.integers(0, 3, SAMPLES + 8)
    return (x[:SAMPLES], y[:SAMPLES]), (x[SAMPLES:], y[SAMPLES:])


def run(
    library: Any, model: Any, name: str, averages: Callable[[Any], list[np.ndarray]]
) -> dict[str, Any]:
    """One training; `library` is keras or minicnn, `averages` takes them out of an optimizer."""
    kind, arguments, swap = TRAININGS[name]
    model.compile(getattr(library.optimizers, kind)(**arguments), "sparse_categorical_crossentropy")
    model.set_weights([np.linspace(-1, 1, 12).reshape(4, 3), np.zeros(3)])
    (x, y), validation = data()
    seen: list[np.ndarray] = []
    note = library.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: seen.append(flat(model.get_weights()))
    )
    history = model.fit(
        x,
        y,
        batch_size=BATCH,
        epochs=EPOCHS,
        shuffle=False,
        validation_data=validation,
        callbacks=[note] if swap is None else [library.callbacks.SwapEMAWeights(**swap), note],
        verbose=0,
    ).history
    result = {"history": history, "epochs": seen, "weights": flat(model.get_weights())}
    return result | (
        {"averages": flat(averages(model.optimizer))} if arguments.get("use_ema") else {}
    )


def flat(arrays: list[Any]) -> list[float]:
    """All numbers of several arrays."""
    return [float(value) for array in arrays for value in np.asarray(array).ravel()]


def one_cycle(
    torch: Any, peak: float, steps: int, share: float, first: float, last: float
) -> list[float]:
    """PyTorch's learning rate at every step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        peak,
        steps,
        pct_start=share,
        div_factor=first,
        final_div_factor=last,
        cycle_momentum=False,
    )
    rates = []
    for step in range(steps):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        if step + 1 < steps:
            schedule.step()
    return rates


def main() -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    keras, torch = import_module("keras"), import_module("torch")
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    schedules = []
    for name, arguments, steps in SCHEDULES:
        schedule = getattr(keras.optimizers.schedules, name)(**arguments)
        schedules.append([float(schedule(step)) for step in range(0, steps, EVERY)])
    trainings = {}
    for name in TRAININGS:
        keras.backend.clear_session()
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
        trainings[name] = run(
            keras, model, name, lambda optimizer: optimizer._model_variables_moving_average
        )
    result = {
        "schedules": schedules,
        "cycles": [one_cycle(torch, *cycle) for cycle in CYCLES],
        "trainings": trainings,
    }
    GOLDEN.write_text(json.dumps(result, separators=(",", ":")).replace('],"', '],\n"') + "\n")
    print(
        f"{GOLDEN.name}: {GOLDEN.stat().st_size:,} bytes, Keras {keras.__version__}, PyTorch "
        f"{torch.__version__}"
    )


if __name__ == "__main__":
    main()
