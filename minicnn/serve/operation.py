"""What those ask who run servers: is it alive, what has it done, what can it be asked."""

from functools import cache

from minicnn.serve import openapi
from minicnn.serve.messages import Request, Response, as_json
from minicnn.serve.service import Service


async def ping(service: Service, request: Request) -> Response:  # noqa: ARG001
    """SageMaker's question whether requests may come."""
    return as_json({}, 200 if service.ready else 503)


async def metrics(service: Service, request: Request) -> Response:  # noqa: ARG001
    """Counters for Prometheus."""
    return Response(200, service.metrics.text().encode(), "text/plain; version=0.0.4")


async def described(service: Service, request: Request) -> Response:  # noqa: ARG001
    """What can be asked, for programs that write clients."""
    return _described()


@cache
def _described() -> Response:
    return as_json(openapi.description())
