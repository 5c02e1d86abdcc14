"""The base class of every callback, and the list through which the training loop calls them."""

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

import numpy as np

from minicnn.errors import warn
from minicnn.names import KerasNames, instead
from minicnn.ranks import apart

Logs = dict[str, Any]  # metric name -> value, for example {"loss": 1.2, "val_accuracy": 0.6}


class Callback(KerasNames):
    """Something that acts at chosen moments of `fit`: subclass it and override the hooks you need.

    Every hook does nothing here. `epoch` and `batch` count from 0. `logs` is one dictionary per
    moment, handed
    from callback to callback: what one adds to it (ReduceLROnPlateau adds `learning_rate`) the
        later ones see.

    Attributes:
        model: the model in training, set before `on_train_begin`. minicnn's own callbacks use
            nothing else of it than `stop_training`, `optimizer.learning_rate`, `get_weights`,
            `set_weights`, `save` and `save_weights`. (SwapEMAWeights also uses `parameters`, and
            the optimizer's averages.)
        params: `{"verbose": ..., "epochs": ..., "steps": ...}`, `steps` being the batches of one
            epoch.
        remembers: the names of the attributes that a resumed training must find as they were; hooks
            may change them.
        only_on_rank_0: whether, of several ranks that train together, the first alone calls it, as
            suits what writes files; else all do, so that all decide alike. Ranks other than 0
            print nothing.

    Source: Keras 3, `keras.callbacks.Callback` (`remembers` and the state are minicnn's).
    """

    model: Any
    params: dict[str, Any]
    remembers: tuple[str, ...] = ()
    only_on_rank_0 = False
    takes_any = True  # what a callback remembers is its own affair

    def __init__(self) -> None:
        self.model = None
        self.params = {}

    def set_model(self, model: Any) -> None:
        """Remember the model; called before the first hook."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Remember how the training was asked for; called before the first hook."""
        self.params = params

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint of `fit(resume=...)` keeps of the callback.

        Values may be numbers, text, None, arrays, and lists and dicts (with text as keys) of these.
        """
        return {name: getattr(self, name) for name in self.remembers}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from such a state; called after `on_train_begin`, and in mid-epoch after
        `on_epoch_begin`.
        """
        for name, value in state.items():
            setattr(self, name, value)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Called once, before the first epoch; `logs` is empty."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Called once, after the last epoch, with that epoch's logs."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Called before an epoch's first batch; `logs` is empty."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Called after an epoch and its validation, with its metrics and the `val_` ones."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before a batch; `logs` is empty."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after a batch, with the means so far in this epoch and `size`, this batch's number
        of pictures.
        """
        self.on_batch_end(batch, logs=logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of `on_train_batch_end`."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Called before the validation of an epoch; `logs` has `size`, on how many samples."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Called after the validation of an epoch, with its metrics (without `val_`)."""


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))


class CallbackList(KerasNames):
    """Calls every hook of several callbacks, in their order, with the same `logs` dictionary of
    plain numbers.

    Args:
        callbacks: one callback, several, or None.
        model: given to each callback through `set_model`.
        params: given to each callback through `set_params`.

    Raises TypeError when something in `callbacks` is not a minicnn callback.

    Source: Keras 3, `keras.callbacks.CallbackList`.
    """

    def __init__(
        self,
        callbacks: Callback | Iterable[Callback] | None = None,
        model: Any = None,
        params: dict[str, Any] | None = None,
    ) -> None:
        if callbacks is None:
            callbacks = []
        self.callbacks = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
        for callback in self.callbacks:
            _check(callback)
            callback.set_model(model)
            callback.set_params(dict(params or {}))

    def _call(self, hook: str, *arguments: Any, **named: Logs) -> None:
        for callback in self.callbacks:
            with apart() if callback.only_on_rank_0 else nullcontext():
                getattr(callback, hook)(*arguments, **named)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Call `on_train_begin` of every callback."""
        self._call("on_train_begin", _plain(logs))

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Call `on_train_end` of every callback."""
        self._call("on_train_end", _plain(logs))

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Call `on_epoch_begin` of every callback."""
        self._call("on_epoch_begin", epoch, _plain(logs))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Call `on_epoch_end` of every callback."""
        self._call("on_epoch_end", epoch, _plain(logs))

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Call `on_train_batch_begin` of every callback."""
        self._call("on_train_batch_begin", batch, logs=_plain(logs))

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Call `on_train_batch_end` of every callback."""
        self._call("on_train_batch_end", batch, logs=_plain(logs))

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Call `on_test_begin` of every callback."""
        self._call("on_test_begin", _plain(logs))

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Call `on_test_end` of every callback."""
        self._call("on_test_end", _plain(logs))


def check_settable(optimizer: Any, owner: Callback) -> None:
    """Raise TypeError when the learning rate, which `owner` is about to set, follows a schedule, or
    is one of several.
    """
    if len(getattr(optimizer, "optimizers", ())) > 1:
        raise TypeError(
            f"{type(owner).__name__} sets the learning rate, but {type(optimizer).__name__} has "
            "one for each of its optimizers: give them schedules"
        )
    if optimizer.schedule is not None:
        raise TypeError(
            f"{type(owner).__name__} sets the learning rate, but {type(optimizer).__name__}'s "
            "follows "
            f"{optimizer.schedule!r}: leave out one of the two"
        )


def announce(message: str) -> None:
    """Print a callback's message on stdout, above the progress bar if there is one."""
    from tqdm import tqdm  # who predicts does without

    tqdm.write(message)


def _plain(logs: Logs | None) -> Logs:
    """A copy of `logs` with NumPy's scalars as Python's own numbers, to print, write and save."""
    plain = {}
    for name, value in (logs or {}).items():
        is_scalar = isinstance(value, np.generic | np.ndarray) and value.ndim == 0
        plain[name] = value.item() if is_scalar else value
    return plain


def _check(callback: object) -> None:
    """Refuse what is not a callback; warn of hooks, misspelt or only Keras', that would silently
    never be called.
    """
    if isinstance(callback, type):
        raise TypeError(
            f"fit expected callback objects, received the class {callback.__name__}: write "
            f"{callback.__name__}(...)"
        )
    if not isinstance(callback, Callback):
        raise TypeError(
            "fit expected callbacks derived from minicnn.callbacks.Callback, received "
            f"{callback!r} of {type(callback).__module__}: import it from minicnn.callbacks"
        )
    for name in dir(callback):
        if name.startswith("on_") and name not in HOOKS:
            warn(
                f"{type(callback).__name__} defines {name}, which minicnn never "
                f"calls.{instead(name, 'hooks', HOOKS)}",
            )
