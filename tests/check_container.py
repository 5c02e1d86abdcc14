"""What `minicnn export docker` writes, built and run without a container engine: one line of JSON.

    sudo python tests/check_container.py [MODEL]

The lines of the Dockerfile run in a copy of this machine's file system (container_root.py):
packages come from PyPI, kernels are compiled for every level that the processor has. Then
everything but /tmp is made read-only, and the entry point runs under `env -i`, as another user and
without rights, as on processors of each level, and is asked. MODEL: a model file or a run; the
documented network, untrained, unless given. Needs Linux and root. Minutes; the last result is
docs/results/container.json.

Exits with 1 when a bar is missed: the first answer within 2 s of the process' start, nothing
compiled when it starts or is asked, nothing written. Times mean something on a machine that has
nothing else to do, the processor's seconds (cpu_seconds) also on others.
"""

import contextlib
import http.client
import io
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from container_root import Root, mount
from PIL import Image

from minicnn.cli.networks import network
from minicnn.serve import container

BAR = 2.0  # seconds from the start to the first answer
STARTS = 5
PLACES = ("/opt/venv", "/opt/kernels", "/app")  # of the image, beside its base
PATIENCE = 180.0  # seconds for one answer
TOKEN = "not-a-secret"
LEVELS = {  # what /proc/cpuinfo does not say of a processor of that level
    "x86-64-v4": (),
    "x86-64-v3": ("avx512",),
    "none": ("avx512", "avx2"),
}


def picture():
    """A photograph's worth of bytes."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    Image.fromarray(noise).resize((640, 480)).save(file, "JPEG")
    return file.getvalue()


PICTURE = picture()


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


class Running:
    """The entry point, running, until the end of a `with`."""

    def __init__(self, root, *words):
        self.port = free_port()
        settings = {"PORT": str(self.port), "MINICNN_TOKEN": TOKEN}
        self.errors = tempfile.TemporaryFile("w+")
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            root.words([*root.entry, *(words or root.command)], **settings),
            stdout=subprocess.DEVNULL,
            stderr=self.errors,
            cwd="/",
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def ask(self, path="/v1/predict", body=PICTURE):
        """(status, JSON) of the answer, for which the server may still have to start."""
        until = time.perf_counter() + PATIENCE
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "image/jpeg"}
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
            try:
                connection.request("POST" if body else "GET", path, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except ConnectionRefusedError:
                assert self.process.poll() is None, self.said()
                assert time.perf_counter() < until
                time.sleep(0.005)
            finally:
                connection.close()

    def first_answer(self):
        """Seconds from the start to the answer to a picture, and the answer."""
        status, answer = self.ask()
        assert status == 200, (status, answer, self.said())
        return time.perf_counter() - self.began, json.loads(answer)

    def said(self):
        """What it has said on stderr."""
        self.errors.seek(0)
        return self.errors.read()

    def status(self, name):
        """A line of /proc/PID/status: chroot, setpriv, env and sh have become the server."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return line.split()[1]

    def processor_seconds(self):
        """What it has used of the processors: as many on a busy machine as on a quiet one."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        """Seconds that it takes to end, and its exit code."""
        began = time.perf_counter()
        self.process.send_signal(signal.SIGTERM)
        return time.perf_counter() - began, self.process.wait(timeout=60)


@contextlib.contextmanager
def processor_without(root, folder, features):
    """/proc/cpuinfo of a processor that lacks the features whose names begin so."""
    if not features:
        yield
        return
    words = Path("/proc/cpuinfo").read_text().split(" ")
    file = Path(folder) / "cpuinfo"
    file.write_text(" ".join(word for word in words if not word.startswith(features)))
    mount("--bind", file, root.folder / "proc" / "cpuinfo")
    try:
        yield
    finally:
        subprocess.run(["umount", root.folder / "proc" / "cpuinfo"], check=True)


def at_level(root, folder, level):
    """What the entry point does on a processor of a level."""
    seconds, processor, found = [], [], {}
    with processor_without(root, folder, LEVELS[level]):
        for _ in range(STARTS if level != "none" else 1):
            with Running(root) as server:
                took, answer = server.first_answer()
                seconds.append(took)
                processor.append(server.processor_seconds())
                environment = Path(f"/proc/{server.process.pid}/environ").read_text()
                found["level"] = environment.partition("NUMBA_CPU_NAME=")[2].partition("\0")[0]
                found["answers"] = [asked(server, size) for size in range(1, 33)]
                found["heat"] = server.ask("/v1/predict?explain=grad-cam")[0]
                found["health"] = healthy(root, server)
                found["resident_mb"] = int(server.status("VmHWM")) // 1024
                found["user"] = server.status("Uid")
                found["said"] = server.said()
                found["stopped"] = server.stop()[1]
                found["health_when_stopped"] = healthy(root, server)
    return found | {"seconds": seconds, "cpu": processor, "first": answer["predictions"]}


def asked(server, size):
    """The status of the answer to so many pictures at once."""
    model = json.loads(server.ask("/v1/models", None)[1])["models"][0]
    shape = [size, *model["input"].values()]
    tensor = {"name": "image", "datatype": "FP32", "shape": shape}
    body = {"inputs": [tensor | {"data": [0.0] * int(np.prod(shape))}]}
    return server.ask(f"/v2/models/{model['name']}/infer", json.dumps(body))[0]


def healthy(root, server):
    """The exit code of the image's own check of its health."""
    words = root.words(["/bin/sh", "-c", root.health], PORT=str(server.port))
    return subprocess.run(words, capture_output=True, cwd="/").returncode


