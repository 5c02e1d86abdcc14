"""Without Numba and LLVM the layers compute the same bits, and what needs the engine says so."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from programs import PATIENCE

from minicnn.machine import jit

TESTS = Path(__file__).parent


def run(*arguments, path=TESTS):
    """A finished Python process in which tests can be imported."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(path), str(TESTS.parent)])},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def without(program):
    """The finished process of a program that has no Numba."""
    return run("-c", f"import without_numba\n{program}")


def command(*words):
    """The finished process of a command that has no Numba."""
    program = f"import sys\nfrom minicnn.cli import main\nsys.exit(main({list(words)}))"
    return without(program)


@pytest.mark.skipif(not jit.ENABLED, reason="needs compiled kernels")
def test_training_without_numba_has_the_bits_of_compiled_layers():
    """The documented network and one of all other layers with kernels: three steps and an epoch;
    losses, weights, gradients, answers; and a network of whole numbers.
    """
    done = [run(TESTS / "without_numba_runs.py", *words) for words in ([], ["without"])]
    assert [one.returncode for one in done] == [0, 0], [one.stderr for one in done]
    (*compiled, _), (*plain, loaded) = (one.stdout.splitlines() for one in done)
    assert len(compiled) == 9 and compiled == plain
    assert loaded == "False []"


def test_the_definitions_hold_without_numba():
    """The kernels' own tests, and those of their twins that need no loop to compare with."""
    files = [TESTS / "test_kernels.py", TESTS / "test_twins.py"]
    done = run("-m", "pytest", "-q", "-p", "without_numba", "-p", "no:cacheprovider", *files)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


# what belongs to the engine outside its room: imported where ENABLED, and only there
ENGINES = (
    "machine.cache machine.call machine.emit machine.fingerprint machine.parts machine.peak "
    "machine.processor machine.region machine.shares machine.team network.fast network.forks "
    "network.frozen network.slots quantize.forms quantize.native quantize.packing quantize.trial"
)


def test_every_file_but_those_of_the_engine_is_there_without_numba():
    """A new one that imports the engine as it begins would take training away from others."""
    done = without(
        "import importlib, pathlib, minicnn\n"
        "root = pathlib.Path(minicnn.__file__).parent\n"
        "for path in sorted(root.rglob('*.py')):\n"
        "    name = '.'.join(path.relative_to(root).with_suffix('').parts)\n"
        "    name = name.removesuffix('__init__').removesuffix('.')\n"
        "    if name != '__main__' and not name.startswith('engine'):\n"
        "        try: importlib.import_module(f'minicnn.{name}'.removesuffix('.'))\n"
        "        except ModuleNotFoundError as error:\n"
        "            assert error.name.partition('.')[0] in ('numba', 'llvmlite'), error\n"
        "            print(name)\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ENGINES.split()


NEEDED = (
    "needs the package numba, which is not installed: pip install numba. Without it models run in "
    "NumPy, on the layers as they are written, without the engine"
)


def test_set_threads_says_what_is_missing():
    done = without("import minicnn\nminicnn.set_threads(2)")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ImportError: set_threads, which says how many threads run compiled kernels, " + NEEDED
    )


def test_profile_says_what_is_missing():
    done = without(
        "from minicnn import Sequential, Input, layers, preflight\n"
        "preflight.profile(Sequential([Input((4,)), layers.Dense(2)]))"
    )
    assert done.stderr.splitlines()[-1] == (
        "ImportError: profile, which compares with what the processor could do, " + NEEDED
    )


def test_warmup_says_what_is_missing():
    done = command("warmup")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.split() == (
        f"minicnn warmup: warmup, which compiles kernels, {NEEDED}".split()
    )


def test_doctor_says_what_is_missing():
    done = command("doctor")
    assert done.returncode == 1, done.stderr
    headings = [line.split()[0] for line in done.stdout.splitlines() if line[:1].strip()]
    assert headings[:3] == ["versions", "processor", "BLAS"]
    assert " ".join(done.stdout.split()).endswith(
        "PROBLEM: numba is not installed: models run in NumPy, on the layers as they are written, "
        "and many times slower: pip install numba, where there is one for this system."
    )
    found = json.loads(command("doctor", "--json").stdout)
    assert found["versions"].keys() == {"minicnn", "python", "numpy"}
    assert found["threads"] == {"available": 1, "used": 1, "layer": None}
    assert len(found["problems"]) >= 1 and "self_test" not in found


def test_gradcheck_checks_the_twins_and_says_so():
    done = command("gradcheck", "--layer", "conv2d")
    assert done.returncode == 0, done.stdout + done.stderr
    first, *others = done.stdout.splitlines()
    assert first == "numba is not installed: these are the layers in NumPy, without the engine"
    assert "PASS" in done.stdout and others


def test_a_report_knows_that_there_is_none():
    done = without("from minicnn import report\nprint(report.environment()['numba'])")
    assert done.stdout == "None\n", done.stderr


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise ImportError('Numba needs NumPy 2.4 or less')", "Numba needs NumPy 2.4 or less"),
        ("import of_numba_which_is_not_there", "No module named 'of_numba_which_is_not_there'"),
    ],
)
def test_a_numba_that_is_there_and_broken_is_an_error(source, message, tmp_path):
    """Nobody should wonder why all is slow."""
    (tmp_path / "numba.py").write_text(source)
    done = run("-c", "import minicnn.layers", path=tmp_path)
    assert done.returncode == 1 and done.stderr.splitlines()[-1].endswith(message)
