"""A callback made of functions."""

from collections.abc import Callable

from minicnn.training.callbacks.base import Callback

Hook = Callable[..., object]


class LambdaCallback(Callback):
    """Calls the given functions as its hooks.

    Args:
        on_epoch_begin, on_epoch_end: called as `f(epoch, logs)`.
        on_train_begin, on_train_end, on_test_begin, on_test_end: called as `f(logs)`.
        on_train_batch_begin, on_train_batch_end, on_batch_begin, on_batch_end: called as `f(batch,
        logs=logs)`.

    Source: Keras 3, `keras.callbacks.LambdaCallback`.

    >>> printer = callbacks.LambdaCallback(
    ...     on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"])
    ... )
    >>> printer.on_epoch_end(3, {"loss": 0.25})
    3 0.25
    """

    def __init__(
        self,
        on_epoch_begin: Hook | None = None,
        on_epoch_end: Hook | None = None,
        on_train_begin: Hook | None = None,
        on_train_end: Hook | None = None,
        on_train_batch_begin: Hook | None = None,
        on_train_batch_end: Hook | None = None,
        *,
        on_batch_begin: Hook | None = None,
        on_batch_end: Hook | None = None,
        on_test_begin: Hook | None = None,
        on_test_end: Hook | None = None,
    ) -> None:
        super().__init__()
        functions = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            "on_batch_begin": on_batch_begin,
            "on_batch_end": on_batch_end,
            "on_test_begin": on_test_begin,
            "on_test_end": on_test_end,
        }
        for name, function in functions.items():
            if function is not None:
                setattr(self, name, function)  # an attribute of the object hides the class's method
