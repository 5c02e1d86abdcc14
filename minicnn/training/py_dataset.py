"""PyDataset: the base class of sources of batches that users write for Keras."""

from collections.abc import Iterator
from typing import Any

from minicnn.names import known_arguments


class PyDataset:
    """A source of batches: subclasses give `__len__`, how many there are, and `__getitem__`, one of
    them.

    It may as well be any class with these two methods. `on_epoch_end`, and `on_epoch_begin`, are
    called by fit, evaluate and predict.

    Args:
        workers, use_multiprocessing, max_queue_size: for Keras' sake; batches are made one after
            the other, when they are needed.

    >>> class Squares(utils.PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         return np.full((2, 1), index), np.full((2, 1), index**2)
    >>> [int(y.sum()) for x, y in Squares(workers=4)]
    [0, 2, 8]
    """

    @known_arguments
    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ):
        self.workers, self.use_multiprocessing = workers, use_multiprocessing
        self.max_queue_size = max_queue_size

    @property
    def num_batches(self) -> int | None:
        """How many batches there are: in place of `__len__`, if a subclass likes that better."""
        if type(self).__len__ is PyDataset.__len__:
            raise NotImplementedError(
                f"{type(self).__name__} expected __len__ or num_batches, how many batches there "
                "are, received neither: define one"
            )
        return len(self)

    def __len__(self) -> int:
        number = self.num_batches
        if number is None:
            raise TypeError(
                f"{type(self).__name__} expected a number of batches, received None, which is "
                "without end: num_batches is that of an epoch"
            )
        return number

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} expected __getitem__(index), which makes a batch (x, y), "
            "received none: define it"
        )

    def __iter__(self) -> Iterator[Any]:
        for index in range(len(self)):
            yield self[index]

    def on_epoch_begin(self) -> None:
        """Called before every epoch."""

    def on_epoch_end(self) -> None:
        """Called after every epoch."""
