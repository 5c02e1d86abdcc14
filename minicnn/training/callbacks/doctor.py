"""Say in words what is wrong with a training while it runs."""
# ruff: noqa: ARG002  (a hook keeps its whole signature, used or not)

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from minicnn.layers.averages import lagging_momentum
from minicnn.training.callbacks.base import Callback, Logs, announce
from minicnn.training.callbacks.finding import Ailment, Finding
from minicnn.training.callbacks.layerwise import PICTURES, dead_units, exploding, vanishing
from minicnn.training.callbacks.validated import PATIENCE, judge, worse
from minicnn.training.callbacks.vitals import Vitals, kernels
from minicnn.training.state import check_kind, check_numbers
from minicnn.training.step import quiet
from minicnn.types import Array

LOOKS = 10  # batches of an epoch that are looked at

LARGE_UPDATE, SMALL_UPDATE = 0.1, 1e-4  # change of a kernel in one step / kernel; 1e-3 is healthy
FALLING = 0.99  # a loss that falls is at most this share of what it was
STUCK = 0.9  # and one that has hardly fallen more than this share of what it was at the start
RISEN = 0.2  # of the first epoch's loss: by how much the loss may rise again


class Doctor(Callback):
    """Finds out why a training goes wrong, and says so: each finding once, with advice.

    Some batches of every epoch are looked at: the gradients that they left in the layers, and how
    far the step has moved the kernels. A unit is called dead when no gradient reaches its weights,
    in any of these batches: its ReLU has been 0 for every picture. (So nothing is computed twice,
    and the training takes as long as without.)

    Args:
        verbose: 1 prints each finding, and at the end whether there was any; 0 only keeps them.

    Attributes:
        findings: the `Finding`s so far.

    Source: Karpathy, CS231n notes, "Neural Networks Part 3: babysitting the learning process"
        (update ratios); Glorot & Bengio 2010, "Understanding the difficulty of training deep
        feedforward neural networks" (gradients by layer).
    """

    remembers = ("_losses", "_validation", "_first_loss", "_highest_rate")

    def __init__(self, verbose: int = 1) -> None:
        super().__init__()
        self.verbose = verbose
        self._reset()

    def _reset(self) -> None:
        self.findings: list[Finding] = []
        self._losses: list[float] = []  # of the epochs so far
        # Of the last so many of them; the last known where there was none.
        self._validation: list[float] = []
        self._first_loss = 0.0  # of the first batch; 0 before it
        self._highest_rate = 0.0
        self._validated = 0  # samples of a validation
        # Of averages that begin with this training, and lag at first.
        self._momentum: float | None = None
        self._vitals = Vitals()
        self._before: dict[str, Array] | None = None  # the kernels, while a batch is looked at
        self._epoch = 0

    def to_text(self) -> str:
        """All findings, one per line."""
        return (
            "\n".join(map(str, self.findings))
            or "nothing found: gradients, updates and loss look healthy"
        )

    def get_state(self) -> dict[str, Any]:
        findings = [asdict(finding) for finding in self.findings]
        return super().get_state() | {"findings": findings, "vitals": dict(vars(self._vitals))}

    def set_state(self, state: dict[str, Any]) -> None:
        vitals = state["vitals"]
        for values in (
            state["_losses"],
            state["_validation"],
            *vitals["gradients"].values(),
            *vitals["updates"].values(),
        ):
            check_numbers(values, "Doctor")
        losses, validated = len(state["_losses"]), len(state["_validation"])
        if validated > losses:
            raise ValueError(
                f"Doctor expected a loss for each validation, received {losses} for {validated}"
            )
        for name, alive in vitals["alive"].items():
            check_kind(alive, np.zeros(np.shape(alive), bool), f"Doctor's {name}")
        self.findings = [Finding(**finding) for finding in state["findings"]]
        vars(self._vitals).update(vitals)
        super().set_state({name: state[name] for name in self.remembers})

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()  # one object may serve several fits
        self._momentum = lagging_momentum(self.model.leaves.values())

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch + 1

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        looks = batch % max(1, self.params["steps"] // LOOKS) == 0
        self._before = kernels(self.model.leaves) if looks else None

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        if not math.isfinite(logs["loss"]):
            advice = f"Try a learning rate below {self._rate():.3g}, or global_clipnorm=1.0"
            where = f"the loss is {logs['loss']} at epoch {self._epoch}, batch {batch + 1}"
            self._tell("loss not finite", None, None, f"{where}. {advice}")
            return
        if not self._first_loss:
            self._first_loss = logs["loss"]
        if self._before is not None:
            with quiet():  # what diverges overflows here too
                self._vitals.look(self.model.leaves, self._before, logs["size"])

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._validated = (logs or {})["size"]

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        self._highest_rate = max(self._highest_rate, self._rate())
        self._judge_gradients()
        if math.isfinite(logs["loss"]):
            self._losses.append(logs["loss"])
            self._judge_units()
            self._judge_updates()
            self._judge_loss()
            if math.isfinite(logs.get("val_loss", math.nan)):
                self._validation.append(logs["val_loss"])
                self._judge_validation(logs)
            elif self._validation:
                self._validation.append(self._validation[-1])
        self._vitals.forget(enough=PICTURES)

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.verbose and not self.findings:
            announce(f"Doctor: {self.to_text()}")

    def _rate(self) -> float:
        return self.model.optimizer.highest_rate

    def _tell(self, kind: str, layer: str | None, value: float | None, message: str) -> None:
        """Keep a finding, and print it, unless there is one of that kind."""
        if not any(finding.kind == kind for finding in self.findings):
            self.findings.append(Finding(kind, self._epoch, layer, value, message))
            if self.verbose:
                announce(f"Doctor: {self.findings[-1]}")

    def _tell_of(self, found: Ailment | None) -> None:
        if found is not None:
            self._tell(found.kind, found.layer, found.value, found.message)

    def _judge_gradients(self) -> None:
        gradients = {
            name: values for name, values in self._vitals.gradients.items() if max(values) > 0
        }
        if gradients:  # 0: its units are dead, or those above
            self._tell_of(exploding(gradients))
            self._tell_of(vanishing(gradients))

    def _judge_units(self) -> None:
        self._tell_of(dead_units(self._vitals, self._rate()))

    def _judge_updates(self) -> None:
        largest = {name: max(values) for name, values in self._vitals.updates.items()}
        if not largest:
            return
        name = max(largest, key=largest.__getitem__)
        update, rate, loss = largest[name], self._rate(), self._losses[-1]
        size = f"of {name!r}, in one step, by up to {update:.1e} of itself (1e-3 is healthy)"
        if update > LARGE_UPDATE and loss > STUCK * self._first_loss:
            self._tell(
                "learning rate too high",
                name,
                update,
                f"the learning rate {rate:.3g} changes the kernel {size}, and the loss is "
                f"{loss:.4g} after {self._first_loss:.4g} at the start. Try {rate / 10:.3g}, or "
                "what model.lr_find(x, y) suggests",
            )
        still = (
            len(self._losses) > 1
            and loss > FALLING * self._losses[-2]
            and loss > STUCK * self._losses[0]
        )
        lowered = rate < self._highest_rate / 2  # on purpose
        explained = lowered or bool(self.findings)
        if update < SMALL_UPDATE and still and not explained:
            self._tell(
                "learning rate too low",
                name,
                update,
                f"the learning rate {rate:.3g} changes even the kernel {size}, and the loss stays "
                f"at {loss:.4g}. Try {rate * 10:.3g}, or what model.lr_find(x, y) suggests",
            )

    def _judge_loss(self) -> None:
        losses, loss = self._losses, self._losses[-1]
        lowest = min(losses)
        if loss > lowest + RISEN * losses[0]:
            self._tell(
                "learning rate too high",
                None,
                loss,
                f"the training loss has risen from {lowest:.4g} to {loss:.4g} with the learning "
                f"rate {self._rate():.3g}. Try {self._rate() / 10:.3g}",
            )
        guessing = self._guessing()
        hopeless = loss > STUCK * losses[0] or loss > FALLING * guessing
        if len(losses) >= PATIENCE and loss > FALLING * losses[-PATIENCE] and hopeless:
            self._tell(
                "loss not falling",
                None,
                loss,
                f"after {len(losses)} epochs the training loss is {loss:.4g}, two epochs before it "
                f"was {losses[-PATIENCE]:.4g}; guessing gives {guessing:.4g}. See that each "
                "picture has its own label and pixels the expected range, try to learn 50 pictures "
                "by heart, or another learning rate with model.lr_find(x, y)",
            )

    def _judge_validation(self, logs: Logs) -> None:
        guessing, samples = self._guessing(), self._validated
        is_worse = worse(self._losses[-1], self._validation[-1], samples, guessing)
        if is_worse and "accuracy" in logs:
            is_worse = worse(-logs["accuracy"], -logs["val_accuracy"], samples)
        if is_worse:
            steps, momentum = self.params["steps"], self._momentum
            found = judge(
                self._losses, self._validation, guessing=guessing, steps=steps, momentum=momentum
            )
            self._tell_of(found)

    def _guessing(self) -> float:
        """The loss of guessing, ln K; where there is no such number, that of the beginning."""
        guess = self.model.loss.guess(self.model.classes)
        return self._losses[0] if guess is None else guess
