"""minicnn.serve.page and `minicnn export web`, without a browser; test_serve_browser.py opens them
in one.
"""

import argparse
import json
import re
import signal
import sys
import webbrowser
from time import sleep
from urllib.request import urlopen

import numpy as np
import onnxruntime
import pytest
from commands import started
from programs import PATIENCE
from test_page import Page

from minicnn import Model, Sequential, layers, models
from minicnn.cli import main, webcam
from minicnn.serve import web

pytest_plugins = ["run_fixtures"]
PAGES = sorted(path for path in web.PAGE.iterdir())
SCRIPTS = [path for path in PAGES if path.suffix == ".js"]
NAMES = [path.name for path in PAGES]


@pytest.fixture(scope="module")
def parsed():
    return Page((web.PAGE / "index.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """What stands in for the npm package onnxruntime-web."""
    folder = tmp_path_factory.mktemp("npm") / "package"
    (folder / "dist").mkdir(parents=True)
    for name in web.RUNTIME:
        (folder / "dist" / name).write_text(name, encoding="utf-8")
    return folder


@pytest.fixture
def exported(colour_model, package, tmp_path):
    """The folder of a model that names colours."""
    folder = tmp_path / "app"
    web.export_web(models.load_model(colour_model), "colours", folder, package)
    return folder


def attributes(parsed, name):
    """The values of an attribute, wherever it stands."""
    return [attributes[name] for _, attributes in parsed.elements if name in attributes]


# ------------------------------------------------------------------------------------ the page


def test_the_page_is_made_of_its_own_files(parsed):
    """And every file is one of its, or of an export's."""
    asked = attributes(parsed, "src") + attributes(parsed, "href")
    for path in SCRIPTS:
        asked += re.findall(r'from "\./(.+)"', path.read_text(encoding="utf-8"))
    assert set(asked) == {*NAMES, "runtime/ort.js"} - {"index.html", "alone.js"}
    assert set(NAMES) == {*web.FILES, "asked.js", "alone.js"}


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_nothing_comes_from_elsewhere(path):
    text = path.read_text(encoding="utf-8")
    for comment in re.findall(r"/\*.*?\*/", text, re.DOTALL):
        text = text.replace(comment, "")
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+", text)) - {"http://localhost"}
    spoken = {word for word in addresses if re.search(rf"{re.escape(word)} [a-z]", text)}
    assert addresses - spoken <= {"http://www.w3.org"}  # the name of SVG, which nobody fetches
    assert "@import" not in text and "url(" not in text


def test_no_script_and_no_style_stands_in_the_page(parsed):
    """So that its content security policy needs no exception."""
    assert parsed.all("script") == [{"type": "module", "src": "page.js"}]
    assert not parsed.all("style") and not attributes(parsed, "style")
    assert not [name for _, each in parsed.elements for name in each if name.startswith("on")]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_text_becomes_code_or_elements(path):
    """Names of classes and messages of servers are text, whatever they are."""
    text = path.read_text(encoding="utf-8")
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "Function(",
    ):
        assert word not in text


def test_every_part_that_a_script_asks_for_is_there_once(parsed):
    ids = attributes(parsed, "id")
    asked = {
        name
        for path in SCRIPTS
        for name in re.findall(r'\bat\("([\w-]+)"\)', path.read_text(encoding="utf-8"))
    }
    assert len(asked) > 20 and asked <= set(ids) and len(ids) == len(set(ids))


def test_every_picture_and_every_input_has_a_name(parsed):
    labelled = attributes(parsed, "for")
    for tag, found in parsed.elements:
        if tag in ("canvas", "video"):
            assert len(found["aria-label"]) > 10
        if tag == "input" and found["type"] == "file":
            assert found["id"] in labelled and found["accept"] == "image/*"
    assert {"capture": "environment"}.items() <= {
        **next(each for each in parsed.all("input") if each["id"] == "photograph")
    }.items()


def test_it_is_read_aloud_politely(parsed):
    [spoken] = [each for _, each in parsed.elements if "aria-live" in each]
    assert spoken["id"] == "spoken" and spoken["aria-live"] == "polite"
    assert "bars" not in [each["id"] for _, each in parsed.elements if each.get("role") == "status"]


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_its_files_are_short_and_narrow(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 300 and max(map(len, lines)) <= 100


def test_the_long_check_passed():
    """check_camera.py: both pages, with a network of photographs."""
    path = web.PAGE.parents[2] / "docs" / "results" / "camera.json"
    result = json.loads(path.read_text(encoding="utf-8"))
    assert result["passed"] and result["pictures"] == 10
    for page in ("served", "alone"):
        found = result[page]
        assert found["right"] >= 9 and found["updates_per_second"] >= 10
        assert found["messages"] == found["foreign_requests"] == found["serious_faults"] == []


# ---------------------------------------------------------------------------------- export web


def test_the_folder_has_the_page_the_network_and_what_runs_it(exported):
    files = {str(path.relative_to(exported)) for path in exported.rglob("*") if path.is_file()}
    runtime = {f"runtime/{name}" for name in ("ort.js", "ort-wasm.js", "ort-wasm.wasm")}
    own = {*web.FILES, "asked.js", "model.onnx", "model.json", "README.md"}
    assert files == own | runtime
    for name in (*web.FILES[1:], "asked.js"):
        source = "alone.js" if name == "asked.js" else name
        assert (exported / name).read_bytes() == (web.PAGE / source).read_bytes()
    for source, name in web.RUNTIME.items():  # which no web server takes for another type
        assert (exported / "runtime" / name).read_text(encoding="utf-8") == source
        assert name.endswith((".js", ".wasm"))


def test_its_policy_stands_before_all_that_it_forbids(exported):
    parsed = Page((exported / "index.html").read_text(encoding="utf-8"))
    assert [tag for tag, _ in parsed.elements][:4] == ["html", "head", "meta", "meta"]
    assert parsed.all("meta")[1] == {
        "http-equiv": "Content-Security-Policy",
        "content": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
        "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'",
    }


def test_its_network_says_what_the_model_says(exported, colour_model):
    told = json.loads((exported / "model.json").read_text(encoding="utf-8"))
    assert told == {
        "name": "colours",
        "classes": ["red", "green", "blue"],
        "input": {"height": 32, "width": 32, "channels": 3},
        "explain": False,
        "ends_in": "softmax",
    }
    x = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.float32)
    session = onnxruntime.InferenceSession(exported / "model.onnx")
    [probabilities] = session.run(None, {session.get_inputs()[0].name: x})
    expected = models.load_model(colour_model).predict(x, verbose=0)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-4, atol=1e-6)


