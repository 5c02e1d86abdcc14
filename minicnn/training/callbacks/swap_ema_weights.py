"""Evaluate with the moving average of the weights."""
# ruff: noqa: ARG002  (a hook keeps its whole signature, used or not)

from minicnn.training.callbacks.base import Callback, Logs


class SwapEMAWeights(Callback):
    """Exchanges the weights and their averages, which an optimizer with `use_ema=True` keeps,
    during validation.

    Args:
        swap_on_epoch: exchange them also for the other callbacks' `on_epoch_end`, so that a
            ModelCheckpoint after this one in the list saves the averages.

    Raises ValueError when training begins with an optimizer that keeps no averages.

    Source: Keras 3, `keras.callbacks.SwapEMAWeights`.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch

    @property
    def _swapped(self) -> bool:
        """Whether the averages are where the weights belong."""
        return self.model.optimizer.averages_in_use

    def _swap(self) -> None:
        self.model.optimizer.swap_averages(self.model.parameters())

    def on_train_begin(self, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        if not optimizer.use_ema:
            raise ValueError(
                "SwapEMAWeights expected an optimizer that averages the weights, received "
                f"{type(optimizer).__name__} with use_ema=False: use_ema=True in it"
            )

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        if self._swapped:
            self._swap()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._swap()

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._swap()

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._swap()