def checked(model, folder):
    """All of it, as one dictionary."""
    app = Path(folder) / "app"
    container.write(model, app)
    (Path(folder) / "root").mkdir()
    root = Root(Path(folder) / "root", app)
    began = time.perf_counter()
    root.build()
    build = time.perf_counter() - began
    root.close()
    kernels = {path.name: len(list(path.rglob("*.kernel"))) for path in kernel_folders(root)}
    before = sorted(root.written.rglob("*"))
    found = {level: at_level(root, folder, level) for level in LEVELS}
    listed = json.loads(root.run(["/python/bin/pip", "--python", "/opt/venv/bin/python", "list",
                                  "--format=json"], user="0"))  # fmt: skip
    return {
        "load_average": round(os.getloadavg()[0], 1),  # 0 where nothing else runs
        "build_seconds": round(build, 1),
        "folder_bytes": sum(file.stat().st_size for file in app.rglob("*") if file.is_file()),
        "image_megabytes": {
            path: root.size(path) // 10**6 for path in ("/opt/venv", "/opt/kernels")
        },
        "packages": sorted(package["name"] for package in listed),
        "kernels": kernels,
        "levels": {level: report(level, one) for level, one in found.items()},
        "same_answers": found["none"]["first"] == found["x86-64-v4"]["first"],
        "written": len(set(root.written.rglob("*")) - set(before)),
    }


def kernel_folders(root):
    return sorted((root.folder / "opt" / "kernels").iterdir())


def report(level, found):
    """What is printed of a level, and whether it is as it must be."""
    said = [line for line in found["said"].splitlines() if line]
    compiled = any("compiling kernels" in line for line in said)
    right = (
        found["level"] == (level if level != "none" else "")
        and {*found["answers"], found["heat"]} == {200}
        and (found["health"], found["health_when_stopped"], found["stopped"]) == (0, 1, 0)
        and found["user"] == "10001"
    )
    cold = statistics.median(found["seconds"])
    passed = right and (level == "none" or (cold <= BAR and not compiled))
    return {
        "cold_start_seconds": round(cold, 2),
        "cpu_seconds": round(statistics.median(found["cpu"]), 2),
        "slowest_start": round(max(found["seconds"]), 2),
        "compiled_at_start": compiled,
        "statuses": sorted({*found["answers"], found["heat"]}),
        "resident_megabytes": found["resident_mb"],
        "said": said[:3],
        "passed": passed,
    }


def main():
    if sys.platform != "linux" or os.geteuid() != 0:
        sys.exit("check_container.py expected root on Linux, to mount file systems of its own")
    if "--inside" not in sys.argv:
        words = ["unshare", "--mount", sys.executable, *sys.argv, "--inside"]
        os.execvp(words[0], words)
    given = [word for word in sys.argv[1:] if word != "--inside"]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(given[0]) if given else Path(folder) / "documented.safetensors"
        if not given:
            network().save(model)
        try:
            found = checked(model, folder)
        finally:
            subprocess.run(["umount", "--recursive", "--lazy", Path(folder) / "root" / "root"])
    print(json.dumps(found))
    passed = all(level["passed"] for level in found["levels"].values())
    return 0 if passed and found["written"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