def test_its_readme_says_how_to_host_it(exported):
    text = (exported / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# colours, in the browser\n") and web.POLICY in text
    for words in ("python3 -m http.server", "**https**", "GitHub Pages", "nginx", "MIT licence"):
        assert words in text


def test_names_are_text_in_what_is_written(package, tmp_path):
    name = '</script><img src=x onerror=alert(1)> "quoted" \u202e$x'
    model = Sequential(
        [layers.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2)], class_names=[name, "b"]
    )
    web.export_web(model, name, tmp_path, package)
    told = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert told["classes"] == [name, "b"] and told["name"] == name
    assert told["ends_in"] is None and told["input"]["channels"] == 1
    assert name not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_one_unit_decides_between_two_classes(package, tmp_path):
    head = [layers.Flatten(), layers.Dense(1, activation="sigmoid")]
    web.export_web(Sequential([layers.Input((8, 8, 3)), *head]), "two", tmp_path, package)
    told = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert told["classes"] == ["0", "1"] and told["ends_in"] == "sigmoid"


@pytest.mark.parametrize(
    "model, message",
    [
        (
            Sequential([layers.Input((4,)), layers.Dense(2)], name="flat"),
            "export web expected a model for pictures (None, H, W, 3) or (None, H, W, 1), received "
            "'flat' with input shape (None, 4): begin it with Input((32, 32, 3)), for example",
        ),
        (
            Sequential([layers.Input((8, 8, 3)), layers.Conv2D(2, 3)], name="maps"),
            "export web expected a model whose answers are classes (None, K), received 'maps' with "
            "output shape (None, 6, 6, 2): end it with Flatten() and Dense(K), for example",
        ),
        (
            Sequential(
                [layers.Input((8, 8, 3)), layers.Flatten(), layers.Dense(3, activation="sigmoid")]
            ),
            "export web expected classes that exclude one another, received 3 units that each say "
            "yes or no: the page shows probabilities that add up to 1",
        ),
    ],
    ids=["no picture", "no classes", "yes or no"],
)
def test_what_the_page_cannot_ask_is_refused(model, message, package, tmp_path):
    with pytest.raises(ValueError) as error:
        web.export_web(model, "name", tmp_path / "app", package)
    assert str(error.value) == message and not (tmp_path / "app").exists()


