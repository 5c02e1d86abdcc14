"""What can be asked, as OpenAPI describes it.

Source: OpenAPI Specification 3.1.0.
"""

from typing import Any

Object = dict[str, Any]


def description() -> Object:
    """The description of all addresses."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "minicnn serve",
            "version": "1",
            "description": "What convolutional networks say to pictures. An answer has the same "
            "bits whoever else asks at the same time.",
        },
        "security": [{}, {"token": []}],
        "paths": {
            "/v1/models": {"get": operation("Which models there are", MODELS)},
            "/v1/predict": {"post": PREDICT},
            "/v2": {"get": operation("What kind of server it is", obj(name=TEXT, extensions=[]))},
            "/v2/health/live": {"get": operation("Whether it runs", obj(live=YES))},
            "/v2/health/ready": {
                "get": operation("Whether it takes questions", obj(ready=YES), unready=True)
            },
            "/v2/models/{name}": {"get": of_model("What a model takes and gives", obj(name=TEXT))},
            "/v2/models/{name}/ready": {
                "get": of_model("Whether a model takes questions", obj(ready=YES))
            },
            "/v2/models/{name}/infer": {"post": INFER},
            "/ping": {
                "get": operation("SageMaker: whether it takes questions", obj(), unready=True)
            },
            "/invocations": {"post": PREDICT | {"summary": "SageMaker: the same as /v1/predict"}},
            "/metrics": {
                "get": {
                    "summary": "Counters in Prometheus' text format",
                    "responses": {"200": {"description": "them", "content": {"text/plain": {}}}},
                }
            },
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {
                "error": {
                    "description": "What was expected and what came, in a sentence",
                    "content": {"application/json": {"schema": obj(error=TEXT)}},
                }
            },
        },
    }


def obj(**properties: Any) -> Object:
    """The schema of an object with these properties; a list stands for one of texts."""
    parts = {
        name: {"type": "array", "items": TEXT} if told == [] else told
        for name, told in properties.items()
    }
    return {"type": "object", "properties": parts, "required": list(parts)}


def array(of: Object) -> Object:
    """The schema of an array."""
    return {"type": "array", "items": of}


def operation(summary: str, answer: Object, unready: bool = False) -> Object:
    """An operation that answers with JSON."""
    responses: Object = {
        "200": {"description": "The answer", "content": {"application/json": {"schema": answer}}},
        "4XX": {"$ref": "#/components/responses/error"},
    }
    if unready:
        responses["503"] = {"description": "Not yet, or no more"}
    return {"summary": summary, "responses": responses}


def of_model(summary: str, answer: Object) -> Object:
    """An operation of one model, which the address names."""
    return operation(summary, answer) | {"parameters": [parameter("name", "path", TEXT)]}


def parameter(name: str, place: str, schema: Object, told: str = "") -> Object:
    """What an address can be told."""
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "schema": schema,
        "description": told,
    }


TEXT: Object = {"type": "string"}
YES: Object = {"type": "boolean"}
WHOLE: Object = {"type": "integer"}
NUMBER: Object = {"type": "number"}
BYTES: Object = {"type": "string", "format": "binary"}
MODELS = obj(
    models=array(
        obj(
            name=TEXT, classes=[], input=obj(height=WHOLE, width=WHOLE, channels=WHOLE), explain=YES
        )
    ),
    batch_invariant=YES,
)
CLASS = obj(name=TEXT, index=WHOLE, probability={"type": ["number", "null"]})
HEAT = obj(height=WHOLE, width=WHOLE, values={"type": "string", "contentEncoding": "base64"})
PREDICTION = obj(classes=array(CLASS))
PREDICTION["properties"]["heat"] = HEAT  # where it was asked for
PREDICT = operation(
    "The most probable classes of pictures",
    obj(model=TEXT, predictions=array(PREDICTION), milliseconds=NUMBER),
) | {
    "parameters": [
        parameter("model", "query", TEXT, "needed where there are several"),
        parameter("top", "query", WHOLE | {"minimum": 1, "default": 3}, "how many classes"),
        parameter("explain", "query", {"enum": ["grad-cam"]}, "with where the model looks"),
    ],
    "requestBody": {
        "required": True,
        "content": {
            "image/*": {"schema": BYTES},
            "application/octet-stream": {"schema": BYTES},
            "multipart/form-data": {"schema": obj(picture=array(BYTES))},
        },
    },
}
TENSOR = obj(name=TEXT, datatype={"enum": ["FP32", "UINT8"]}, shape=array(WHOLE), data={})
INFER = of_model(
    "The probabilities for arrays of pictures", obj(model_name=TEXT, outputs=array(TENSOR))
) | {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": obj(inputs=array(TENSOR))}},
    }
}
