"""What a server has while it runs: the models, what may be asked, and the way to ask."""

import asyncio
from dataclasses import dataclass, field

from minicnn.errors import did_you_mean
from minicnn.serve import pictures, served
from minicnn.serve.asking import Asking
from minicnn.serve.batching import Batcher
from minicnn.serve.limits import Limits
from minicnn.serve.messages import Held
from minicnn.serve.metrics import Metrics
from minicnn.serve.problems import Problem
from minicnn.serve.security import Security
from minicnn.serve.served import Served


@dataclass
class Service:
    """One worker's.

    Attributes:
        models: by name, the first one first; a question is answered by the one that was there when
            it came.
        limits, security: see there.
        batch, wait: pictures that are answered together, and seconds that the first waits for
            others.
        metrics: what is counted.
        readers: threads that read pictures.
        stopping: whether it is about to end.
    """

    models: dict[str, Served]
    limits: Limits = field(default_factory=Limits)
    security: Security = field(default_factory=Security)
    batch: int = 32
    wait: float = 0.002
    metrics: Metrics = field(default_factory=Metrics)
    readers: int = 1
    held: Held = field(default_factory=Held)
    in_flight: int = 0
    ready: bool = False
    stopping: bool = False
    _asking: Asking | None = None

    async def start(self) -> None:
        """Start the threads and try every model, in the running event loop."""
        await asyncio.to_thread(pictures.prepare, self.limits)
        batcher = Batcher(self.batch, self.wait)
        self._asking = Asking(batcher, self.limits.answer_seconds, self.metrics, self.readers)
        for model in list(self.models.values()):
            await self.put(model)
        self.ready = True

    async def put(self, model: Served) -> None:
        """Serve a model from now on, once it has been tried."""
        self.models[model.name] = await self.asking.in_model_thread(
            lambda: served.tried(model, self.batch)
        )

    def begin_to_stop(self) -> None:
        """Say so to who asks whether requests may come, and close connections after answers."""
        self.ready, self.stopping = False, True

    async def stop(self) -> None:
        """Answer what is there, and end the threads."""
        await self.asking.stop()

    @property
    def asking(self) -> Asking:
        """The way to ask; there once `start` was called."""
        assert self._asking is not None
        return self._asking

    def model(self, name: str | None) -> Served:
        """The model of that name, the only one if there is no name. Raises Problem."""
        if name is None and len(self.models) == 1:
            return next(iter(self.models.values()))
        if name is None:
            raise Problem(
                400,
                f"the server has several models, and expected ?model=NAME to name "
                f"one of them: {', '.join(self.models)}",
            )
        if name not in self.models:
            raise Problem(
                404, f"no model has the name {name[:64]!r}.{did_you_mean(name[:64], self.models)}"
            )
        return self.models[name]
