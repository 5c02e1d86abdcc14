"""A server in one process: uvicorn with our application, our connections, and an end in order."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from types import FrameType

import uvicorn

from minicnn.serve import reloading
from minicnn.serve.application import Application
from minicnn.serve.connections import protocol
from minicnn.serve.reloading import State
from minicnn.serve.service import Service

TICK = 0.1  # seconds between two of uvicorn's
TICKS = 10  # between two looks for slow clients
LATE = 0.5  # seconds by which a tick is late when the machine had no time for this process
BACKLOG = 1024  # connections that wait to be accepted


class Server(uvicorn.Server):
    """One worker.

    Args:
        service: what answers.
        tls: files of the certificate and its key, or None.
        watched: model files to load again when they change, see reloading.watch.
        started: called when questions are answered.
        parent: a file descriptor that ends when the process does that started this one.
    """

    def __init__(
        self,
        service: Service,
        tls: tuple[Path, Path] | None = None,
        watched: dict[str, tuple[Path, State]] | None = None,
        started: Callable[[], None] = lambda: None,
        parent: int | None = None,
    ):
        certificate, key = tls or (None, None)
        self.service, self._watched, self._started = service, watched or {}, started
        self._parent, self._ticked = parent, monotonic()
        self._watching: asyncio.Task[None] | None = None
        super().__init__(
            uvicorn.Config(
                Application(service),
                loop="asyncio",
                http=protocol(service.limits),
                ws="none",
                lifespan="off",
                log_config=None,
                log_level=logging.CRITICAL,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=BACKLOG,
                timeout_keep_alive=int(service.limits.idle_seconds),
                timeout_graceful_shutdown=int(service.limits.stop_seconds),
                h11_max_incomplete_event_size=service.limits.header,
                ssl_certfile=certificate,
                ssl_keyfile=key,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer from now on."""
        await self.service.start()
        if self._watched:
            self._watching = asyncio.create_task(reloading.watch(self.service, self._watched))
        if self._parent is not None:
            asyncio.get_running_loop().add_reader(self._parent, self._orphaned)
        await super().startup(sockets)
        self._ticked = monotonic()
        self.service.metrics.add("starts")
        self._started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Stop in order; at once at a second Ctrl-C."""
        self.force_exit = self.force_exit or (
            sig == signal.SIGINT and sig in self._captured_signals
        )
        self._captured_signals.append(sig)
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """What uvicorn does every tenth of a second."""
        now = monotonic()
        late = now - self._ticked - TICK
        self._ticked = now
        for connection in list(self.server_state.connections):
            # while this process did not run, nobody could have been faster
            if late > LATE:
                connection.forgive(late)  # type: ignore[union-attr]
            if counter % TICKS == 0:
                connection.check(now)  # type: ignore[union-attr]
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take what has come, answer what is in flight, and end."""
        self.service.begin_to_stop()
        if self._watching is not None:
            self._watching.cancel()
        await self._last_connections(sockets or [])
        await super().shutdown(sockets)
        await self.service.stop()
        self._captured_signals.clear()  # they have been heeded

    async def _last_connections(self, sockets: list[socket.socket]) -> None:
        """Accept who waits already, and nobody any more: closing a socket cuts who waits there.

        Whoever comes while this is being done is not let in, with a queue of no length, and is
        refused when it tries again.
        """
        loop = asyncio.get_running_loop()
        for listening in sockets:
            listening.listen(0)
            with contextlib.suppress(NotImplementedError):  # a loop without readers, on Windows
                loop.remove_reader(listening.fileno())
        for _ in range(3):
            await asyncio.sleep(0)  # whom the loop has accepted becomes a connection meanwhile
        for listening in sockets:
            for _ in range(BACKLOG):
                try:
                    client, _ = listening.accept()
                except OSError:
                    break
                await loop.connect_accepted_socket(self._connection, client, ssl=self.config.ssl)

    def _orphaned(self) -> None:
        if self._parent is not None:
            asyncio.get_running_loop().remove_reader(self._parent)
        self.should_exit = True

    def _connection(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state={}
        )
