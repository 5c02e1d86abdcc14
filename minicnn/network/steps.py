"""What really runs: the steps of a built network's plan, in order."""

from typing import TYPE_CHECKING, NamedTuple

from minicnn.layers.augmentation.geometric import Composed
from minicnn.layers.base import Layer
from minicnn.machine.threads import alone
from minicnn.names import known_arguments
from minicnn.network.network import Network
from minicnn.network.stages import layers_of
from minicnn.wording import counted

if TYPE_CHECKING:  # the engine is not everywhere
    from minicnn.engine.plan import Step

AS_WRITTEN = "as written"


class PlannedStep(NamedTuple):
    """A step of the plan.

    step: its number, from 1.
    runs_as: its class, such as ConvBlock; "as written" where a layer runs as itself.
    layers: the paths of all that it does the work of, in order, "backbone/conv2d".
    reads: the numbers of the steps whose values it takes, or the names of inputs.
    """

    step: int
    runs_as: str
    layers: list[str]
    reads: list[str]


@known_arguments
def steps(model: Network) -> list[PlannedStep]:
    """The steps in which a model runs forward; backward runs them in reverse. See engine/plan.py.

    A softmax at the end is a step of its own: losses leave it out, and apply it themselves.

    Raises ValueError for a model that is not built.
    """
    if not model.built:
        raise ValueError(
            f"the plan of {model.name!r} needs a built model: add an Input, or call build()"
        )
    with alone:
        program, execution = model.program(), model._execution()
    paths = {id(layer): path for path, layer in model.leaves.items()}
    place = {
        id(layer): n for n, stage in enumerate(execution.stages) for layer in layers_of(stage.step)
    }
    work: list[list[str]] = [[] for _ in execution.stages]
    maker: dict[int, int] = {}  # of values, the steps
    for call, run in zip(program.calls, execution.places.calls, strict=True):
        layer, path = run.layer, paths[id(call.layer)]
        if layer is execution.ending:
            continue
        if layer is execution.last and execution.linear is not None:
            layer = execution.linear
        # done along by the step before it
        n = place[id(layer)] if id(layer) in place else maker[call.reads[0]]
        work[n].append(path)
        if id(layer.activation_layer) in place:
            n = place[id(layer.activation_layer)]
            work[n].append(f"{path}'s activation")
        maker[call.writes] = n
    names = {n: node.name or "input" for n, node in enumerate(model.inputs)}
    found = []
    for n, (step, reads, writes, *_) in enumerate(execution.stages):
        found.append(PlannedStep(n + 1, kind(step), work[n], [names[value] for value in reads]))
        names[writes] = str(n + 1)
    if execution.ending is not None:
        last = paths[id(program.calls[-1].layer)]
        what = last if execution.ending is execution.last else f"{last}'s activation"
        found.append(
            PlannedStep(
                len(found) + 1, AS_WRITTEN, [what], [names[n] for n in execution.outputs_at]
            )
        )
    return found


def kind(step: "Step") -> str:
    """What a step runs as."""
    alone_in_it = isinstance(step, Composed) and len(step.layers) == 1
    plain = isinstance(step, Layer) and not isinstance(step, Composed)
    return AS_WRITTEN if plain or alone_in_it else type(step).__name__


def as_text(model: Network, planned: list[PlannedStep]) -> str:
    """The steps as a table."""
    cells = [["step", "runs as", "reads", "layers"]]
    cells += [
        [str(one.step), one.runs_as, ", ".join(one.reads), ", ".join(one.layers)] for one in planned
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]
    rule = "=" * max(map(len, lines))
    heading = f'Plan of "{model.name}", {model.engine} engine: {counted(len(planned), "step")}'
    return "\n".join([heading, rule, lines[0], rule, *lines[1:], rule])
