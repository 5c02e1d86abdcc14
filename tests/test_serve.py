"""`minicnn serve` without sockets: what it says to pictures, and to those who run it."""

import asyncio
import base64
import json
import re

import numpy as np
import pytest
from serving import CLASSES, form, inside, picture, small_model

from minicnn import explain, quantize
from minicnn.data import read_image
from minicnn.models.pictures import predict_image


@pytest.fixture(scope="module")
def server():
    with inside() as server:
        yield server


@pytest.fixture(scope="module")
def two():
    grey = small_model(1, (12, 10, 1), ["no", "yes"])
    with inside({"colour": small_model(), "grey": grey}) as server:
        yield server


def test_a_picture_gets_the_classes_that_predict_image_says(server):
    for kind, size in (("PNG", (12, 10)), ("JPEG", (300, 200)), ("BMP", (7, 90)), ("WEBP", (9, 9))):
        file = picture(3, size, kind)
        answer = server.post(file, kind=f"image/{kind.lower()}")
        assert answer.status == 200 and answer.headers["content-type"] == "application/json"
        said = predict_image(server.models["small"], file)
        assert set(answer.json) == {"model", "predictions", "milliseconds"}
        assert answer.json["model"] == "small" and answer.json["milliseconds"] > 0
        [prediction] = answer.json["predictions"]
        assert list(prediction) == ["classes"]
        assert [one["name"] for one in prediction["classes"]] == said.classes
        assert [one["probability"] for one in prediction["classes"]] == said.probabilities
        assert [CLASSES[one["index"]] for one in prediction["classes"]] == said.classes


@pytest.mark.parametrize("kind", ["application/octet-stream", "IMAGE/anything; q=1", None])
def test_raw_bytes_may_be_called_so(server, kind):
    headers = {} if kind is None else {"content-type": kind}
    assert server.ask("POST", "/v1/predict", picture(), headers).status == 200


def test_a_form_brings_several_pictures_which_are_answered_in_order(server):
    files = [picture(seed) for seed in range(5)]
    body, kind = form(files)
    together = server.post(body, "/v1/predict?top=5", kind).json["predictions"]
    alone = [server.post(file, "/v1/predict?top=5").json["predictions"][0] for file in files]
    assert together == alone and len({json.dumps(one) for one in alone}) == 5


def test_top_is_how_many_classes(server):
    for top, expected in (("1", 1), ("5", 5), ("100", 5), ("0003", 3)):
        [prediction] = server.post(picture(), f"/v1/predict?top={top}").json["predictions"]
        assert len(prediction["classes"]) == expected
    total = server.post(picture(), "/v1/predict?top=5").json["predictions"][0]["classes"]
    assert sum(one["probability"] for one in total) == pytest.approx(1, abs=1e-6)


def test_where_the_model_looks_is_told_when_asked_for(server):
    file = picture(8, (12, 10))
    [prediction] = server.post(file, "/v1/predict?explain=grad-cam").json["predictions"]
    heat = prediction["heat"]
    assert (heat["height"], heat["width"]) == (12, 10)
    values = np.frombuffer(base64.b64decode(heat["values"]), np.uint8).reshape(12, 10)
    expected = explain.grad_cam(server.models["small"], read_image(file)).heat
    np.testing.assert_allclose(values, 255 * expected / expected.max(), atol=0.51)
    assert values.max() == 255


def test_a_grey_model_sees_grey(two):
    answer = two.post(picture(2), "/v1/predict?model=grey&top=2")
    said = predict_image(two.models["grey"], picture(2), 2)
    [prediction] = answer.json["predictions"]
    assert [one["probability"] for one in prediction["classes"]] == said.probabilities


def test_models_are_listed_with_what_they_take(two):
    assert two.ask("GET", "/v1/models").json == {
        "models": [
            {
                "name": "colour",
                "classes": CLASSES,
                "input": {"height": 12, "width": 10, "channels": 3},
                "explain": True,
            },
            {
                "name": "grey",
                "classes": ["no", "yes"],
                "input": {"height": 12, "width": 10, "channels": 1},
                "explain": True,
            },
        ],
        "batch_invariant": True,
    }


