"""What `fit` shows while it trains: a bar on a terminal, one line per epoch elsewhere."""
# ruff: noqa: ARG002  (a hook keeps its whole signature, used or not)

import sys
import time
from typing import TYPE_CHECKING, Any

from minicnn.training.callbacks.base import Callback, Logs

if TYPE_CHECKING:
    from tqdm import tqdm

# all of it fits in 80 columns
BAR = "{desc}{percentage:4.0f}%|{bar}| {rate_fmt}, {remaining} left{postfix}"
BEGUN = "{desc}{percentage:4.0f}%|{bar}|{postfix}"  # as long as nobody knows
SOON = 1.0  # second, after which the rate is known


def resolve_verbose(verbose: int | str) -> int:
    """0, 1 or 2; "auto" is 1 (a bar) when stderr is a terminal and 2 (plain lines) when it is not.

    Raises ValueError for anything else.
    """
    if verbose == "auto":
        return 1 if sys.stderr is not None and sys.stderr.isatty() else 2
    if verbose in (0, 1, 2):
        return int(verbose)
    raise ValueError(
        "verbose expected 'auto', 0 (silent), 1 (a progress bar) or 2 (one line per epoch), "
        f"received {verbose!r}"
    )


class Progress(Callback):
    """Shows a training's progress. It belongs last in the list, so that it sees what other
    callbacks add to the logs.

    Times and pictures/s count the training only: from the beginning of the epoch to the end of its
    last batch, without the validation.

    Args:
        verbose: 0 nothing; 1 a bar per epoch on stderr, which leaves the epoch's line; 2 only that
            line, on stdout.
        epochs: how many epochs there will be.
        steps: batches per epoch.
        samples: pictures per epoch.
    """

    def __init__(self, verbose: int, epochs: int, steps: int, samples: int) -> None:
        super().__init__()
        self.verbose = verbose
        self.epochs = epochs
        self.steps = steps
        self.samples = samples
        self._bar: tqdm | None = None
        self._title = ""
        self._images = 0  # of this epoch, so far
        self._resumed_at = 0  # how many of them another process has trained on
        self._began = 0.0
        self._seconds = 0.0

    def get_state(self) -> dict[str, Any]:
        return {"images": self._images}

    def set_state(self, state: dict[str, Any]) -> None:
        self._images = self._resumed_at = state["images"]

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._title = f"Epoch {epoch + 1}/{self.epochs}"
        self._images = self._resumed_at = 0
        self._seconds = 0.0
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        self._images += logs["size"]
        self._seconds = time.perf_counter() - self._began
        # not before: the first batch may have kernels to compile
        if self.verbose == 1 and self._bar is None:
            self._open_bar()
        elif self._bar is not None:
            if self._seconds > SOON:
                self._bar.bar_format = BAR
            self._bar.set_postfix_str("  ".join(_numbers(logs)), refresh=False)
            self._bar.update(logs["size"])
            if batch + 1 == self.steps:
                # the last batch is shown however shortly it follows the one before
                self._bar.refresh()

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if self._bar is not None:
            self._bar.set_description_str(f"{self._title} validating")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        rate = (self._images - self._resumed_at) / self._seconds if self._seconds > 0 else 0.0
        line = "  ".join(
            [
                self._title,
                *_numbers(logs or {}),
                f"{self._seconds:.1f} s",
                f"{rate:,.0f} pictures/s",
            ]
        )
        if self.verbose == 1:
            self._close_bar()
            print(line, file=sys.stderr, flush=True)
        elif self.verbose == 2:
            print(line, flush=True)

    def launched(self, ranks: int, go_on: str) -> None:
        """Say how a training on several ranks goes on: once they are killed, nobody can."""
        if self.verbose:
            text = f"minicnn: {ranks} ranks train. Whatever ends them: {go_on}"
            print(text, file=sys.stderr, flush=True)

    def interrupted(self) -> None:
        """Answer the first Ctrl-C."""
        if self.verbose:
            from tqdm import tqdm

            tqdm.write(
                "Ctrl-C: this batch is the last one; once more, and it ends at once",
                file=sys.stderr,
            )

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._close_bar()  # open only if the last epoch was left unfinished

    def _open_bar(self) -> None:
        from tqdm import tqdm  # who predicts does without

        self._bar = tqdm(
            total=self.samples,
            initial=self._images,
            desc=self._title,
            unit=" img",
            bar_format=BEGUN,
            file=sys.stderr,
            leave=False,  # the epoch's line takes its place
            dynamic_ncols=True,
        )

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _numbers(logs: Logs) -> list[str]:
    """The words `["loss 1.2345", ...]`; learning rates and very small or large values in four
    significant digits.
    """
    texts = []
    for name, value in logs.items():
        if name != "size" and isinstance(value, int | float):
            is_ordinary = name != "learning_rate" and (value == 0 or 1e-3 <= abs(value) < 1e5)
            texts.append(f"{name} {value:.4f}" if is_ordinary else f"{name} {value:.4g}")
    return texts
