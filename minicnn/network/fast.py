"""What the engine does for an execution. It is imported only where the engine can run."""

from collections.abc import Sequence
from functools import partial

from minicnn.engine import selftest
from minicnn.engine.engine_step import EngineStep
from minicnn.engine.plan import Step, passes_on, plan
from minicnn.machine.region import Region
from minicnn.network.forks import Forks
from minicnn.network.frozen import Frozen
from minicnn.network.gradients import Gradients
from minicnn.network.graph import Call
from minicnn.network.slots import give_slots
from minicnn.network.stages import stages


class Fast:
    """The stages of the engine's plan, and what goes with them.

    Args:
        calls, inputs, outputs: of the network's program without its ending; see executor.py. The
            layers are of one type: steps hand on buffers as they are.

    Attributes:
        region: to which steps add jobs.
        stages, values: see stages.py.
        trusted: whether the engine computes right on this machine.
        frozen: inference of small batches.
        forks: sums of gradients.
    """

    def __init__(self, calls: Sequence[Call], inputs: int, outputs: Sequence[int]):
        self.region = Region()
        self.stages, self.values = stages(calls, inputs, outputs, partial(plan, region=self.region))
        give_slots(self.stages, outputs)
        self.trusted = selftest.trusted([stage.step for stage in self.stages])
        self.frozen = Frozen(calls, inputs, outputs)
        self.forks = Forks(self.region, calls[0].layer.dtype)

    def settle(self, step: Step, training: bool) -> None:
        """Run the jobs that have been added, if the step reads the numbers that they make."""
        if not passes_on(step, training):
            self.region.run()

    def offer(self, step: Step, gradients: Gradients, value: int) -> None:
        """Let the step add its dx to what other users have given of that value's gradient, if it
        can.
        """
        if isinstance(step, EngineStep) and step.adds_up:
            step.so_far = gradients.take_buffer(value)

    def gives_own(self, step: Step) -> bool:
        """Whether dx, the first of several, is a buffer that is nobody else's gradient."""
        return isinstance(step, EngineStep) and step.gives_own
