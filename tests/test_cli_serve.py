"""`minicnn serve` as a command: what it prints and refuses, and processes that end, die and are
replaced.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from programs import PATIENCE, output
from serving import answer_in, inside, outside, picture, received, request, small_model

from minicnn.cli import main
from minicnn.serve import reloading, served

CERTIFICATE = Path(__file__).parent / "localhost.pem"
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "small.safetensors"
    small_model().save(path)
    return path


@pytest.fixture
def serve(model, capsys, monkeypatch):
    """Run a command that is refused; its exit code and what it says."""
    for name in ("PORT", "MINICNN_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments, file=model):
        try:
            code = main(["serve", str(file), *map(str, arguments)])
        except SystemExit as error:
            code = error.code
        said = capsys.readouterr().err
        print(said)
        return code, said

    return run


def test_the_server_serves_says_where_and_ends(model):
    with outside(model) as server:
        assert server.told == {
            "address": f"http://127.0.0.1:{server.port}/",
            "models": ["small"],
        }
        assert server.post(picture()).status == 200
        with urllib.request.urlopen(server.told["address"]) as page:
            assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert server.stop() == (0, "")


def test_ctrl_c_ends_it_too(model):
    with outside(model) as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.communicate(timeout=PATIENCE) == ("", "")
        assert server.process.returncode == 0


def test_a_server_that_others_reach_has_a_token(model):
    with outside(model, "--host", "0.0.0.0", MINICNN_TOKEN="") as server:
        address, _, token = server.told["address"].partition("#token=")
        assert address == f"http://localhost:{server.port}/" and len(token) == 32
        server.host = "127.0.0.1"
        answer = server.post(picture())
        assert answer.status == 401
        asked = urllib.request.Request(
            f"http://127.0.0.1:{server.port}/v1/predict",
            picture(),
            {"authorization": f"Bearer {token}", "content-type": "image/png"},
        )
        assert json.load(urllib.request.urlopen(asked))["model"] == "small"
        code, said = server.stop()
        assert code == 0 and said == (
            "minicnn serve: 0.0.0.0 can be reached by other machines, and without --tls-cert and "
            "--tls-key what they send can be read on its way\n"
        )


def test_the_example_asks_it(model, tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(picture())
    bad.write_bytes(b"none")
    script = Path(__file__).parents[1] / "examples" / "client.py"
    with outside(model, "--token", "of-the-test") as server:
        address = f"http://127.0.0.1:{server.port}"
        words = [sys.executable, str(script), address, str(good), str(bad), "--top", "2"]
        done = subprocess.run([*words, "--token", "of-the-test"], capture_output=True, text=True)
        assert done.returncode == 1 and done.stdout.startswith(f"{good}: ")
        assert re.fullmatch(r"\S+: \S+ [\d.]+%, \S+ [\d.]+% \([\d.]+ ms\)\n", done.stdout)
        assert done.stderr.startswith(f"{bad}: the picture: expected a picture")
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 1 and f"{good}: the server expected its token" in done.stderr


def test_the_environment_gives_port_and_token(model):
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    program = (
        "import sys; from minicnn.cli import main; from minicnn.serve import running\n"
        "running.run = lambda plan, started: print(plan.port, plan.token) or 0\n"
        "main(['serve', *sys.argv[1:]])"
    )
    told = {"PORT": str(port), "MINICNN_TOKEN": "of-the-environment"}
    assert output(program, model, **told) == [f"{port} of-the-environment"]
    assert output(program, model, "--port", 1, "--token", "own", **told) == ["1 own"]
    assert output(program, model, "--no-token", **told) == [f"{port} None"]
    told = {"PORT": "", "MINICNN_TOKEN": ""}
    assert output(program, model, **told) == ["8000 None"]


def test_limits_can_be_changed(model):
    with outside(model, "--limit", "body=100", "--limit", "in_flight=5") as server:
        answer = server.post(picture())
        assert answer.status == 413
        assert answer.error.startswith("the body expected at most 100 bytes, received ")


def test_over_tls(model):
    with outside(model, "--tls-cert", CERTIFICATE, "--tls-key", CERTIFICATE) as server:
        assert server.told["address"].startswith("https://127.0.0.1:")
        import ssl

        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        with trusting.wrap_socket(server.connection()) as wire:
            wire.sendall(request(picture(), close=True))
            assert answer_in(received(wire)).status == 200
        assert server.stop() == (0, "")


REFUSED = {
    ("--port", "65536"): (2, "expected a whole number from 0 to 65535, received '65536'"),
    ("--port", "x"): (2, "expected a whole number from 0 to 65535, received 'x'"),
    ("--wait-ms", "-1"): (2, "expected milliseconds from 0 to 1000, received '-1'"),
    ("--wait-ms", "nan"): (2, "expected milliseconds from 0 to 1000, received 'nan'"),
    ("--workers", "0"): (2, "expected a whole number of 1 or more, received '0'"),
    ("--token", "a b"): (
        2,
        "minicnn serve: --token, or $MINICNN_TOKEN, expected letters and signs of ASCII without "
        "spaces\n",
    ),
    ("--token", "a", "--no-token"): (
        2,
        "minicnn serve: --token and --no-token exclude one another, received both\n",
    ),
    ("--tls-cert", "a.pem"): (
        2,
        "minicnn serve: --tls-cert and --tls-key go together, received one of them\n",
    ),
    ("--tls-cert", "a.pem", "--tls-key", "b.pem"): (
        2,
        "minicnn serve: serve expected a certificate and its key in PEM, received --tls-cert a.pem "
        "--tls-key b.pem: [Errno 2] No such file or directory\n",
    ),
    ("--host", "no such host", "--no-token", "--tls-cert", str(CERTIFICATE), "--tls-key",
     str(CERTIFICATE)): (
        2,
        "minicnn serve: serve expected an address that is free, received --host no such host "
        "--port 8000: ",
    ),
    ("--limit", "bodi=3"): (
        2,
        "minicnn serve: --limit expected NAME=NUMBER, received 'bodi=3'. Did you mean 'body'?\n",
    ),
    ("--limit", "body=1.5"): (
        2,
        "minicnn serve: --limit body expected a whole number above 0, received '1.5'\n",
    ),
    ("--limit", "idle_seconds=-1"): (
        2,
        "minicnn serve: --limit idle_seconds expected a number above 0, received '-1'\n",
    ),
    ("--limit", "answer_seconds=nan"): (
        2,
        "minicnn serve: --limit answer_seconds expected a number above 0, received 'nan'\n",
    ),
    ("--threads", "9999", "--port", "0"): (2, "minicnn serve: set_threads expected an integer"),
}  # fmt: skip


@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_what_is_refused_and_why(serve, arguments):
    expected, sentence = REFUSED[arguments]
    code, said = serve(*arguments)
    assert code == expected and sentence in said


def test_a_port_that_is_taken_is_named(serve):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert serve("--port", port) == (
            2,
            "minicnn serve: serve expected an address that is free, received --host 127.0.0.1 "
            f"--port {port}: address already in use: another --port may help, and 0 takes one that "
            "is free\n",
        )


def test_models_that_cannot_be_served(serve, tmp_path, model):
    assert serve(file=tmp_path / "none.safetensors")[0] == 3
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(model.read_bytes()[:-9])
    assert serve(file=damaged)[0] == 3
    strange = tmp_path / "a b.safetensors"
    shutil.copy(model, strange)
    assert serve(file=strange) == (
        2,
        "minicnn serve: serve expected the name of a model to have letters, digits and . _ - only, "
        f"at most 64, received 'a b': write NAME={strange}\n",
    )
    code, said = serve(model)
    assert code == 2 and said == (
        f"minicnn serve: serve expected models of several names, received {model} and {model}, "
        f"which are both 'small': write NAME={model}\n"
    )
    from minicnn import Input, Sequential, layers

    def saved(name, *of):
        made = Sequential(list(of), seed=0)
        made.save(tmp_path / name)
        return tmp_path / name

    vectors = saved("vectors.safetensors", Input((4,)), layers.Dense(2))
    assert serve(file=vectors) == (
        2,
        "minicnn serve: serve expected a model of pictures (None, H, W, 3) or (None, H, W, 1), "
        "received 'vectors' with input shape (None, 4)\n",
    )
    planes = saved("planes.safetensors", Input((4, 4, 3)), layers.Conv2D(2, 1))
    assert serve(file=planes) == (
        2,
        "minicnn serve: serve expected a model whose answers are classes (None, K), received "
        "'planes' with output shape (None, 4, 4, 2)\n",
    )
    several = saved("several.safetensors", Input((4, 4, 3)), layers.Flatten(),
                    layers.Dense(3, activation="sigmoid"))  # fmt: skip
    code, said = serve(file=several)
    assert code == 2 and "serve expected classes that exclude one another" in said


def test_names_of_models(tmp_path, model):
    run = tmp_path / "cifar"
    run.mkdir()
    shutil.copy(model, run / "model.safetensors")
    assert served.named(str(run)) == ("cifar", run)
    assert served.named(f"{run}/model.safetensors")[0] == "cifar"
    assert served.named(str(model)) == ("small", model)
    assert served.named(f"my.net-2={run}") == ("my.net-2", run)


def test_no_server_without_its_package(serve, monkeypatch):
    monkeypatch.setattr("minicnn.saving.packages.find_spec", lambda _: None)
    assert serve() == (
        4,
        "minicnn serve: minicnn needs the package uvicorn to serve models, which is not installed: "
        'pip install "minicnn[serve]"\n',
    )


def test_a_server_needs_neither_matplotlib_nor_tqdm(model):
    program = """
