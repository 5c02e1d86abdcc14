"""Drive Keras' own callbacks through scripted trainings and write what they did to callbacks.json.

Run with an environment that has Keras 3 and a backend, for example
``KERAS_BACKEND=torch python tests/golden/make_callbacks.py``; test_callbacks.py replays the same
trainings.

A training is a list of epochs, each with its logs and a few batches. The model has one weight that
tells the moment: 100 * fit + epoch + 1 at the end of an epoch, fractions of it within. So a saved
    or restored weight says whence it is.
A case holds: callbacks (class and arguments), logs (name -> one value per epoch, null when it is
not logged), batches (per epoch, the running loss after every batch; two batches of loss 1 by
default), learning_rate, fits (how often the training is repeated with the same callback objects).
Numbers that JSON lacks are strings: "nan", "inf".
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras  # noqa: E402  (the backend must be chosen before)

WATCHED = {  # per epoch, the attributes that are recorded of every callback
    "EarlyStopping": ["wait", "best", "best_epoch"],
    "ReduceLROnPlateau": ["wait", "best", "cooldown_counter"],
    "ModelCheckpoint": ["best"],
}
SCHEDULES = {
    "halve": lambda _, rate: rate * 0.5,
    "of the epoch alone": lambda epoch: 1.0 / (epoch + 1),
    "a float32": lambda _, rate: np.float32(rate) / np.float32(4),
}
BEST = [["EarlyStopping", {"patience": 2, "restore_best_weights": True}]]


def stopping(
    name: str, values: list[Any], monitor: str = "val_loss", **arguments: Any
) -> dict[str, Any]:
    if monitor != "val_loss":
        arguments["monitor"] = monitor
    return {
        "name": f"stop: {name}",
        "callbacks": [["EarlyStopping", arguments]],
        "logs": {monitor: values},
    }


def reducing(
    name: str, values: list[Any], monitor: str = "val_loss", **arguments: Any
) -> dict[str, Any]:
    if monitor != "val_loss":
        arguments["monitor"] = monitor
    return {
        "name": f"reduce: {name}",
        "callbacks": [["ReduceLROnPlateau", arguments]],
        "logs": {monitor: values},
    }


def saving(name: str, logs: dict[str, list[Any]], **arguments: Any) -> dict[str, Any]:
    return {"name": f"save: {name}", "callbacks": [["ModelCheckpoint", arguments]], "logs": logs}


def written_cases() -> list[dict[str, Any]]:
    down = [1.0, 0.8, 0.6, 0.5, 0.45]
    valley = [1.0, 0.7, 0.5, 0.6, 0.7, 0.4, 0.8, 0.9]
    flat = [1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    hill = [0.1, 0.4, 0.6, 0.6, 0.5, 0.7, 0.2, 0.3]
    tenths = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]  # some differences are 0.1 only in float32
    tiny = [0.5, 0.49996, 0.49993, 0.4999, 0.49989, 0.4, 0.39999, 0.39995]
    noisy = [1.0, 0.8, "nan", 0.7, "nan", "nan", "nan", 0.1]
    nan_first = ["nan", 0.5, 0.4, 0.3, 0.2]
    few_batches = [[1.0] * 4] * 3
    both = {"loss": valley, "val_loss": flat}
    best = {"save_best_only": True}
    return [
        stopping("defaults, always improving", down),
        stopping("defaults, a valley", valley),
        stopping("patience 0 endures epoch 0 only", [1.0, 1.5, 2.0]),
        stopping("patience 1", valley, patience=1),
        stopping("a tie is no improvement", flat, patience=2),
        stopping("a tie keeps the earlier weights", flat, patience=3, restore_best_weights=True),
        stopping("restores when it triggered", valley, patience=2, restore_best_weights=True),
        stopping(
            "restores though it never triggered", valley, patience=9, restore_best_weights=True
        ),
        stopping("keeps the last weights without restoring", valley, patience=2),
        stopping(
            "min_delta hit exactly", tenths, patience=3, min_delta=0.1, restore_best_weights=True
        ),
        stopping(
            "min_delta negative", tiny, patience=2, min_delta=-0.001, restore_best_weights=True
        ),
        stopping(
            "differences below float32", [0.5, 0.5 - 1e-9, 0.5 - 2e-9, 0.5 - 3e-9], patience=2
        ),
        stopping("values beyond float32", [1e300, 1e200, 1e39, 1e38, 3e38], patience=2),
        stopping(
            "baseline never beaten", down, patience=3, baseline=0.1, restore_best_weights=True
        ),
        stopping("baseline tied, then beaten", valley, patience=3, baseline=0.5),
        stopping("baseline beaten late", down, patience=4, baseline=0.5, restore_best_weights=True),
        stopping("baseline with min_delta", tenths, patience=5, baseline=0.7, min_delta=0.1),
        stopping(
            "start_from_epoch", hill, patience=2, start_from_epoch=3, restore_best_weights=True
        ),
        stopping(
            "start_from_epoch beyond the end", down, start_from_epoch=9, restore_best_weights=True
        ),
        stopping("NaN amid", noisy, patience=3, restore_best_weights=True),
        stopping("NaN first", nan_first, patience=2, restore_best_weights=True),
        stopping("infinity first", ["inf", "inf", 0.5, 0.6], patience=2, restore_best_weights=True),
        stopping(
            "mode max", hill, "val_accuracy", mode="max", patience=2, restore_best_weights=True
        ),
        stopping(
            "mode auto of an accuracy", hill, "val_accuracy", patience=1, restore_best_weights=True
        ),
        stopping("mode auto of the training accuracy", hill, "accuracy", patience=1, min_delta=0.1),
        stopping("mode auto of the training loss", valley, "loss", patience=2),
        stopping("mode min of an accuracy", hill, "val_accuracy", mode="min", patience=3),
        stopping("unknown mode", valley, "val_accuracy", mode="maximum", patience=2),
        stopping("monitor now and then", [1.0, None, 0.8, None, None, 0.9, 0.9], patience=2),
        {"name": "stop: monitor never there", "callbacks": BEST, "logs": {"loss": down}},
        {
            "name": "stop: one object, two fits",
            "callbacks": BEST,
            "logs": {"val_loss": valley},
            "fits": 2,
        },
        reducing("defaults", flat + flat),
        reducing(
            "plateau then recovery",
            [1.0, 1.0, 1.0, 0.5, 0.6, 0.6, 0.4, 0.4],
            patience=2,
            factor=0.5,
        ),
        reducing("patience 0", valley, patience=0, factor=0.5),
        reducing("patience 1", valley, patience=1),
        reducing("default min_delta", tiny, patience=2),
        reducing("min_delta hit exactly", tenths, patience=1, min_delta=0.1),
        reducing("cooldown 1", flat, patience=1, cooldown=1),
        reducing("cooldown 2, patience 2", flat + flat, patience=2, cooldown=2, factor=0.5),
        reducing(
            "improvement while cooling", [1.0, 1.0, 0.5, 0.5, 0.5, 0.5], patience=1, cooldown=2
        ),
        reducing("min_lr reached", flat + flat, patience=1, min_lr=0.003),
        reducing("min_lr a power of the factor", flat, patience=1, min_lr=0.0005, cooldown=1),
        reducing("min_lr above the rate", flat, patience=1, min_lr=0.9),
        reducing("NaN amid", noisy, patience=2),
        reducing("NaN first", nan_first, patience=2),
        reducing("mode auto of an accuracy", hill, "val_accuracy", patience=1),
        reducing("mode max", hill, "val_loss", patience=1, mode="max"),
        {
            "name": "reduce: monitor now and then",
            "callbacks": [["ReduceLROnPlateau", {"patience": 2}]],
            "logs": {"loss": flat, "val_loss": [1.0, None, 1.0, None, 1.0, 1.0, None, 1.0]},
        },
        {**reducing("one object, two fits", flat, patience=3, cooldown=2), "fits": 2},
        saving("every epoch", both, filepath="{epoch:02d}-{val_loss:.2f}.keras"),
        saving("every epoch, one file", both, filepath="model.keras"),
        saving("weights only", both, filepath="{epoch}/model.weights.h5", save_weights_only=True),
        saving("best only", {"val_loss": valley}, filepath="best.keras", **best),
        saving("best only, a tie", {"val_loss": flat}, filepath="{epoch}.keras", **best),
        saving(
            "best accuracy",
            {"val_accuracy": hill},
            filepath="{epoch}.keras",
            monitor="val_accuracy",
            **best,
        ),
        saving(
            "best, mode max", {"val_loss": valley}, filepath="{epoch}.keras", mode="max", **best
        ),
        saving("best, NaN amid", {"val_loss": noisy}, filepath="{epoch}.keras", **best),
        saving("best, NaN first", {"val_loss": nan_first}, filepath="{epoch}.keras", **best),
        saving(
            "threshold",
            {"val_loss": valley},
            filepath="{epoch}.keras",
            initial_value_threshold=0.5,
            **best,
        ),
        saving("best, monitor absent", {"loss": down}, filepath="{epoch}.keras", **best),
        {
            **saving("every 3 batches", {}, filepath="{epoch}-{batch}.keras", save_freq=3),
            "batches": few_batches,
        },
        {
            **saving(
                "best every 4 batches",
                {},
                filepath="{epoch}-{batch}.keras",
                save_freq=4,
                monitor="loss",
                **best,
            ),
            "batches": [[9, 9, 9, 3], [9, 9, 9, 4], [1, 1, 1, 2]],
        },
        {
            **saving("one object, two fits", {"val_loss": valley}, filepath="best.keras", **best),
            "fits": 2,
        },
        {
            "name": "schedule: halve",
            "callbacks": [["LearningRateScheduler", {"schedule": "halve"}]],
            "logs": both,
        },
        {
            "name": "schedule: of the epoch alone",
            "callbacks": [["LearningRateScheduler", {"schedule": "of the epoch alone"}]],
            "logs": {"loss": down},
        },
        {
            "name": "schedule: a float32, and a plateau",
            "callbacks": [
                ["LearningRateScheduler", {"schedule": "a float32"}],
                ["ReduceLROnPlateau", {"patience": 1, "factor": 0.5}],
            ],
            "logs": both,
        },
        {
            "name": "NaN loss",
            "callbacks": [["TerminateOnNaN", {}]],
            "logs": {"loss": [0.5, "nan", 0.4]},
            "batches": [[0.6, 0.5, 0.5, 0.5], [0.5, "nan", "nan", "nan"], [0.4]],
        },
        {
            "name": "infinite loss",
            "callbacks": [["TerminateOnNaN", {}]],
            "logs": {"loss": ["-inf", 1.0]},
            "batches": [[1.0, 1.0, 1.0, "-inf"], [1.0]],
        },
        {
            "name": "the documented recipe",
            "callbacks": [
                ["EarlyStopping", {"patience": 4, "restore_best_weights": True}],
                ["ReduceLROnPlateau", {"factor": 0.5, "patience": 2}],
                ["CSVLogger", {"filename": "log.csv"}],
            ],
            "logs": {"loss": valley, "accuracy": hill, "val_loss": flat, "val_accuracy": hill},
        },
        {
            "name": "csv: before the rate is logged",
            "callbacks": [
                ["CSVLogger", {"filename": "log.csv", "separator": ";"}],
                ["ReduceLROnPlateau", {"factor": 0.5, "patience": 2}],
            ],
            "logs": {"loss": valley, "val_loss": flat},
        },
        {
            "name": "csv: validation comes later",
            "callbacks": [["CSVLogger", {"filename": "log.csv"}]],
            "logs": {"loss": [0.25, 0.125, 1e-5, "nan"], "val_loss": [None, 0.5, None, "inf"]},
        },
        {
            "name": "csv: append, two fits",
            "callbacks": [["CSVLogger", {"filename": "log.csv", "append": True}]],
            "logs": {"loss": [0.5, 0.25], "val_loss": [1.0, 0.75]},
            "fits": 2,
        },
        {
            "name": "csv: replace, two fits",
            "callbacks": [["CSVLogger", {"filename": "log.csv"}]],
            "logs": {"loss": [0.5, 0.25], "val_loss": [1.0, 0.75]},
            "fits": 2,
        },
    ]


def drawn_cases(number: int, seed: int = 0) -> list[dict[str, Any]]:
    """Draw trainings with many ties, a few NaN, and all three monitoring callbacks at once."""
    rng = np.random.default_rng(seed)
    cases = []
    for index in range(number):
        values: list[Any] = [
            round(float(v), 2) for v in rng.integers(4, 12, rng.integers(4, 13)) / 20
        ]
        values = ["nan" if rng.random() < 0.05 else value for value in values]
        mode = str(rng.choice(["auto", "min", "max"]))
        stop = {
            "patience": int(rng.integers(0, 5)),
            "min_delta": float(rng.choice([0, 0.05, 0.1])),
            "mode": mode,
            "baseline": [None, 0.3, 0.4][rng.integers(3)],
            "restore_best_weights": bool(rng.random() < 0.7),
            "start_from_epoch": int(rng.choice([0, 0, 0, 1, 3])),
        }
        reduce = {
            "patience": int(rng.integers(0, 3)),
            "factor": float(rng.choice([0.5, 0.1])),
            "min_delta": float(rng.choice([1e-4, 0.05, 0.1])),
            "cooldown": int(rng.integers(0, 3)),
            "min_lr": float(rng.choice([0, 0.05, 0.1])),
            "mode": mode,
        }
        save = {"filepath": "{epoch}.keras", "save_best_only": True, "mode": mode}
        callbacks = [
            ["EarlyStopping", stop],
            ["ReduceLROnPlateau", reduce],
            ["ModelCheckpoint", save],
        ]
        cases.append(
            {"name": f"drawn {index}", "callbacks": callbacks, "logs": {"val_loss": values}}
        )
    return cases


def make_model(learning_rate: float, saves: list[list[Any]], folder: str) -> keras.Model:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(learning_rate), loss="mse", metrics=["accuracy"])
    # builds the metrics, which tell their direction
    model.evaluate(np.zeros((1, 1)), np.zeros((1, 1)), verbose=0)

    def save(path: str, **_: Any) -> None:
        saves.append([os.path.relpath(path, folder), weight_of(model)])
        Path(path).touch()

    model.save = model.save_weights = save
    return model


def weight_of(model: keras.Model) -> float:
    return float(model.get_weights()[0][0, 0])


def make_callback(name: str, arguments: dict[str, Any], folder: str) -> keras.callbacks.Callback:
    arguments = dict(arguments)
    for path in ("filepath", "filename"):
        if path in arguments:
            arguments[path] = os.path.join(folder, arguments[path])
    if "schedule" in arguments:
        arguments["schedule"] = SCHEDULES[arguments["schedule"]]
    return getattr(keras.callbacks, name)(**arguments)


def decode(values: list[Any]) -> list[float | None]:
    return [None if value is None else float(value) for value in values]


def encode(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def short(rate: float) -> float:
    return float(f"{rate:.7g}")  # float32 0.1 is 0.10000000149011612


def run(case: dict[str, Any]) -> dict[str, Any]:
    """Return what Keras' callbacks do in one case: their attributes per epoch, and per fit how the
    model ends.
    """
    saves: list[list[Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        model = make_model(case.get("learning_rate", 0.5), saves, folder)
        watched = [
            (name, make_callback(name, arguments, folder)) for name, arguments in case["callbacks"]
        ]
        history = keras.callbacks.History()
        callbacks = keras.callbacks.CallbackList(
            [*(callback for _, callback in watched), history], model=model
        )
        columns = {name: decode(values) for name, values in case["logs"].items()}
        epochs = max([len(values) for values in columns.values()] or [len(case.get("batches", []))])
        expected: dict[str, Any] = {}
        for fit in range(case.get("fits", 1)):
            model.stop_training = False
            callbacks.on_train_begin()
            for epoch in range(epochs):
                callbacks.on_epoch_begin(epoch)
                losses = decode(case["batches"][epoch]) if "batches" in case else [1.0, 1.0]
                for batch, loss in enumerate(losses):
                    callbacks.on_train_batch_begin(batch)
                    model.set_weights(
                        [np.full((1, 1), 100 * fit + epoch + (batch + 1) / len(losses))]
                    )
                    callbacks.on_train_batch_end(batch, {"loss": loss})
                    if model.stop_training:
                        break
                logs = {
                    name: values[epoch]
                    for name, values in columns.items()
                    if values[epoch] is not None
                }
                callbacks.on_epoch_end(epoch, logs)
                for name, callback in watched:
                    for attribute in WATCHED.get(name, []):
                        per_epoch = expected.setdefault(name, {}).setdefault(attribute, [])
                        per_epoch.append(encode(getattr(callback, attribute)))
                if model.stop_training:
                    break
            callbacks.on_train_end(logs)
            expected.setdefault("epochs", []).append(len(history.epoch))
            expected.setdefault("stopped", []).append(model.stop_training)
            for name, callback in watched:
                if name == "EarlyStopping":
                    expected.setdefault("stopped_epoch", []).append(callback.stopped_epoch)
            expected.setdefault("weight", []).append(weight_of(model))
        expected["names"] = sorted(history.history)
        if "learning_rate" in history.history:
            expected["learning_rate"] = [short(rate) for rate in history.history["learning_rate"]]
            expected["last_learning_rate"] = short(float(model.optimizer.learning_rate))
        if saves:
            expected["saves"] = saves
        if any(name == "CSVLogger" for name, _ in watched):
            expected["csv"] = Path(folder, "log.csv").read_bytes().decode()
    return expected


def main() -> None:
    cases = [{**case, "expected": run(case)} for case in [*written_cases(), *drawn_cases(6)]]
    lines = [json.dumps(case, allow_nan=False, separators=(",", ":")) for case in cases]
    target = Path(__file__).with_name("callbacks.json")
    target.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{len(cases)} cases, {target.stat().st_size} bytes, Keras {keras.__version__}")


if __name__ == "__main__":
    main()
