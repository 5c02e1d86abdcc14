"""The Open Inference Protocol, version 2: arrays in, arrays out, as KServe and Triton speak it.

Source: kserve/open-inference-protocol, specification/protocol/inference_rest.md.
"""

from minicnn.serve.messages import Request, Response, as_json
from minicnn.serve.problems import Problem
from minicnn.serve.service import Service


async def server(service: Service, request: Request) -> Response:  # noqa: ARG001
    """What kind of server it is."""
    return as_json({"name": "minicnn", "version": "1", "extensions": []})


async def live(service: Service, request: Request) -> Response:  # noqa: ARG001
    """Whether it runs: it answers."""
    return as_json({"live": True})


async def ready(service: Service, request: Request) -> Response:  # noqa: ARG001
    """Whether it takes questions: models are loaded and tried, and it is not about to end."""
    answer = service.ready and not service.stopping
    return as_json({"ready": answer}, 200 if answer else 503)


async def model(service: Service, request: Request) -> Response:
    """What a model takes and gives."""
    served = service.model(request.path.split("/")[3])
    return as_json(
        {
            "name": served.name,
            "platform": "minicnn",
            "versions": ["1"],
            "inputs": [{"name": "picture", "datatype": "FP32", "shape": [-1, *served.shape]}],
            "outputs": [
                {"name": "probabilities", "datatype": "FP32", "shape": [-1, len(served.classes)]}
            ],
        }
    )


async def model_ready(service: Service, request: Request) -> Response:
    """Whether a model takes questions."""
    served = service.model(request.path.split("/")[3])
    answer = service.ready and not service.stopping
    return as_json({"name": served.name, "ready": answer}, 200 if answer else 503)


async def infer(service: Service, request: Request) -> Response:
    """The probabilities for an array of pictures."""
    raise Problem(404, "not yet")
