"""`minicnn doctor` and `minicnn warmup`."""

import json

import numpy as np
import pytest
from programs import output, run

from minicnn import Sequential, __version__, layers
from minicnn.cli import doctor, main, warmup
from minicnn.engine import selftest
from minicnn.machine import cache, processor
from minicnn.quantize import native, trial

HEADINGS = [
    "versions",
    "processor",
    "instructions",
    "tiles",
    "threads",
    "cache",
    "BLAS",
    "self-test",
    "8-bit",
]


@pytest.fixture
def healthy(monkeypatch):
    """Nothing in the environment to complain about."""
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)


def findings(capsys):
    """(exit code, what `doctor --json` prints)."""
    code = main(["doctor", "--json"])
    return code, json.loads(capsys.readouterr().out)


def whole_numbers_passed():
    """How many kinds of operations of whole numbers run in machine code here."""
    return len(trial.OPERATIONS) if native.available() else 0


@pytest.mark.usefixtures("healthy")
def test_doctor_prints_what_the_engine_runs_on(capsys):
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    rows = [line.split()[0] for line in printed.splitlines() if line[0] != " "]
    assert rows == HEADINGS
    assert (
        f"minicnn {__version__}, Python 3" in printed
        and processor.instruction_set().name in printed
    )
    assert (
        printed.count("PASS") == len(selftest.CHECKS) * 2 + whole_numbers_passed()
        and "FAIL" not in printed
    )
    # a folder is not broken
    assert max(len(line) for line in printed.splitlines()) <= 100 or "/" in printed


@pytest.mark.usefixtures("healthy")
def test_doctor_prints_json(capsys):
    before = len(list(cache.folder().glob("*.kernel")))
    code, found = findings(capsys)
    assert (code, found["problems"]) == (0, [])
    assert found["versions"].keys() == {"minicnn", "python", "numpy", "numba", "llvmlite"}
    assert found["processor"]["instruction_set"] == processor.instruction_set().name
    for dtype in ("float32", "float64"):
        assert found["tiles"][dtype]["lanes"] == processor.lanes(np.dtype(dtype))
        assert 0 <= max(found["self_test"][dtype].values()) <= selftest.tolerance(dtype)
    assert 1 <= found["threads"]["used"] <= found["threads"]["available"]
    assert found["threads"]["layer"] in ("omp", "tbb", "workqueue")
    kept = found["cache"]
    assert (kept["folder"], kept["writable"]) == (str(cache.folder()), True)
    after = len(list(cache.folder().glob("*.kernel")))  # other processes may keep some meanwhile
    assert 0 < before <= kept["kernels"] <= after and kept["bytes"] > 1000


