"""Which usual mistake explains a gradient: all suspects of all families are tried, several times.

A finding has to fit in every trial, with other numbers, another N and, where several mistakes
still fit, other shapes; one whose wrong gradients fit nothing stays without a name.
"""

import copy
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn.layers.base import Layer
from minicnn.layers.base_merge import Merge
from minicnn.names import known_arguments
from minicnn.testing.diagnosis import (
    activations,
    elementwise,
    gates,
    history,
    merging,
    normalization,
    noticed,
    order,
    pooling,
    scales,
    softmax,
    sums,
    turned_kernel,
    windows,
)
from minicnn.testing.diagnosis.jacobian import Corner
from minicnn.testing.diagnosis.mistake import Finding, Suspect
from minicnn.testing.diagnosis.trial import Trial
from minicnn.testing.shapes import WrongShape
from minicnn.types import Array, Shape

# the simplest first: what is found by several is named by the first of them
FAMILIES = (
    noticed, scales, history, order, sums, turned_kernel, activations, elementwise, gates,
    softmax, merging, windows, pooling, normalization,
)  # fmt: skip
BATCHES = (3, 2)  # N of the trials: mistakes of N differ, and no two numbers are +-1 normalised
LARGER = ((1, 2, 0), (1, 3, 1))  # added to the last axes of samples, while several mistakes fit
MOST_DERIVATIVES = 6_000_000  # of one trial
TRIES = 8  # how often numbers are drawn, while forward has a corner near them


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with a layer's gradients; str() is a line for each tensor.

    Attributes:
        layer: its name.
        right: the tensors whose gradients are right.
        findings: of each wrong tensor the mistakes that fit all trials: one, as a rule; several,
            where these shapes do not tell them apart; none, where it is no usual mistake.
    """

    layer: str
    right: tuple[str, ...]
    findings: dict[str, tuple[Finding, ...]]

    def __str__(self) -> str:
        lines = [_sentence(name, found) for name, found in self.findings.items()]
        if self.right and self.findings:
            named = ", ".join(f"d{name}" for name in self.right)
            lines.append(f"{named} {'is' if len(self.right) == 1 else 'are'} right")
        return "\n".join(lines)


def _sentence(name: str, found: Sequence[Finding]) -> str:
    if not found:
        return f"d{name} is wrong, and no usual mistake explains it"
    return f"\n  or d{name} ".join(
        str(one) if i == 0 else str(one).removeprefix(f"d{name} ") for i, one in enumerate(found)
    )


@known_arguments
def diagnose(
    layer: Layer,
    input_shape: Shape | Sequence[Shape],
    *,
    x: Array | Sequence[Array] | None = None,
    seed: int = 0,
) -> Diagnosis:
    """Which usual mistakes explain the gradients of a layer that are wrong.

    Args:
        layer: stays as it is, copies are built, in float64.
        input_shape: of a sample (without N); of a Merge, the list of the shapes of all inputs.
        x: the input (N, *input_shape), for layers that do not take normal numbers; of a Merge, the
            list of all.
        seed: of everything drawn.

    Raises ValueError where the layer is too large for this, for all derivatives of all outputs are
    measured, and where forward has a corner near every input.

    >>> print(testing.diagnose(layers.Dense(3), (4,)).findings)
    {}
    """
    wrong: dict[str, None] = {}
    trials: list[Trial] = []
    found: dict[str, list[Finding]] = {}
    for trial in _trials(layer, input_shape, x, seed):
        trials.append(trial)
        wrong |= {name: None for name in trial.tensors if trial.is_wrong(name)}
        found = {name: _fitting(name, trials) for name in wrong}
        if len(trials) >= len(BATCHES) and all(len(one) < 2 for one in found.values()):
            break
    tensors = trials[0].tensors
    right = tuple(name for name in tensors if name not in wrong)
    return Diagnosis(
        str(layer), right, {name: tuple(found[name]) for name in tensors if name in wrong}
    )


def spare_copy(layer: Layer) -> Layer | None:
    """A copy for a diagnosis; None of a layer that cannot be copied, which can be checked still."""
    try:
        return copy.deepcopy(layer)
    except Exception:
        return None


def explained(layer: Layer | None, input_shape: Any, x: Any, seed: int) -> str:
    """The lines of a diagnosis, "" where nothing is found wrong; why there is none, where it fails:
    a check that has failed must say so whatever becomes of its explanation.
    """
    if layer is None:
        return "no diagnosis: the layer cannot be copied"
    try:
        found = diagnose(layer, input_shape, x=x, seed=seed)
    except (Corner, WrongShape):  # the check has said it
        return ""
    except Exception as error:
        return f"no diagnosis: {type(error).__name__}: {error}"
    return str(found) if found.findings else ""


def _fitting(name: str, trials: Iterable[Trial]) -> list[Finding]:
    """What fits a tensor in every trial, each mistake once, the simplest first."""
    kept: dict[Finding, None] | None = None
    for trial in trials:
        here = _judged(trial, name)
        if kept is None:
            kept = {finding: None for finding, fits in here.items() if fits}
            # where nothing is wrong, a mistake is not seen: it may be any
            if not trial.is_wrong(name):
                kept = None
            continue
        visible = trial.is_wrong(name)
        kept = {finding: None for finding in kept if here.get(finding, not visible)}
    one_each = {finding.mistake: finding for finding in reversed(list(kept or {}))}
    fitting = list(reversed(one_each.values()))
    better = [one for one in fitting if not one.mistake.of_last_resort]
    return [one for one in better if one.mistake.of_several] or better or fitting


def _judged(trial: Trial, name: str) -> dict[Finding, bool]:
    """Whether they fit, of all suspects; kept with the trial."""
    if name not in trial.judged:
        trial.judged[name] = {}
        for suspect in _suspects(trial, name):
            finding = Finding(name, suspect.mistake, suspect.detail)
            fits = trial.fits(name, suspect.gradient)
            trial.judged[name][finding] = trial.judged[name].get(finding, False) or fits
    return trial.judged[name]


def _suspects(trial: Trial, name: str) -> Iterator[Suspect]:
    return itertools.chain.from_iterable(family.suspects(trial, name) for family in FAMILIES)


# The trials


def _trials(layer: Layer, input_shape: Any, x: Any, seed: int) -> Iterator[Trial]:
    """Trials at this shape, and then at larger ones, where the layer can be built and run there."""
    for number, batch in enumerate(BATCHES):
        yield _trial(layer, input_shape, _given(layer, x, number), batch, (seed, number))
    if x is not None:
        return
    for number, more in enumerate(LARGER, len(BATCHES)):
        try:
            yield _trial(
                layer, _enlarged(layer, input_shape, more), None, BATCHES[0], (seed, number)
            )
        except (
            Exception
        ):  # layers need not run at other shapes than theirs, least of all wrong ones
            continue


def _given(layer: Layer, x: Any, number: int) -> list[Array] | None:
    """The inputs that were given, in another order at each trial."""
    if x is None:
        return None
    listed = list(x) if isinstance(layer, Merge) else [x]
    return [np.roll(np.asarray(one, np.float64), number, axis=0) for one in listed]


def _enlarged(layer: Layer, input_shape: Any, more: tuple[int, ...]) -> Any:
    def one(shape: Shape) -> Shape:
        added = (0,) * len(shape) + more
        return tuple(n + add for n, add in zip(shape, added[-len(shape) :], strict=True))

    return [one(shape) for shape in input_shape] if isinstance(layer, Merge) else one(input_shape)


def _trial(
    layer: Layer, input_shape: Any, x: list[Array] | None, batch: int, seed: tuple[int, ...]
) -> Trial:
    """A trial of a copy that is built for that shape. Raises Corner where there is one everywhere,
    ValueError where there would be too many derivatives.
    """
    for attempt in range(TRIES):
        rng = np.random.default_rng((*seed, attempt))
        own = copy.deepcopy(layer)
        vars(own)["output_shape"] = None
        # with a generator of its own, which is set back before every forward
        own.build(input_shape, np.random.default_rng((*seed, attempt, 1)), np.float64)
        for param in own.params.values():
            param[...] = rng.standard_normal(param.shape)
        shapes: Any = own.input_shape if isinstance(own, Merge) else [own.input_shape]
        inputs = x or [rng.standard_normal((batch, *shape)) for shape in shapes]
        before = (
            [np.roll(one, 1, axis=0) for one in x]
            if x
            else [rng.standard_normal(one.shape) for one in inputs]
        )
        numbers = sum(one.size for one in inputs) + sum(one.size for one in own.params.values())
        count = numbers * len(inputs[0]) * int(np.prod(own.output_shape))
        if count > MOST_DERIVATIVES:
            raise ValueError(
                f"diagnose expected a layer of at most {MOST_DERIVATIVES:,} derivatives of an "
                f"output for an input or weight, received {layer} of {count:,} for samples of "
                f"{input_shape}: try smaller samples, such as (6, 5, 3), or fewer filters"
            )
        trial = Trial(own, inputs, before, rng)
        try:
            trial.right  # noqa: B018  (measured here, where a corner is answered by other numbers)
        except Corner:
            continue
        return trial
    raise Corner(
        f"diagnose expected {layer} to have derivatives, received corners at all {TRIES} inputs "
        "that were drawn: give it x"
    )
