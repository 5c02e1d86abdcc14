"""entrypoint.sh of the folder that `minicnn export docker` writes, run as it stands, on processors
of which it reads.
"""

import shutil
import subprocess

import pytest
from programs import PATIENCE

from minicnn.serve.container import folder

SH = shutil.which("sh")
pytestmark = pytest.mark.skipif(SH is None, reason="there is no shell here")

V3 = "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"
V4 = f"{V3} avx512f avx512bw avx512cd avx512dq avx512vl"
PROCESSORS = {
    "x86-64-v4": V4,
    "x86-64-v3": V3,
    "": V3.replace("fma ", ""),
}
FEATURES = {"x86-64-v4": "+avx2,+fma,+avx512f", "x86-64-v3": "+avx2,+fma", "": ""}
# stands for minicnn, and tells how it was called
MINICNN = """\
#!/bin/sh
echo "$NUMBA_CPU_NAME|$NUMBA_CPU_FEATURES|$NUMBA_CACHE_DIR|$NUMBA_NUM_THREADS|$*"
"""


@pytest.fixture
def container(tmp_path):
    """A function that runs the script with some words, where it finds that processor, that quota of
    it, and a model: (exit code, what minicnn was called with, stderr).
    """
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "minicnn").write_text(MINICNN)
    (programs / "minicnn").chmod(0o755)
    (programs / "nproc").write_text("#!/bin/sh\necho 8\n")
    (programs / "nproc").chmod(0o755)
    model = tmp_path / "models" / "shapes" / "model.safetensors"
    model.parent.mkdir(parents=True)
    model.touch()
    text = (folder.HERE / "entrypoint.sh").read_text(encoding="utf-8")
    for path, here in (
        ("/proc/cpuinfo", tmp_path / "cpuinfo"),
        ("/sys/fs/cgroup/cpu.max", tmp_path / "cpu.max"),
        ("/opt/kernels", tmp_path / "kernels"),
        ("/app/models", tmp_path / "models"),
    ):
        assert path in text
        text = text.replace(path, str(here))
    script = tmp_path / "entrypoint.sh"
    script.write_text(text)

    def run(*words, flags=V4, quota="max 100000", **environment):
        lines = "processor\t: {0}\nflags\t\t: fpu vme {1} rdpid\nbugs\t\t: spectre\n\n"
        both = lines.format(0, flags) + lines.format(1, flags)
        (tmp_path / "cpuinfo").write_text(both if flags is not None else "Features : neon\n")
        if quota is None:
            (tmp_path / "cpu.max").unlink(missing_ok=True)
        else:
            (tmp_path / "cpu.max").write_text(f"{quota}\n")
        done = subprocess.run(
            [SH, str(script), *words],
            env={"PATH": f"{programs}:/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        return done.returncode, done.stdout.splitlines(), done.stderr

    run.kernels, run.model = tmp_path / "kernels", model
    return run


@pytest.mark.parametrize("level", PROCESSORS)
def test_it_takes_the_best_level_that_the_processor_has(container, level):
    for each in ("x86-64-v3", "x86-64-v4"):
        (container.kernels / each).mkdir(parents=True)
    kernels = container.kernels / level if level else ""
    called = f"serve {container.model} --host 0.0.0.0 --port 8080"
    line = f"{level}|{FEATURES[level]}|{kernels}|8|{called}"
    assert container(flags=PROCESSORS[level]) == (0, [line], "")


@pytest.mark.parametrize("missing", V4.split())
def test_every_feature_of_a_level_is_asked_for(container, missing):
    for each in ("x86-64-v3", "x86-64-v4"):
        (container.kernels / each).mkdir(parents=True)
    flags = " ".join(word for word in V4.split() if word != missing) + f" {missing}x x{missing}"
    _, [line], _ = container(flags=flags)
    assert line.split("|")[0] == ("x86-64-v3" if missing not in V3.split() else "")


def test_a_level_whose_kernels_were_not_made_is_not_taken(container):
    """The image was built on a machine without AVX-512."""
    (container.kernels / "x86-64-v3").mkdir(parents=True)
    assert container()[1][0].split("|")[0] == "x86-64-v3"


def test_a_processor_of_another_kind_gets_its_own_kernels(container):
    (container.kernels / "x86-64-v3").mkdir(parents=True)
    code, [line], said = container(flags=None)
    assert (code, line.split("|")[:3], said) == (0, ["", "", ""], "")


@pytest.mark.parametrize("words", [[], ["serve"]])
def test_serve_is_what_it_does_and_port_and_options_reach_it(container, words):
    """`docker run IMAGE`, and `docker run IMAGE serve`, which SageMaker says."""
    options = {"PORT": "9000", "SERVE_OPTIONS": "--no-token --batch 8"}
    code, [line], _ = container(*words, **options)
    told = f"serve {container.model} --host 0.0.0.0 --port 9000 --no-token --batch 8"
    assert code == 0 and line.split("|")[-1] == told


def test_options_after_serve_are_its(container):
    assert container("serve", "--batch", "8")[1][0].endswith(" --port 8080 --batch 8")


def test_anything_else_is_run_as_it_is(container):
    assert container("echo", "a b", "*") == (0, ["a b *"], "")
    assert container("false")[0] == 1


@pytest.mark.parametrize(
    "quota, threads",
    [
        *(("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2)),
        *(("5000 100000", 1), ("6400000 100000", 8), (None, 8)),
    ],
)
def test_there_are_no_more_threads_than_the_container_may_use(container, quota, threads):
    _, [line], said = container(quota=quota)
    assert line.split("|")[3] == str(threads) and said == ""


def test_threads_that_were_asked_for_are_left_alone(container):
    assert container(NUMBA_NUM_THREADS="3")[1][0].split("|")[3] == "3"


def test_kernels_are_made_for_every_level_that_the_builder_has(container):
    code, lines, _ = container("compile")
    assert code == 0 and [line.split("|")[0::4] for line in lines] == [
        ["x86-64-v4", f"warmup {container.model}"],
        ["x86-64-v3", f"warmup {container.model}"],
    ]


def test_and_for_no_other(container):
    code, [skipped, line], _ = container("compile", flags=V3)
    assert code == 0 and line.startswith("x86-64-v3|")
    assert skipped == "no kernels for x86-64-v4: this machine cannot run them"


def test_a_build_ends_where_kernels_cannot_be_made(container, tmp_path):
    (tmp_path / "bin" / "minicnn").write_text("#!/bin/sh\nexit 1\n")
    assert container("compile")[0] == 1