@pytest.mark.usefixtures("healthy")
def test_doctor_finds_wrong_kernels(capsys, monkeypatch):
    wrong = {"y": np.ones(3)}, {"y": np.full(3, 2.0)}
    monkeypatch.setitem(selftest.CHECKS, layers.Dense, lambda _: wrong)
    assert main(["doctor"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "Dense float32 FAIL (5e-01)" in printed and "Conv2D float32 PASS" in printed
    assert (
        "PROBLEM: the engine computes Dense in float32 wrongly, off by 5e-01 of the largest value: "
        "such models run on the readable layers. Please report this, with all that doctor prints."
    ) in printed


@pytest.mark.usefixtures("healthy")
@pytest.mark.skipif(not native.available(), reason="needs AVX2")
def test_doctor_finds_wrong_whole_numbers(capsys, monkeypatch):
    monkeypatch.setattr(trial, "wrong", lambda kind, _: 0.25 * (kind == "dense"))
    assert main(["doctor"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert f"8-bit {native.best().name}: conv2d PASS, depthwise_conv2d PASS, dense FAIL" in printed
    assert (
        "PROBLEM: machine code computes dense of whole numbers wrongly, 25% of them: such models "
        "run in NumPy. Please report this, with all that doctor prints."
    ) in printed


@pytest.mark.usefixtures("healthy")
def test_doctor_says_that_whole_numbers_run_in_numpy(capsys, monkeypatch):
    monkeypatch.setattr(native, "available", lambda: False)
    assert main(["doctor"]) == 0
    assert "8-bit         no instructions for it, NumPy\n" in capsys.readouterr().out


@pytest.mark.usefixtures("healthy")
def test_doctor_finds_that_kernels_cannot_be_kept(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "folder", lambda: None)
    assert findings(capsys)[0] == 1
    [problem] = findings(capsys)[1]["problems"]
    assert problem == (
        "no folder can be written to keep kernels in, so every start compiles those that it does "
        "not find: set NUMBA_CACHE_DIR to one of your own."
    )
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "gone")
    [problem] = findings(capsys)[1]["problems"]
    assert (
        problem
        == "the cache's folder can no longer be written: give it back, or set NUMBA_CACHE_DIR to "
        "another."
    )


def test_doctor_finds_a_blas_that_is_told_to_compute_for_another_processor(capsys, monkeypatch):
    """What OpenBLAS would choose itself is asked of a process without the setting."""
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Z80")
    monkeypatch.setattr(doctor, "core_type", lambda: "Z80")
    code, found = findings(capsys)
    best = found["blas"]["best_core_type"]
    assert (code, found["problems"]) == (
        1,
        [
            "OPENBLAS_CORETYPE=Z80 makes NumPy's matrix products run code for Z80 where OpenBLAS "
            "would choose "
            f"{best}, which can halve their speed: unset it."
        ],
    )


def test_doctor_finds_that_the_compiler_is_switched_off():
    done = run(
        "from minicnn.cli import main; raise SystemExit(main(['doctor']))", NUMBA_DISABLE_JIT="1"
    )
    assert done.returncode == 1, done.stderr
    printed = " ".join(done.stdout.split())
    assert "self-test not run" in printed
    assert (
        "PROBLEM: NUMBA_DISABLE_JIT is set: kernels run as plain Python, a thousand times slower: "
        "unset it." in printed
    )


WARMUP = """
import hashlib
import numpy as np
from minicnn.cli import main, networks
from minicnn.machine import cache

only = cache.places()[:1]  # not those that other tests have left beside the sources
cache.places = lambda: only
assert main(["warmup"]) == 0
warmed = len(cache.compiled)
model = networks.network()
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
rng = np.random.default_rng(0)
x, y = rng.integers(0, 256, (128, 32, 32, 3), np.uint8), rng.integers(0, 10, 128)
model.fit(x, y, batch_size=64, epochs=3, verbose=0)
print(len(cache.compiled) - warmed)
print(hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest())
"""


def test_warmup_compiles_and_keeps_what_the_documented_network_needs(tmp_path):
    """Then neither a training nor a second warm-up compiles anything, and kernels just compiled and
    kept ones come to the same bits.
    """
    *first, more, compiled = output(WARMUP, NUMBA_CACHE_DIR=str(tmp_path))
    number = int(first[0].split()[0])
    assert first[0].startswith(f"{number} kernels compiled in ")
    [folder] = tmp_path.iterdir()
    assert first[1:] == [f"They are kept in {folder}"]
    assert number == len(list(folder.glob("*.kernel"))) > 10
    done = run(WARMUP, NUMBA_CACHE_DIR=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    second, no_more, kept = done.stdout.splitlines()
    assert " kernels were there already; a training with them begins in " in second
    assert (more, no_more) == ("0", "0") and compiled == kept


WHOLE = """
import sys
import numpy as np
from minicnn import Sequential, layers, quantize
from minicnn.cli import main, warmup
from minicnn.machine import cache

only = cache.places()[:1]
cache.places = lambda: only

def network():
    conv = layers.Conv2D(8, 3, activation="relu")
    stack = [layers.Rescaling(1 / 255), conv, layers.MaxPooling2D(4), layers.Flatten()]
    return Sequential([layers.Input((32, 32, 3)), *stack, layers.Dense(10, activation="softmax")])

warmup.network = network
x = np.random.default_rng(0).integers(0, 256, (256, 32, 32, 3)).astype(np.float32)
assert main(["warmup"]) == 0
found = [len(cache.compiled)]
assert main(["warmup", "--int8"]) == 0
found.append(len(cache.compiled))
whole = quantize.quantized(network(), x[:8])
whole.save(sys.argv[1])
for some in (x[:1], x):
    whole.predict(some)
found.append(len(cache.compiled))
assert main(["warmup", sys.argv[1], "--int8"]) == 0  # which it is already
print(found)
"""


@pytest.mark.skipif(not native.available(), reason="no machine code for whole numbers here")
def test_warmup_compiles_whole_numbers_where_it_is_asked_to(tmp_path):
    *_, found = output(
        WHOLE, tmp_path / "whole.safetensors", NUMBA_CACHE_DIR=str(tmp_path / "cache")
    )
    trained, with_whole, predicted = json.loads(found)
    assert trained < with_whole == predicted


def test_warmup_says_when_kernels_cannot_be_kept(capsys, monkeypatch):
    small = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(10, activation="softmax")]
    monkeypatch.setattr(warmup, "network", lambda: Sequential([layers.Input((32, 32, 3)), *small]))
    monkeypatch.setattr(cache, "folder", lambda: None)
    monkeypatch.setattr(cache, "compiled", ["one"])
    assert main(["warmup"]) == 1
    printed = capsys.readouterr()
    assert "kernels compiled in" in printed.out
    assert (
        printed.err
        == "minicnn warmup: no folder can be written to keep them in, set NUMBA_CACHE_DIR to one\n"
    )
