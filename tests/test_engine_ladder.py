"""examples/engine_ladder.py: every rung computes what seven loops do, and one that does not is
found out.
"""

import ast
import importlib.util
import re
import sys

import numpy as np
import pytest
from example_runs import cells, path_of, run
from numpy.lib.stride_tricks import sliding_window_view

PATH = path_of("engine_ladder.py")
RUNGS = ["loops", "matrix_product", "addressed", "fused", "winograd"]
SHAPES = [  # rows, columns, channels, filters; with odd sizes, which pooling drops
    (6, 7, 16, 16),
    (12, 12, 32, 32),
    (5, 9, 3, 20),
]


@pytest.fixture
def ladder(monkeypatch):
    """The example as a module; what it sets for the process is taken back."""
    for library in ("OPENBLAS_NUM", "MKL_NUM", "VECLIB_MAXIMUM"):
        monkeypatch.setenv(f"{library}_THREADS", "1")
    spec = importlib.util.spec_from_file_location("engine_ladder", PATH)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "engine_ladder", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.minicnn, "set_threads", lambda _: None)
    return module


def by_einsum(task):
    """The convolution's result by NumPy alone, in double precision."""
    patches = sliding_window_view(task.x.astype(np.float64), (3, 3), axis=(1, 2))
    return np.einsum("nhwcij,ijcf->nhwf", patches, task.kernel().astype(np.float64))


def block_by_numpy(task):
    """That of the block: ReLU, normalised by the batch's own moments, the largest of 2x2."""
    norm = task.block[2]
    a = np.maximum(by_einsum(task), 0)
    b = (a - a.mean((0, 1, 2))) / np.sqrt(a.var((0, 1, 2)) + norm.epsilon)
    b = b * norm.params["gamma"] + norm.params["beta"]
    N, H, W, F = b.shape
    return b[:, : H // 2 * 2, : W // 2 * 2].reshape(N, H // 2, 2, W // 2, 2, F).max(axis=(2, 4))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", RUNGS)
def test_a_rung_computes_the_block(ladder, name, shape):
    task = ladder.task_of(3, shape)
    rung = getattr(ladder, name)(task)
    if rung is None:
        assert name == "winograd" and shape[2] == 3  # with so few channels it would not be faster
        return
    for found, exact in (
        (rung.convolve(), by_einsum(task)),
        (rung.whole(), block_by_numpy(task)),
    ):
        assert found.shape == exact.shape and found.dtype == np.float32
        assert ladder.largest_error(found, exact) < 1e-5


@pytest.mark.parametrize("name", RUNGS)
def test_a_rung_computes_anew_at_every_call(ladder, name):
    task = ladder.task_of(3, (12, 12, 32, 32))
    rung = getattr(ladder, name)(task)
    before = rung.convolve().copy(), rung.whole().copy()
    task.x[...] *= 2
    task.kernel()[...] *= -1
    assert ladder.largest_error(rung.convolve(), -2 * before[0]) < 1e-5
    assert not np.allclose(rung.whole(), before[1])


def test_the_rungs_are_other_ways(ladder):
    task = ladder.task_of(3, (12, 12, 32, 32))
    names = [getattr(ladder, name)(task).name for name in RUNGS]
    assert len(set(names)) == 5 and names[4] == "Winograd F(5x5, 3x3)"
    # the fused row sums as written: on small integers it makes no error, and Winograd's way does
    task.x[...] = np.rint(task.x * 3)
    task.kernel()[...] = np.rint(task.kernel() * 3)
    exact = by_einsum(task)
    errors = [ladder.largest_error(getattr(ladder, n)(task).convolve(), exact) for n in RUNGS]
    assert errors[:4] == [0, 0, 0, 0] and errors[4] > 0


def table_of(printed):
    """{rung: its numbers} of the printed table."""
    lines = re.findall(r"(?m)^(\d) (.*?)  +([\d.]+ .*)$", printed)
    return {name: [float(v.rstrip("%")) for v in rest.split()] for _, name, rest in lines}


def test_it_prints_a_table(tmp_path):
    done = run("engine_ladder.py", tmp_path, "--batch", 8, "--seconds", 0)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert "8 pictures, 15 x 15 x 32 -> 13 x 13 x 64 -> 6 x 6 x 64: 0.0498 GFLOP" in done.stdout
    peak = float(re.search(r"peak (\d+) GFLOP/s", done.stdout)[1])
    table = table_of(done.stdout)
    assert len(table) == 5 and not list(tmp_path.iterdir())
    for name, (ms, rate, share, ms_2, rate_2, share_2, error) in table.items():
        for time, speed, of_peak in ((ms, rate, share), (ms_2, rate_2, share_2)):
            assert time * speed == pytest.approx(49.8, rel=0.1), name  # of two decimals
            assert of_peak == pytest.approx(100 * speed / peak, rel=0.02, abs=0.1), name
        assert error <= 1e-5


def test_it_says_where_winograds_way_is_not_taken(ladder, capsys):
    ladder.climb(1, (5, 9, 3, 20), 0)
    assert (
        "5 Winograd: the engine does not take this way for such a shape" in capsys.readouterr().out
    )


@pytest.mark.parametrize("wrong", [1e-3, float("nan")])
@pytest.mark.parametrize("part", ["convolve", "whole"])
def test_a_rung_that_is_wrong_is_not_timed(ladder, monkeypatch, capsys, part, wrong):
    right = ladder.addressed

    def spoiled(task):
        rung = right(task)

        def damaged():
            y = getattr(rung, part)()
            y[0, 0, 0, 0] += wrong * np.abs(y).max()
            return y

        return rung._replace(**{part: damaged})

    monkeypatch.setattr(ladder, "addressed", spoiled)
    message = (
        "rung 3, addressed tile, expected what the seven loops compute to 1e-05 of the largest"
    )
    with pytest.raises(ValueError, match=message):
        ladder.climb(1, (6, 7, 16, 16), 0)
    printed = capsys.readouterr().out
    assert "im2col" in printed and "addressed" not in printed


@pytest.mark.parametrize(
    "arguments, received",
    [
        ("--shape 3 9 4 4", "received 3 9 4 4 and 64"),
        ("--shape 9 9 0 4", "received 9 9 0 4 and 64"),
        ("--batch 0", "received 15 15 32 64 and 0"),
    ],
)
def test_it_refuses_a_block_that_cannot_be(ladder, monkeypatch, capsys, arguments, received):
    monkeypatch.setattr(sys, "argv", ["engine_ladder.py", *arguments.split()])
    with pytest.raises(SystemExit) as stopped:
        ladder.main()
    assert stopped.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "--shape expects at least 4 rows and columns" in last and received in last


def test_it_is_divided_into_cells_that_explain_each_rung():
    before, parts = cells(PATH)
    assert isinstance(ast.parse(before).body[0], ast.Expr)
    rungs = [code for title, code in parts if "Rung" in title]
    assert len(rungs) == 5
    for code in rungs[1:]:
        assert re.search(r"(?m)^# Source: ", code), code[:100]
