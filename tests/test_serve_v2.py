"""The Open Inference Protocol: arrays in JSON and in bytes, and what is no such request."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import inside, small_model

from minicnn import explain
from minicnn.serve.limits import Limits
from minicnn.serve.problems import Problem
from minicnn.serve.tensors import Asked

INFER = "/v2/models/small/infer"
SHAPE = (12, 10, 3)
X = np.random.default_rng(5).integers(0, 256, (3, *SHAPE)).astype(np.uint8)


@pytest.fixture(scope="module")
def server():
    with inside(limits=Limits(pictures=4)) as server:
        yield server


def asked(x=X, datatype="FP32", **more):
    """A request with an array as JSON."""
    tensor = {"name": "x", "shape": list(x.shape), "datatype": datatype, "data": x.ravel().tolist()}
    return {"inputs": [tensor], **more}


def infer(server, request, **headers):
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    return server.post(body, INFER, "application/json", **headers)


def test_the_server_and_the_model_describe_themselves(server):
    told = server.ask("GET", "/v2").json
    assert told == {"name": "minicnn", "version": "", "extensions": ["binary_tensor_data"]}
    assert server.ask("GET", "/v2/models/small").json == {
        "name": "small",
        "platform": "minicnn",
        "versions": [],
        "inputs": [{"name": "picture", "datatype": "FP32", "shape": [-1, 12, 10, 3]}],
        "outputs": [
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 5]},
            {"name": "heat", "datatype": "UINT8", "shape": [-1, 12, 10]},
        ],
    }
    assert server.ask("GET", "/v2/models/large").error == (
        "no model has the name 'large'. Known are: small."
    )


@pytest.mark.parametrize("name", ["nope", "heat"])
def test_an_output_that_is_not_there(server, name):
    """heat only comes where it is asked for."""
    answer = infer(server, asked(X[:1], outputs=[{"name": name}]))
    print(answer.error)
    assert (answer.status, answer.error) == (
        400,
        f"outputs expected probabilities, received {name!r}",
    )


@pytest.mark.parametrize("datatype", ["FP32", "UINT8"])
@pytest.mark.parametrize("nested", [False, True])
def test_an_array_gets_what_predict_says(server, datatype, nested):
    request = asked(X, datatype, id="42")
    if nested:
        request["inputs"][0]["data"] = X.tolist()
    answer = infer(server, request)
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert (answer.json["model_name"], answer.json["id"]) == ("small", "42")
    [output] = answer.json["outputs"]
    assert (output["name"], output["datatype"]) == ("probabilities", "FP32")
    assert output["shape"] == [3, 5]
    expected = server.models["small"].predict(X)
    assert np.float32(output["data"]).tobytes() == expected.tobytes()


@pytest.mark.parametrize("datatype", ["FP32", "UINT8"])
def test_arrays_may_come_and_go_in_bytes(server, datatype):
    data = X.tobytes() if datatype == "UINT8" else X.astype("<f4").tobytes()
    tensor = {"name": "x", "shape": list(X.shape), "datatype": datatype,
              "parameters": {"binary_data_size": len(data)}}  # fmt: skip
    outputs = [{"name": "probabilities", "parameters": {"binary_data": True}}]
    for more in ({"outputs": outputs}, {"parameters": {"binary_data_output": True}}):
        head = json.dumps({"inputs": [tensor], **more}).encode()
        answer = infer(server, head + data, inference_header_content_length=str(len(head)))
        assert answer.headers["content-type"] == "application/octet-stream"
        end = int(answer.headers["inference-header-content-length"])
        [output] = json.loads(answer.body[:end])["outputs"]
        assert output["parameters"] == {"binary_data_size": 60} and "data" not in output
        values = struct.unpack("<15f", answer.body[end:])
        np.testing.assert_array_equal(
            np.float32(values).reshape(3, 5), server.models["small"].predict(X)
        )


def test_where_the_model_looks_is_a_second_output(server):
    answer = infer(server, asked(X[:2], parameters={"explain": "grad-cam"}))
    [_, heat] = answer.json["outputs"]
    assert (heat["name"], heat["datatype"], heat["shape"]) == ("heat", "UINT8", [2, 12, 10])
    expected = explain.grad_cam(server.models["small"], X[1]).heat
    found = np.reshape(heat["data"], (2, 12, 10))[1]
    np.testing.assert_allclose(found, 255 * expected / expected.max(), atol=0.51)
    only = asked(X[:1], parameters={"explain": "grad-cam"}, outputs=[{"name": "heat"}])
    assert [output["name"] for output in infer(server, only).json["outputs"]] == ["heat"]


def changed(**of_tensor):
    request = asked(X[:1])
    request["inputs"][0] |= of_tensor
    return request


NUMBERS = "data expected 360 numbers, flat or nested as the shape is"
REFUSED = {
    "no JSON": (b"{", 400, "the body expected JSON: "),
    "no UTF-8": (b'{"id": "\xff"}', 400, "the body expected JSON in UTF-8, received other bytes"),
    "a list": (b"[]", 400, "the body expected JSON: expected an object"),
    "a hundred levels": (
        b'{"inputs":' + b"[" * 100 + b"]" * 100 + b"}",
        400,
        "the body expected JSON: expected at most 80 objects in one another",
    ),
    "ten thousand levels": (b'{"a":' * 10_000, 400, "the body expected JSON: "),
    "many lists": (
        b'{"a": [' + b"[]," * 60_000 + b"[]]}",
        400,
        "the body expected JSON: expected at most 50,000 objects",
    ),
    "a key twice": (b'{"id": "a", "id": "b"}', 400, "the body expected JSON: expected 'id' once"),
    "no inputs": ({}, 400, "inputs expected a list of one tensor"),
    "two inputs": ({"inputs": asked()["inputs"] * 2}, 400, "inputs expected a list of one tensor"),
    "an input that is a number": ({"inputs": [1]}, 400, "inputs expected a list of one tensor"),
    "another type": (
        changed(datatype="INT64"),
        400,
        "datatype expected FP32 or UINT8, received INT64",
    ),
    "no type": (
        changed(datatype=["FP32"]),
        400,
        "datatype expected FP32 or UINT8, received ['FP32']",
    ),
    "another shape": (
        changed(shape=[1, 3, 12, 10]),
        400,
        "shape expected [n, 12, 10, 3], received [1, 3, 12, 10]",
    ),
    "no pictures": (changed(shape=[0, 12, 10, 3], data=[]), 400, "shape expected [n, 12, 10, 3]"),
    "a shape of truth values": (changed(shape=[True, 12, 10, 3]), 400, "shape expected [n, 12,"),
    "too many pictures": (
        changed(shape=[5, 12, 10, 3]),
        413,
        "shape expected at most 4 pictures, received 5",
    ),
    "a shape beyond all": (changed(shape=[10**30, 12, 10, 3]), 413, "shape expected at most 4"),
    "too few numbers": (changed(data=[1, 2, 3]), 400, NUMBERS),
    "texts": (changed(data=["1"] * 360), 400, NUMBERS),
    "truth values": (changed(data=[True] * 360), 400, NUMBERS),
    "nothing": (changed(data=[None] * 360), 400, NUMBERS),
    "ragged lists": (changed(data=[[1], [2, 3]] * 180), 400, NUMBERS),
    "whole numbers beyond all": (changed(data=[10**40] * 360), 400, NUMBERS),
    "no list": (changed(data="abc"), 400, "data expected a list of numbers"),
    "no data": (changed(data=None), 400, "data expected a list of numbers"),
    "infinity": (changed(data=[1e300] * 360), 400, "data expected finite numbers"),
    "no number": (changed(data=[float("nan")] * 360), 400, "data expected finite numbers"),
    "bytes beyond a byte": (
        changed(datatype="UINT8", data=[256] * 360),
        400,
        "data expected whole numbers from 0 to 255, as UINT8 has them",
    ),
    "fractions as bytes": (
        changed(datatype="UINT8", data=[0.5] * 360),
        400,
        "data expected whole numbers from 0 to 255, as UINT8 has them",
    ),
    "bytes that are not there": (
        changed(parameters={"binary_data_size": 1440}),
        400,
        "binary_data_size expected 1440 for this shape, and as many bytes behind the JSON, "
        "received 1440 and 0",
    ),
    "parameters that are none": (changed(parameters=[]), 400, "parameters expected an object"),
    "an id that is none": (asked(id=7), 400, "id expected a text of at most 256 letters"),
    "outputs that are none": (
        asked(outputs=["probabilities"]),
        400,
        "outputs expected a list of objects with a name",
    ),
    "a map of another kind": (
        asked(parameters={"explain": "lime"}),
        400,
        "explain expected grad-cam, received 'lime'",
    ),
    "a map of no kind": (
        asked(parameters={"explain": 1}),
        400,
        "explain expected the name of a map",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_and_why(server, case):
    request, status, sentence = REFUSED[case]
    answer = infer(server, request)
    assert answer.status == status and answer.error.startswith(sentence)


@pytest.mark.parametrize("length", ["-1", "99999", "1e1", "", "9" * 400])
def test_a_length_of_the_json_that_is_none(server, length):
    answer = infer(server, asked(X[:1]), inference_header_content_length=length)
    assert answer.status == 400
    assert answer.error.startswith("inference-header-content-length expected at most the body's ")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
)
fields = st.sampled_from(["id", "inputs", "outputs", "parameters", "shape", "data", "datatype"])


@given(st.dictionaries(fields, values), st.dictionaries(fields, values))
def test_no_json_makes_anything_but_a_problem_or_an_array(whole, tensor):
    request = changed(**tensor)
    request |= {name: value for name, value in whole.items() if name != "inputs"}
    for body in (request, whole):
        asked = Asked(json.dumps(body).encode(), None, SHAPE, 4)
        try:
            x = asked.array()
        except Problem as problem:
            assert problem.status in (400, 413)
        else:
            assert x.shape[1:] == SHAPE and x.dtype == np.float32 and np.isfinite(x).all()


@given(st.binary(max_size=200))
def test_no_bytes_do(noise):
    with pytest.raises(Problem):
        Asked(noise, None, SHAPE, 4).array()


def test_a_grey_models_heat_is_not_offered_where_there_is_none():
    from minicnn import Input, Sequential, layers

    model = Sequential(
        [Input((4, 4, 1)), layers.Rescaling(1 / 255), layers.Flatten(),
         layers.Dense(2, activation="softmax")],
        seed=0, class_names=["a", "b"],
    )  # fmt: skip
    model.note_weights()
    with inside({"small": model, "other": small_model()}) as server:
        told = server.ask("GET", "/v2/models/small").json
        assert [output["name"] for output in told["outputs"]] == ["probabilities"]
        x = np.ascontiguousarray(X[:1, :4, :4, :1])
        answer = infer(server, asked(x, parameters={"explain": "grad-cam"}))
        assert answer.status == 400 and "expected a model with convolutions" in answer.error