def test_one_of_several_models_must_be_named(two):
    answer = two.post(picture())
    assert (answer.status, answer.error) == (
        400,
        "the server has several models, and expected ?model=NAME to name one of them: colour, grey",
    )
    answer = two.post(picture(), "/v1/predict?model=gray")
    assert (answer.status, answer.error) == (
        404,
        "no model has the name 'gray'. Did you mean 'grey'?",
    )


def test_a_network_in_whole_numbers_is_served_without_maps():
    model = small_model()
    x = np.random.default_rng(0).integers(0, 256, (64, 12, 10, 3)).astype(np.float32)
    whole = quantize.quantized(model, x)
    with inside({"whole": whole}) as server:
        [prediction] = server.post(picture(4, (12, 10)), "/v1/predict?top=5").json["predictions"]
        expected = whole.predict(read_image(picture(4, (12, 10)))[None])[0]
        found = {one["index"]: one["probability"] for one in prediction["classes"]}
        assert found == dict(enumerate(expected.tolist()))
        assert not server.ask("GET", "/v1/models").json["models"][0]["explain"]
        answer = server.post(picture(), "/v1/predict?explain=grad-cam")
        assert answer.status == 400 and answer.error == (
            "explain expected a model with convolutions in reals, and 'whole' is none: leave it out"
        )


