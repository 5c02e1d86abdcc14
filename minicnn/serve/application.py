"""The whole server as one ASGI application: what is checked of every request, and which handler
answers it.
"""

import logging
from collections.abc import Awaitable, Callable
from time import perf_counter

from minicnn.serve import operation, routes, v2
from minicnn.serve.messages import Gone, Receive, Request, Response, Scope, Send, as_json
from minicnn.serve.problems import Problem, busy
from minicnn.serve.security import CORS, HEADERS
from minicnn.serve.service import Service

Handler = Callable[[Service, Request], Awaitable[Response]]
log = logging.getLogger("minicnn.serve")

ROUTES: dict[str, dict[str, Handler]] = {
    **{path: {"GET": routes.page} for path in routes.PAGE},
    "/v1/models": {"GET": routes.models},
    "/v1/predict": {"POST": routes.predict},
    "/v2": {"GET": v2.server},
    "/v2/health/live": {"GET": v2.live},
    "/v2/health/ready": {"GET": v2.ready},
    "/ping": {"GET": operation.ping},
    "/invocations": {"POST": routes.predict},
    "/metrics": {"GET": operation.metrics},
    "/openapi.json": {"GET": operation.described},
}


class Application:
    """ASGI: one call per request.

    Args:
        service: what answers.
    """

    def __init__(self, service: Service):
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request: always, but when the client has hung up."""
        if scope["type"] != "http":
            raise RuntimeError(f"serve expected HTTP, received {scope['type']}")
        began = perf_counter()
        service = self.service
        request = Request(scope, receive, service.limits, service.held)
        label, methods = find(request.path)
        try:
            response = await self._answer(request, methods)
        except Problem as problem:
            response = as_json({"error": problem.sentence}, problem.status, problem.headers)
        except Gone:
            return
        except Exception:
            log.exception("minicnn serve: %s %s failed", request.method, label)
            response = as_json({"error": "the server has failed at this request"}, 500)
        finally:
            request.forget()
        more = service.security.cors(request)
        if service.stopping:
            more["connection"] = "close"
        service.metrics.request(label, response.status, perf_counter() - began)
        await response.send(send, HEADERS, more)

    async def _answer(self, request: Request, methods: dict[str, Handler] | None) -> Response:
        service = self.service
        if request.header_bytes > service.limits.header:
            raise Problem(
                431,
                f"the headers expected at most {service.limits.header} bytes, received "
                f"{request.header_bytes}",
            )
        if request.method == "OPTIONS" and (cors := service.security.cors(request)):
            return Response(204, headers=CORS | cors)  # a browser asks whether it may ask
        service.security.check(request, public=request.path in routes.PAGE)
        if methods is None:
            raise Problem(
                404, "there is nothing at this address: /openapi.json tells what there is"
            )
        method = "GET" if request.method == "HEAD" else request.method
        handler = methods.get(method)
        if handler is None:
            allowed = ", ".join(methods)
            raise Problem(
                405,
                f"this address expected {allowed}, received {request.method[:20]}",
                {"allow": allowed},
            )
        if method == "GET":
            return await handler(service, request)
        if service.in_flight >= service.limits.in_flight:
            raise busy(
                f"{service.limits.in_flight} requests wait for their answer already: try "
                "again in a second"
            )
        service.in_flight += 1
        service.metrics.set("in_flight", service.in_flight)
        try:
            return await handler(service, request)
        finally:
            service.in_flight -= 1
            service.metrics.set("in_flight", service.in_flight)


def find(path: str) -> tuple[str, dict[str, Handler] | None]:
    """What is counted for an address, and its handlers by method; None if there are none."""
    methods = ROUTES.get(path)
    if methods is not None:
        return ("/" if path in routes.PAGE else path), methods
    match path.split("/"):
        case ["", "v2", "models", _]:
            return "/v2/models", {"GET": v2.model}
        case ["", "v2", "models", _, "ready"]:
            return "/v2/models", {"GET": v2.model_ready}
        case ["", "v2", "models", _, "infer"]:
            return "/v2/infer", {"POST": v2.infer}
    return "other", None
