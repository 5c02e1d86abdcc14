"""The callback that remembers every epoch's numbers; `fit` adds one and returns it."""
# ruff: noqa: ARG002  (a hook keeps its whole signature, used or not)

from typing import Any

from minicnn.names import instead
from minicnn.training.callbacks.base import Callback, Logs


class Epochs(dict[str, list[Any]]):
    """Metric name -> its values, one per epoch in which it was logged; another name gets advice."""

    def __missing__(self, name: str) -> Any:
        raise KeyError(f"the history has no {name!r}.{instead(str(name), 'history', self)}")


class History(Callback):
    """Records the logs of every epoch.

    Attributes:
        history: metric name -> list of its values, one per epoch in which it was logged.
        epoch: the epochs' numbers, from 0 (or from `initial_epoch`).
        params: `{"verbose": ..., "epochs": ..., "steps": ...}`.
        interrupted: True when Ctrl-C ended the training.

    Source: Keras 3, `keras.callbacks.History` (`interrupted` is minicnn's).
    """

    remembers = ("history", "epoch")

    def __init__(self) -> None:
        super().__init__()
        self.history = Epochs()
        self.epoch: list[int] = []
        self.interrupted = False

    def set_state(self, state: dict[str, Any]) -> None:
        for name, values in (state["history"] | {"epoch": state["epoch"]}).items():
            if not isinstance(values, list):
                raise TypeError(f"History expected a list of {name!r:.60}, received {values!r:.60}")
        super().set_state(state | {"history": Epochs(state["history"])})

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []
        self.interrupted = False

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
