"""The folder that `minicnn export docker` writes: its files, as other programs read them."""

import base64
import csv
import hashlib
import io
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml  # as Compose and Kubernetes read
from container_names import HOSTILE
from PIL import Image
from programs import output

from minicnn import Input, Sequential, layers, models
from minicnn.cli import main
from minicnn.serve.container import folder, wheel, words

ROOT = Path(__file__).parents[1]


# The folder


def saved(path, classes=("circle", "square")):
    """A file of a small model."""
    head = [layers.Flatten(), layers.Dense(len(classes), activation="softmax")]
    model = Sequential([Input((4, 6, 3)), *head], seed=0, class_names=list(classes))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(np.ones((2, 4, 6, 3)), np.arange(2), verbose=0)  # so that Adam remembers something
    path.parent.mkdir(exist_ok=True)
    model.save(path)
    return path


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with one that was written, app/, for a run that has no plain name."""
    here = tmp_path_factory.mktemp("exported")
    run = saved(here / "Café $HOME" / "model.safetensors", ("a`b", "two\nlines", "<b>")).parent
    assert main(["export", "docker", str(run), "--to", str(here / "app")]) == 0
    return here


@pytest.fixture(scope="module")
def app(here):
    return here / "app"


def instructions(dockerfile):
    """(instruction, the rest) of a Dockerfile, continued lines as one."""
    text = re.sub(r"^#.*\n", "", dockerfile.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = filter(None, text.replace("\\\n", " ").splitlines())
    return [tuple(line.split(maxsplit=1)) for line in lines]


def test_the_files_are_there_and_the_command_says_so(here, app, capsys):
    assert main(["export", "docker", str(here / "Café $HOME"), "--to", str(app)]) == 0
    assert f"{app}/README.md tells how to go on" in capsys.readouterr().out
    found = {str(path.relative_to(app)) for path in app.rglob("*") if path.is_file()}
    assert found == {
        *("Dockerfile", "lambda.Dockerfile", ".dockerignore", "compose.yaml", "kubernetes.yaml"),
        *("README.md", "entrypoint.sh", "requirements.txt", f"wheels/{wheel.file_name()}"),
        "models/cafe-home/model.safetensors",
    }


def test_the_model_inside_answers_as_it_did_and_remembers_no_training(here, app):
    x = np.random.default_rng(0).random((3, 4, 6, 3))
    before = models.load_model(here / "Café $HOME" / "model.safetensors")
    inside = app / "models" / "cafe-home" / "model.safetensors"
    after = models.load_model(inside)
    np.testing.assert_array_equal(after.predict(x), before.predict(x))
    assert after.class_names == ["a`b", "two\nlines", "<b>"]
    assert inside.stat().st_size < (here / "Café $HOME" / "model.safetensors").stat().st_size


def test_nothing_is_left_to_be_filled_in(app):
    for name in ("Dockerfile", "lambda.Dockerfile", "compose.yaml", "kubernetes.yaml", "README.md"):
        assert "@{" not in (app / name).read_text(encoding="utf-8"), name


def test_the_dockerfile_drops_root_and_compiles_before(app):
    steps = instructions(app / "Dockerfile")
    words_of = [step[0] for step in steps]
    known = "FROM RUN COPY LABEL ENV USER EXPOSE HEALTHCHECK ENTRYPOINT CMD"
    assert set(words_of) <= set(known.split())
    compiled = steps.index(next(step for step in steps if "entrypoint.sh compile" in step[1]))
    assert compiled < words_of.index("USER")
    assert [rest for word, rest in steps if word == "USER"] == ["10001:10001"]  # not 0
    assert ("LABEL", r'org.opencontainers.image.title="Café \$HOME"') in steps
    assert not re.search("curl|wget", (app / "Dockerfile").read_text())


def test_every_copied_file_is_in_the_folder_and_let_through(app):
    copied = [
        name
        for word, rest in instructions(app / "Dockerfile")
        if word == "COPY" and "--from" not in rest
        for name in rest.split()[:-1]
    ]
    ignored, *let_through = (app / ".dockerignore").read_text().split()
    assert ignored == "*" and {f"!{name}" for name in copied} == set(let_through)
    assert all((app / name).exists() for name in copied)


def test_compose_leaves_the_container_as_little_as_it_needs(app):
    server = yaml.safe_load((app / "compose.yaml").read_text())["services"]["server"]
    assert server["read_only"] is True and server["cap_drop"] == ["ALL"]
    assert server["security_opt"] == ["no-new-privileges:true"]
    assert server["ports"] == ["127.0.0.1:8080:8080"] and server["image"] == "cafe-home:1"
    assert server["cpus"] and server["mem_limit"] and server["pids_limit"]
    assert server["environment"]["MINICNN_TOKEN"].startswith("${MINICNN_TOKEN:?")


def test_kubernetes_asks_for_the_servers_health_and_lets_it_do_little(app):
    deployment, service = yaml.safe_load_all((app / "kubernetes.yaml").read_text("utf-8"))
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert deployment["metadata"]["annotations"] == {"model": "Café $HOME"}
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 10001
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness")}
    assert set(probe["path"] for probe in probes.values()) == {"/v2/health/ready"}
    assert container["livenessProbe"]["httpGet"]["path"] == "/v2/health/live"
    assert container["resources"]["limits"] == {"cpu": "2", "memory": "1Gi"}
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"] == labels


def test_the_readmes_commands_are_whole_and_its_yaml_is_yaml(app):
    text = (app / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# `Café $HOME` as a service\n")
    assert "``a`b``, `two lines`, `<b>`" in text
    for kind, block in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL):
        if kind == "sh":
            assert shlex.split(block), block
        elif kind == "yaml":
            assert yaml.safe_load(block)["metadata"]["name"] == "cafe-home"
        else:
            assert kind == "json" and yaml.safe_load(block)["name"] == "cafe-home"


@pytest.mark.parametrize("name", [name for name in HOSTILE if name.isprintable() and name])
def test_no_name_changes_what_is_run(name, tmp_path, app):
    """Whatever the file is called: the same instructions, the same script, other plain names."""
    name = name.replace("/", "")[:100]
    written = tmp_path / "app"
    folder.write(saved(tmp_path / "models" / f"{name}.safetensors"), written)
    assert (written / "entrypoint.sh").read_bytes() == (app / "entrypoint.sh").read_bytes()
    before, after = instructions(app / "Dockerfile"), instructions(written / "Dockerfile")
    assert [a for a, b in zip(after, before, strict=True) if a != b and a[0] != "LABEL"] == []
    documents = list(yaml.safe_load_all((written / "kubernetes.yaml").read_text("utf-8")))
    assert documents[0]["metadata"]["annotations"] == {"model": name}
    assert documents[1]["metadata"]["name"] == words.plain(name)


def test_a_second_call_replaces_what_the_first_one_wrote(tmp_path):
    for name in ("one", "two"):
        folder.write(saved(tmp_path / f"{name}.safetensors"), tmp_path / "app")
    left = [path.parent.name for path in tmp_path.glob("app/models/*/model.safetensors")]
    assert left == ["two"]


# What is refused


def test_a_folder_of_something_else_is_left_alone(tmp_path, capsys):
    model = saved(tmp_path / "model.safetensors")
    assert main(["export", "docker", str(model), "--to", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        "minicnn export: export docker expected a new or an empty folder, or one of its own, "
        f"received {tmp_path}, which holds something else: choose another\n"
    )
    assert list(tmp_path.iterdir()) == [model]


def test_a_file_is_no_folder(tmp_path, capsys):
    model = saved(tmp_path / "model.safetensors")
    assert main(["export", "docker", str(model), "--to", str(model)]) == 2
    told = f"export docker expected a folder, received {model}, which is a file\n"
    assert capsys.readouterr().err == f"minicnn export: {told}"


def test_docker_wants_a_folder_and_nothing_else_does(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["export", "docker", "model.safetensors"]) == 2
    assert capsys.readouterr().err == (
        "minicnn export: export docker expected a folder to write: add --to FOLDER, such as "
        "--to app/\n"
    )
    assert main(["export", "dokcer", "model.safetensors", "--to", "app"]) == 2
    assert capsys.readouterr().err == (
        "minicnn export: export expected docker or web before MODEL and --to, received 'dokcer': "
        "without --to, MODEL FILE writes a file\n"
    )


def test_a_package_that_is_missing_is_named(tmp_path, monkeypatch, capsys):
    model = saved(tmp_path / "model.safetensors")
    monkeypatch.setattr(folder, "PACKAGES", ("numpy", "uvicorn-that-is-not-there"))
    assert main(["export", "docker", str(model), "--to", str(tmp_path / "app")]) == 4
    assert capsys.readouterr().err == (
        "minicnn export: export docker expected the packages that the server needs, "
        'uvicorn-that-is-not-there is missing: pip install "minicnn[serve]"\n'
    )
    assert not (tmp_path / "app").exists()


# Packages and the wheel


def test_the_packages_are_those_of_the_metadata_without_plots_and_progress_bars():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["serve"]]
    names = {re.match(r"[\w.-]+", line)[0] for line in wanted}
    assert names - set(folder.PACKAGES) == {"matplotlib", "tqdm"}
    assert set(folder.PACKAGES) <= names


def test_the_wheel_holds_the_package_and_lists_it_truly():
    with zipfile.ZipFile(io.BytesIO(wheel.content())) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    about = f"{wheel.NAME}.dist-info"
    listed = list(csv.reader(files[f"{about}/RECORD"].decode().splitlines()))
    assert [row[0] for row in listed] == list(files)
    for name, digest, size in listed[:-1]:
        found = base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).decode()
        assert (digest, int(size)) == (f"sha256={found.rstrip('=')}", len(files[name])), name
    sources = {name: data for name, data in files.items() if not name.startswith(about)}
    for name, data in sources.items():
        assert (ROOT / name).read_bytes() == data
    package = ROOT / "minicnn"
    python = {path.relative_to(ROOT).as_posix() for path in package.rglob("*.py")}
    assert python <= set(sources) and not any("__pycache__" in name for name in sources)
    assert {"minicnn/serve/container/entrypoint.sh", "minicnn/py.typed"} <= set(sources)


def test_the_same_sources_make_the_same_wheel():
    assert wheel.content() == wheel.content()


def test_pip_installs_the_wheel(tmp_path):
    file = tmp_path / wheel.file_name()
    file.write_bytes(wheel.content())
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--no-compile", "--target", str(target), str(file)], check=True)
    assert (target / "minicnn" / "serve" / "container" / "entrypoint.sh").exists()
    assert (target / "bin" / "minicnn").exists()


WITHOUT = """
import pkgutil, sys
from importlib import import_module
for name in "matplotlib tqdm h5py onnx flatbuffers safetensors sklearn scipy starlette".split():
    sys.modules[name] = None
import numpy as np
import minicnn.cli.serve, minicnn.cli.warmup, minicnn.serve
for module in pkgutil.walk_packages(minicnn.serve.__path__, "minicnn.serve."):
    import_module(module.name)
from minicnn.serve import pictures, served
model = served.tried(served.load(sys.argv[1], "shapes"), 2)
with open(sys.argv[2], "rb") as file:
    x = pictures.decoded([file.read()], model.shape)
print(model.predict(x).shape)
"""


def test_a_server_needs_no_other_package(tmp_path):
    """Neither what draws and shows progress, nor what other formats of files need."""
    Image.new("RGB", (20, 30), "red").save(tmp_path / "red.png")
    file = saved(tmp_path / "model.safetensors", ("circle", "square", "star"))
    assert output(WITHOUT, file, tmp_path / "red.png") == ["(1, 3)"]