def test_two_outputs_are_refused(package, tmp_path):
    picture = layers.Input((8, 8, 3))
    flat = layers.Flatten()(picture)
    model = Model(picture, [layers.Dense(2)(flat), layers.Dense(3)(flat)], name="two")
    with pytest.raises(ValueError, match="expected a model of one output, received 'two' with 2"):
        web.export_web(model, "name", tmp_path, package)


# --------------------------------------------------------------------------------- the command


def test_the_command(colour_model, package, tmp_path, capsys):
    where = tmp_path / "app"
    words = ["export", "web", colour_model, "--to", where, "--runtime", package]
    assert main([str(word) for word in words]) == 0
    printed = capsys.readouterr().out.splitlines()
    pattern = rf"Saved {where}, [\d,]+ bytes: {where}/README.md tells how to go on"
    assert re.fullmatch(pattern, printed[0]) and len(printed) == 1
    assert json.loads((where / "model.json").read_text(encoding="utf-8"))["name"] == "colours"
    assert main([*map(str, words), "--json"]) == 0  # over what is there
    told = json.loads(capsys.readouterr().out)
    assert told["saved"] == str(where) and len(told["files"]) == 13 and told["bytes"] > 1000


@pytest.mark.usefixtures("here")
def test_the_runtime_goes_with_the_page_alone(colour_model, package, capsys):
    assert main(["export", str(colour_model), "a.onnx", "--runtime", str(package)]) == 2
    message = "minicnn export: --runtime goes with export web, received it with"
    assert capsys.readouterr().err.startswith(message)


@pytest.mark.parametrize(
    "more, code, message",
    [
        (
            [],
            2,
            "minicnn export: export web expected a folder to write: add --to FOLDER, such as "
            "--to app/\n",
        ),
        (
            ["--to", "app"],
            2,
            "minicnn export: export web expected --runtime FOLDER, the npm package "
            "onnxruntime-web, received none: get it with `npm pack onnxruntime-web && tar xf "
            "onnxruntime-web-*.tgz`, then --runtime package\n",
        ),
        (
            ["--to", "app", "--runtime", "nothing"],
            3,
            "minicnn export: export web expected the unpacked npm package onnxruntime-web in "
            "'nothing', received a folder without nothing/dist/ort.wasm.min.mjs: get version 1.30 "
            "with `npm pack onnxruntime-web@1.30` and unpack it\n",
        ),
    ],
    ids=["no folder", "no package", "another folder"],
)
@pytest.mark.usefixtures("here")
def test_what_the_command_lacks_it_says(more, code, message, colour_model, capsys):
    assert main(["export", "web", str(colour_model), *more]) == code
    assert capsys.readouterr().err == message


# ------------------------------------------------------------------------------- minicnn webcam


def test_webcam_serves_the_page_and_opens_it(colour_model, tmp_path, monkeypatch):
    pytest.importorskip("uvicorn")
    browser, opened = tmp_path / "browser.py", tmp_path / "opened"
    browser.write_text("import pathlib, sys\npathlib.Path(sys.argv[1]).write_text(sys.argv[2])\n")
    monkeypatch.setenv("BROWSER", f"{sys.executable} {browser} {opened} %s")
    process = started("webcam", colour_model, "--port", "0")
    try:
        first = process.stdout.readline()
        found = re.fullmatch(r"colours and the camera at (http://127\.0\.0\.1:\d+/)\n", first)
        assert found, (first, process.stderr.read())
        while not (opened.exists() and opened.read_text()):
            assert process.poll() is None
            sleep(0.05)
        assert opened.read_text() == found[1]
        with urlopen(found[1], timeout=PATIENCE) as page:
            assert page.read() == (web.PAGE / "index.html").read_bytes()
            assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        for name in ("page.css", "favicon.svg", "page.js", "show.js", "fit.js", "asked.js"):
            with urlopen(found[1] + name, timeout=PATIENCE) as file:
                assert file.read() == (web.PAGE / name).read_bytes()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)


def test_webcam_without_a_browser_says_where_the_page_is(monkeypatch, capsys):
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    webcam.opened(argparse.Namespace(command="webcam"), "http://127.0.0.1:8000/")
    assert capsys.readouterr().err == (
        "minicnn webcam: found no browser to open: open http://127.0.0.1:8000/ yourself\n"
    )


def test_webcam_needs_a_model_that_is_there(capsys):
    pytest.importorskip("uvicorn")
    assert main(["webcam", "nothing.safetensors", "--port", "0"]) == 3
    assert "nothing.safetensors" in capsys.readouterr().err