@pytest.mark.parametrize("classes", [1, 3])
def test_logits_and_single_units_become_probabilities(classes):
    from minicnn import Input, Sequential, layers

    model = Sequential(
        [Input((4, 4, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(classes)],
        seed=3, class_names=["a", "b", "c"][: max(classes, 2)],
    )  # fmt: skip
    model.note_weights()
    with inside({"logits": model}) as server:
        [prediction] = server.post(picture(1)).json["predictions"]
        said = predict_image(model, picture(1))
        assert [one["probability"] for one in prediction["classes"]] == said.probabilities


def test_numbers_that_are_none_are_null():
    model = small_model()
    model.layers[-1].set_weights([np.full((160, 5), np.nan), np.zeros(5)])
    with inside({"nan": model}) as server:
        answer = server.post(picture())
        assert answer.status == 200 and b"NaN" not in answer.body
        [prediction] = answer.json["predictions"]
        assert [one["probability"] for one in prediction["classes"]] == [None] * 3


def test_the_page_is_there(server):
    answer = server.ask("GET", "/")
    assert answer.status == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.body.startswith(b"<!doctype html>")
    head = server.ask("HEAD", "/v1/models")
    assert head.status == 200


@pytest.mark.parametrize(
    "path", ["/page/index.html", "/../pyproject.toml", "/%2e%2e/x", "/index.html", "//", "/v1", ""]
)
def test_no_other_file_is(server, path):
    answer = server.ask("GET", path)
    assert (answer.status, answer.error) == (
        404,
        "there is nothing at this address: /openapi.json tells what there is",
    )


def test_other_methods_are_told_which_there_are(server):
    answer = server.ask("GET", "/v1/predict")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert answer.error == "this address expected POST, received GET"
    assert server.ask("DELETE", "/v2/models/small").error.endswith("GET, received DELETE")


def test_health_says_when_requests_may_come():
    with inside() as server:
        for path in ("/ping", "/v2/health/ready", "/v2/models/small/ready", "/v2/health/live"):
            assert server.ask("GET", path).status == 200
        server.service.begin_to_stop()
        for path in ("/ping", "/v2/health/ready", "/v2/models/small/ready"):
            answer = server.ask("GET", path)
            assert answer.status == 503 and answer.headers["connection"] == "close"
        assert server.ask("GET", "/v2/health/live").json == {"live": True}
        assert server.post(picture()).status == 200  # who has come is answered


def test_sagemaker_asks_in_its_own_words(server):
    assert server.ask("GET", "/ping").json == {}
    direct = server.post(picture()).json["predictions"]
    assert server.post(picture(), "/invocations").json["predictions"] == direct


def test_metrics_count_in_prometheus_format():
    with inside() as server:
        for _ in range(3):
            server.post(picture())
        server.post(b"none")
        server.ask("GET", "/scanned/by/somebody")
        answer = server.ask("GET", "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4"
    text = answer.body.decode()
    assert 'minicnn_requests_total{path="/v1/predict",status="200"} 3\n' in text
    assert 'minicnn_requests_total{path="/v1/predict",status="400"} 1\n' in text
    assert 'minicnn_requests_total{path="other",status="404"} 1\n' in text
    assert "scanned" not in text and "minicnn_requests_in_flight 0\n" in text
    assert 'minicnn_batch_pictures_bucket{le="1"} 3\n' in text
    assert "minicnn_batch_pictures_sum 3\n" in text
    line = re.compile(r'(# TYPE \w+ \w+|\w+(\{\w+="[^"]+"(,\w+="[^"]+")*\})? [0-9.e+-]+)')
    assert all(line.fullmatch(each) for each in text.splitlines())
    buckets = [int(n) for n in re.findall(r"request_seconds_bucket.* (\d+)", text)]
    assert buckets == sorted(buckets) and buckets[-1] == 5


def test_openapi_describes_every_address(server):
    from minicnn.serve.application import ROUTES
    from minicnn.serve.routes import PAGE

    described = server.ask("GET", "/openapi.json").json
    assert described["openapi"] == "3.1.0"
    expected = {path: set(methods) for path, methods in ROUTES.items() if path not in PAGE}
    del expected["/openapi.json"]
    expected |= {f"/v2/models/{{name}}{more}": {"GET"} for more in ("", "/ready")}
    expected["/v2/models/{name}/infer"] = {"POST"}
    found = {path: {m.upper() for m in told} for path, told in described["paths"].items()}
    assert found == expected
    names = [p["name"] for p in described["paths"]["/v1/predict"]["post"]["parameters"]]
    assert names == ["model", "top", "explain"]


def test_many_at_once_get_the_bits_that_one_alone_gets(server):
    """Whoever else asks, and whatever they ask."""
    files = [picture(seed, (12 + seed % 5, 10 + seed % 3)) for seed in range(40)]
    target = "/v1/predict?top=5"
    alone = [server.post(file, target).json["predictions"] for file in files]
    headers = {"content-type": "image/png"}

    async def all_of_them():
        maps = [
            server.asked("POST", f"{target}&explain=grad-cam", file, headers) for file in files[:4]
        ]
        plain = [server.asked("POST", target, file, headers) for file in files]
        return (await asyncio.gather(*maps, *plain))[4:]

    for _ in range(3):
        answers = server.run(all_of_them())
        assert [answer.json["predictions"] for answer in answers] == alone
    text = server.ask("GET", "/metrics").body.decode()
    batches = int(re.search(r"batch_pictures_count (\d+)", text)[1])
    asked = int(re.search(r"batch_pictures_sum (\d+)", text)[1])
    assert asked > 1.5 * batches  # they were indeed together


def test_a_model_that_is_not_the_same_in_company_is_asked_alone():
    """As one whose answers depend on the batch would be: here by a layer of somebody's own."""
    model = small_model()

    class Company:
        input_shape, ends_in, class_names = model.input_shape, model.ends_in, model.class_names
        sizes: list[int] = []

        def predict(self, x):
            self.sizes.append(len(x))
            return model(x) * (1 - 1e-6 * len(x))

    with inside({"company": Company()}) as server:
        body, kind = form([picture(seed) for seed in range(4)])
        Company.sizes.clear()
        assert len(server.post(body, kind=kind).json["predictions"]) == 4
        assert Company.sizes == [1, 1, 1, 1]


def test_a_client_that_has_hung_up_gets_nothing(server):
    hung_up = server.run(
        server.asked("POST", "/v1/predict", hang_up=True, headers={"content-type": "image/png"})
    )
    assert hung_up is None and server.service.held.bytes == 0 == server.service.in_flight


def test_a_server_that_fails_says_so_without_a_trace(server, caplog, monkeypatch):
    monkeypatch.setattr(type(server.service.models["small"]), "predict", lambda *_: 1 / 0)
    answer = server.post(picture())
    assert (answer.status, answer.error) == (500, "the server has failed at this request")
    assert "ZeroDivisionError" in caplog.text  # its log tells
    monkeypatch.undo()
    assert server.post(picture()).status == 200