import sys
for name in ("matplotlib", "tqdm"):
    sys.modules[name] = None  # importing it raises
sys.path.insert(0, sys.argv[2])
from serving import inside, picture
from minicnn import models
with inside({"small": models.load_model(sys.argv[1])}) as server:
    answer = server.post(picture(), "/v1/predict?explain=grad-cam")
    assert "heat" in answer.json["predictions"][0]
import minicnn.serve.running, minicnn.cli.serve
print("served")
"""
    assert output(program, model, Path(__file__).parent) == ["served"]


def alive(server):
    """Processes of a server besides its parent."""
    path = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(number) for number in path.read_text().split()]


@forks
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc")
def test_a_worker_that_is_killed_is_replaced(model):
    with outside(model, "--workers", "2") as server:
        first = alive(server)
        assert len(first) == 2
        for victim in first:
            os.kill(victim, signal.SIGKILL)
            deadline = time.monotonic() + PATIENCE
            while len(set(alive(server)) - {victim}) < 2 and time.monotonic() < deadline:
                time.sleep(0.02)
            for _ in range(4):
                assert server.post(picture()).status == 200
        assert not set(first) & set(alive(server))
        code, said = server.stop()
        assert code == 0
        assert said == 2 * "minicnn serve: a worker ended (-9) and is replaced\n"


@forks
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc")
def test_workers_end_with_their_parent(model):
    with outside(model, "--workers", "2") as server:
        workers = alive(server)
        server.process.kill()
        server.process.wait()
        deadline = time.monotonic() + PATIENCE
        while any(
            Path(f"/proc/{worker}/cmdline").exists() and running(worker) for worker in workers
        ):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def running(process):
    with contextlib.suppress(OSError):
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    return False


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=forks)])
def test_what_has_come_is_answered_when_the_server_stops(model, workers):
    """Every request that was sent on a connection that was taken.

    In the moment of closing the system may have taken one that the server has not: it resets that,
    and there is no way to close without.
    """
    lost, answered, reset, ended = [], [], [], threading.Event()
    with outside(model, "--workers", workers) as server:

        def client(seed):
            while not ended.is_set():
                try:
                    wire = server.connection()
                except OSError:  # nobody listens any more
                    return
                with wire:
                    try:
                        wire.sendall(request(picture(seed), close=seed % 2 == 0))
                        answer = answer_in(received(wire) if seed % 2 == 0 else one(wire))
                    except ConnectionResetError as error:
                        reset.append(error)
                        return
                    except OSError as error:
                        answer = error
                    good = getattr(answer, "status", None) == 200
                    (answered if good else lost).append(answer)

        clients = [threading.Thread(target=client, args=(seed,)) for seed in range(12)]
        for each in clients:
            each.start()
        while len(answered) < 50:
            time.sleep(0.01)
        code, said = server.stop()
        ended.set()
        for each in clients:
            each.join(PATIENCE)
        assert (code, said, lost) == (0, "", []) and len(answered) >= 50 and len(reset) <= 1


def one(wire):
    """The bytes of one answer, on a connection that may stay."""
    data = b""
    while b"milliseconds" not in data and (part := wire.recv(65536)):
        data += part
    return data


def test_a_model_that_is_replaced_is_loaded_anew(model, tmp_path):
    path = tmp_path / "small.safetensors"
    shutil.copy(model, path)
    # one worker: each looks at the file by itself, and they load it within a second of each other
    with outside(path, "--reload", "--workers", "1") as server:
        old = server.post(picture()).json["predictions"]
        path.write_bytes(model.read_bytes()[:-9])  # half of a file changes nothing
        line = server.process.stderr.readline()
        assert line.startswith("minicnn serve: small stays as it was: ")
        assert server.post(picture()).json["predictions"] == old
        small_model(7).save(path)
        assert server.process.stderr.readline() == "minicnn serve: small was loaded again\n"
        assert server.post(picture()).json["predictions"] != old


def test_every_answer_is_of_the_old_model_or_of_the_new_one(tmp_path):
    """Its classes too, and the size that pictures are scaled to."""
    new = small_model(9, (6, 8, 3), ["x", "y"])
    path = tmp_path / "new.safetensors"
    new.save(path)
    with inside() as server:
        file = picture(3)
        old_answer = server.post(file).json["predictions"]
        found, renewed = [], threading.Event()

        def ask():
            while not renewed.is_set():
                found.append(server.post(file).json["predictions"])

        clients = [threading.Thread(target=ask) for _ in range(4)]
        for each in clients:
            each.start()
        server.run(reloading.renew(server.service, "small", path))
        new_answer = server.post(file).json["predictions"]
        renewed.set()
        for each in clients:
            each.join(PATIENCE)
        assert [one["name"] for one in new_answer[0]["classes"]] in (["x", "y"], ["y", "x"])
        assert all(answer in (old_answer, new_answer) for answer in found) and found


def test_who_is_started_again_loads_what_has_come_meanwhile(tmp_path):
    """A worker begins with the models that its parent loaded."""
    path = tmp_path / "small.safetensors"
    small_model().save(path)
    watched = {"small": (path, reloading.state(path))}
    small_model(9, classes=["x", "y"]).save(path)
    with inside() as server:
        watching = asyncio.run_coroutine_threadsafe(
            reloading.watch(server.service, watched, 0.01), server.loop
        )
        while len(server.service.models["small"].classes) != 2:
            time.sleep(0.01)
        watching.cancel()
        assert server.post(picture()).json["predictions"][0]["classes"][0]["name"] in "xy"
