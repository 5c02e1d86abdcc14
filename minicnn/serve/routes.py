"""minicnn's own addresses: the page, which models there are, and what they say to pictures."""

import base64
from functools import cache
from importlib.resources import files
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minicnn.serve import multipart, pictures
from minicnn.serve.batching import Answer
from minicnn.serve.messages import Request, Response, as_json
from minicnn.serve.problems import Problem
from minicnn.serve.served import Served
from minicnn.serve.service import Service

TOP = 3  # classes in an answer, unless asked for more
MAPS = ("grad-cam",)  # what `explain` may be
FORM = "multipart/form-data"
# the page's files: these names and no others
PAGE = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/favicon.svg": ("favicon.svg", "image/svg+xml"),
    **{
        f"/{name}": (name, "text/javascript; charset=utf-8")
        for name in ("page.js", "show.js", "fit.js", "asked.js")
    },
}


async def page(service: Service, request: Request) -> Response:  # noqa: ARG001
    """A file of the page."""
    name, kind = PAGE[request.path]
    content = _page_file(name)
    if content is None:
        raise Problem(404, "the page has no such file")
    return Response(200, content, kind, {"cache-control": "no-cache"})


async def models(service: Service, request: Request) -> Response:  # noqa: ARG001
    """Which models there are, and what they take."""
    listed = [
        {
            "name": model.name,
            "classes": model.classes,
            "input": dict(zip(("height", "width", "channels"), model.shape, strict=True)),
            "explain": model.explains,
        }
        for model in service.models.values()
    ]
    return as_json({"models": listed, "batch_invariant": True})


async def predict(service: Service, request: Request) -> Response:
    """The first classes of one or several pictures."""
    began = perf_counter()
    query = request.query
    for name in query:
        if name not in ("model", "top", "explain"):
            raise Problem(400, f"the query expected model, top or explain, received {name[:40]!r}")
    model = service.model(query.get("model"))
    top = number_of_classes(query.get("top", str(TOP)), model)
    explain = wants_map(query.get("explain"), model)
    body = await picture_bytes(request)

    def read() -> tuple[NDArray[np.float32], bool]:
        return pictures.decoded(pictures_in(request, body), model.shape), explain

    answer = await service.asking.answer(model, read)
    return as_json(
        {
            "model": model.name,
            "predictions": predictions(model, answer, top),
            "milliseconds": round(1000 * (perf_counter() - began), 2),
        }
    )


async def picture_bytes(request: Request) -> bytes:
    """The body of a request that brings pictures. Raises Problem where it is none."""
    kind = request.content_type
    if kind not in ("", FORM, "application/octet-stream") and kind[:6] != "image/":
        raise Problem(
            415,
            "the request expected Content-Type image/..., application/octet-stream or "
            f"multipart/form-data, received {kind[:60]!r}: with curl, -F picture=@FILE",
        )
    body = await request.body()
    if not body:
        raise Problem(400, "the request expected a picture in its body, received none")
    return body


def pictures_in(request: Request, body: bytes) -> list[bytes]:
    """The files in a body: itself, or those of a form."""
    if request.content_type != FORM:
        return [body]
    return multipart.files(body, request.headers["content-type"], request.limits.pictures)


def number_of_classes(text: str, model: Served) -> int:
    """How many classes an answer shall have. Raises Problem."""
    if not (text.isascii() and text.isdecimal() and len(text) < 7 and int(text) > 0):
        raise Problem(400, f"top expected a whole number of 1 or more, received {text[:20]!r}")
    return min(int(text), len(model.classes))


def wants_map(name: str | None, model: Served) -> bool:
    """Whether a map of where the model looks is wanted. Raises Problem."""
    if name is None:
        return False
    if name not in MAPS:
        raise Problem(400, f"explain expected {' or '.join(MAPS)}, received {name[:20]!r}")
    if not model.explains:
        raise Problem(
            400,
            f"explain expected a model with convolutions in reals, and "
            f"{model.name!r} is none: leave it out",
        )
    return True


def predictions(model: Served, answer: Answer, top: int) -> list[dict[str, Any]]:
    """The first classes of every picture, and the map if there is one."""
    probabilities, maps = answer
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    listed: list[dict[str, Any]] = [
        {
            "classes": [
                {"name": model.classes[k], "index": k, "probability": number(row[k])} for k in best
            ]
        }
        for best, row in zip(order.tolist(), probabilities.tolist(), strict=True)
    ]
    for prediction, heat in zip(listed, maps, strict=False):
        prediction["heat"] = as_dict(heat)
    return listed


def number(value: float) -> float | None:
    """A number for JSON, which knows neither NaN nor infinity."""
    return value if abs(value) < np.inf else None


def as_dict(heat: NDArray[np.uint8]) -> dict[str, Any]:
    """A map as its size and its bytes, row by row, in base64."""
    height, width = heat.shape
    values = base64.b64encode(heat.tobytes()).decode()
    return {"height": height, "width": width, "values": values}


@cache
def _page_file(name: str) -> bytes | None:
    file = files("minicnn.serve").joinpath("page", name)
    return file.read_bytes() if file.is_file() else None
