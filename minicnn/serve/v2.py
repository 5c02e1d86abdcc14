"""The Open Inference Protocol, version 2: arrays in, arrays out, as KServe and Triton speak it.

Of its extensions, binary tensors are there. `parameters: {"explain": "grad-cam"}` brings a second
output, where the model looks.

Source: kserve/open-inference-protocol, specification/protocol/inference_rest.md; Triton's
extension_binary_data.md.
"""

import json
from typing import Any

from minicnn.serve import routes, tensors
from minicnn.serve.messages import Request, Response, as_json
from minicnn.serve.problems import Problem
from minicnn.serve.service import Service
from minicnn.serve.tensors import LENGTH, Asked

INPUT, OUTPUT, HEAT = "picture", "probabilities", "heat"


async def server(service: Service, request: Request) -> Response:  # noqa: ARG001
    """What kind of server it is. Which version, it does not tell."""
    return as_json({"name": "minicnn", "version": "", "extensions": ["binary_tensor_data"]})


async def live(service: Service, request: Request) -> Response:  # noqa: ARG001
    """Whether it runs: it answers."""
    return as_json({"live": True})


async def ready(service: Service, request: Request) -> Response:  # noqa: ARG001
    """Whether it takes questions: models are loaded and tried, and it is not about to end."""
    return as_json({"ready": service.ready}, 200 if service.ready else 503)


async def model(service: Service, request: Request) -> Response:
    """What a model takes and gives."""
    served = service.model(name_in(request))
    classes, (height, width, _) = len(served.classes), served.shape
    outputs = [{"name": OUTPUT, "datatype": "FP32", "shape": [-1, classes]}]
    if served.explains:
        outputs.append({"name": HEAT, "datatype": "UINT8", "shape": [-1, height, width]})
    return as_json(
        {
            "name": served.name,
            "platform": "minicnn",
            "versions": [],
            "inputs": [{"name": INPUT, "datatype": "FP32", "shape": [-1, *served.shape]}],
            "outputs": outputs,
        }
    )


async def model_ready(service: Service, request: Request) -> Response:
    """Whether a model takes questions."""
    served = service.model(name_in(request))
    return as_json({"name": served.name, "ready": service.ready}, 200 if service.ready else 503)


async def infer(service: Service, request: Request) -> Response:
    """The probabilities for an array of pictures."""
    served = service.model(name_in(request))
    asked = Asked(
        await request.body(), request.headers.get(LENGTH), served.shape, request.limits.pictures
    )

    def read() -> Any:
        x = asked.array()
        return x, routes.wants_map(asked.explain, served)

    probabilities, maps = await service.asking.answer(served, read)
    arrays = [(OUTPUT, "FP32", probabilities)]
    if maps:
        arrays.append((HEAT, "UINT8", tensors.stacked(maps)))
    if unknown := sorted((asked.names or set()) - {name for name, *_ in arrays}):
        there = " and ".join(name for name, *_ in arrays)
        raise Problem(400, f"outputs expected {there}, received {unknown[0][:60]!r}")
    outputs, binary = [], []
    for name, datatype, values in arrays:
        if asked.names is not None and name not in asked.names:
            continue
        output: dict[str, Any] = {"name": name, "datatype": datatype, "shape": list(values.shape)}
        if asked.in_bytes(name):
            data = values.tobytes()
            output["parameters"] = {"binary_data_size": len(data)}
            binary.append(data)
        else:
            output["data"] = [routes.number(value) for value in values.ravel().tolist()]
        outputs.append(output)
    answer = {"model_name": served.name, "outputs": outputs}
    if asked.id is not None:
        answer["id"] = asked.id
    if not binary:
        return as_json(answer)
    head = json.dumps(answer, ensure_ascii=False).encode()
    return Response(
        200,
        head + b"".join(binary),
        "application/octet-stream",
        {LENGTH: str(len(head))},
    )


def name_in(request: Request) -> str:
    """The model's name in /v2/models/NAME/infer. Raises Problem for a version behind it."""
    return request.path.split("/")[3]
