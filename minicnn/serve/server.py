"""A server in one process: uvicorn with our application."""

import socket

import uvicorn

from minicnn.serve.application import Application
from minicnn.serve.service import Service


class Server(uvicorn.Server):
    """One worker.

    Args:
        service: what answers.
        tls: files of the certificate and its key, or None.
    """

    def __init__(self, service: Service, tls: tuple[str, str] | None = None):
        certificate, key = tls or (None, None)
        self.service = service
        super().__init__(
            uvicorn.Config(
                Application(service),
                loop="asyncio",
                http="auto",
                ws="none",
                lifespan="off",
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=int(service.limits.idle_seconds),
                timeout_graceful_shutdown=int(service.limits.stop_seconds),
                ssl_certfile=certificate,
                ssl_keyfile=key,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer from now on."""
        await self.service.start()
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is in flight, and end."""
        self.service.stopping = True
        await super().shutdown(sockets)
        await self.service.stop()
        self._captured_signals.clear()  # they have been heeded
