"""The programs in benchmarks/, without peers and whatever the speed: order, statistics, shapes,
tables, files.
"""

import json
import os
import statistics
import sys
from importlib import import_module
from itertools import product
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image

import minicnn
from minicnn import applications

# its programs import each other by name
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
compare, draw, first_screen, layers, machine, reporting, scaling, sides, worker, workers, zoo = map(
    import_module,
    "compare draw first_screen layers machine reporting scaling sides worker workers zoo".split(),
)
comparison, convolutions, jobs, keras_networks = map(
    import_module, "comparison convolutions jobs keras_networks".split()
)

MACHINE = {
    "processor": "A processor",
    "processors": 2,
    "caches": {"L1 Data": "48K"},
    "system": "Linux",
    "threads": 2,
    "commit": "abc",
    "minicnn": {
        "python": "3.11",
        "engine": {
            "version": "0.1",
            "instruction_set": "AVX2",
            "target": "znver3",
            "threading_layer": "omp",
        },
    },
    "peers": {"torch": "2"},
}


def test_sides_take_turns_in_the_order_a_b_b_a():
    order = []

    def side(name):
        return lambda: order.append(name) or len(order)

    ours, theirs = sides.alternate(side("A"), side("B"), 4)
    assert "".join(order) == "ABBAABBA"
    assert (ours, theirs) == ([1, 4, 5, 8], [2, 3, 6, 7])  # what each measured, pair by pair


def test_the_ratio_is_the_median_of_pairs_with_its_bootstrap_interval():
    rng = np.random.default_rng(3)
    below = rng.uniform(1, 2, 15)
    above = below * rng.uniform(2, 3, 15)
    ratios = above / below
    median, low, high = sides.ratio(above, below)
    assert median == statistics.median(ratios)
    drawn = [np.median(rng.choice(ratios, 15)) for _ in range(4000)]
    np.testing.assert_allclose([low, high], np.percentile(drawn, [2.5, 97.5]), atol=0.05)
    # the same figures give the same interval
    assert sides.ratio(above, below) == (
        median,
        low,
        high,
    )


def test_one_disturbed_pair_moves_nothing():
    assert sides.ratio([4.0] * 14 + [400.0], [2.0] * 15) == (2, 2, 2)


def test_a_worker_has_its_threads_and_no_harmful_presets():
    inherited = {
        "OPENBLAS_CORETYPE": "Haswell",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "7",
        "HOME": "/h",
    }
    variables = sides.environment(3, inherited)
    assert {variables[name] for name in sides.THREADS} == {"3"}
    assert variables["HOME"] == "/h"
    assert not {"OPENBLAS_CORETYPE", "PYTHONDONTWRITEBYTECODE"} & variables.keys()


def test_a_block_has_as_many_calls_as_it_needs():
    def runner(times):
        return iter(times).__next__

    assert worker.median_of_calls(runner([5, 1, 2, 9]), seconds=0, least=3) == 2
    assert worker.median_of_calls(runner([1, 4, 2, 4, 9]), seconds=10, least=1) == 3
    assert worker.median_of_calls(runner([7, 9]), seconds=0.5, least=1) == 7


def test_what_comes_before_a_call_is_not_timed(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(worker.time, "perf_counter", lambda: now[0])

    def takes(seconds):
        now[0] += seconds

    assert worker.timed(lambda: takes(2), before=lambda: takes(100))() == 2


PROGRAM = """
import sys
sys.path.insert(0, {benchmarks!r})
from worker import serve
def prepare(steps):
    print("libraries may print")
    if steps < 0:
        sys.exit("cannot go back")
    times = iter(range(steps, 1000))
    return lambda: next(times), {{"side": sys.argv[1]}}
serve(prepare)
"""


@pytest.fixture
def side(tmp_path):
    """A worker process that counts up and calls that seconds."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(benchmarks=str(sides.HERE)))
    with sides.Side(sys.executable, str(program), "left", threads=1) as made:
        yield made


def test_a_worker_process_prepares_and_measures(side):
    assert side.prepare(steps=5)["side"] == "left"
    assert side.block(seconds=0, least=3) == 6  # of 5, 6, 7
    assert side.block(seconds=0, least=1) == 8
    if sides.PROCESSORS:
        assert len(os.sched_getaffinity(side.process.pid)) == 1
        assert sorted(os.sched_getaffinity(0)) == sides.PROCESSORS


def test_when_a_worker_ends_its_last_words_are_reported(side):
    with pytest.raises(
        sides.WorkerError, match=r"left ended with 1 at \{'prepare': .*\n(.*\n)*cannot go back"
    ):
        side.prepare(steps=-1)
    with pytest.raises(sides.WorkerError, match="cannot go back"):
        side.block(seconds=0, least=1)


SMALL = {"batch": 8, "side": 6, "channels": 4, "kernel": 3, "stride": 1, "padding": "same"}


@pytest.mark.parametrize(
    "kind",
    [{}, {"groups": 4}, {"filters": 8, "groups": 2}, {"residual": True}],
    ids=["plain", "depthwise", "grouped", "residual"],
)
def test_a_convolution_of_the_engine_is_measured(kind):
    with sides.Side(sys.executable, "convolutions.py", "minicnn", 1) as own:
        for name in convolutions.PASSES:
            own.prepare(name=name, **SMALL | {"filters": 4} | kind)
            assert own.block(seconds=0, least=2) > 0


@pytest.mark.parametrize("name", convolutions.PASSES)
def test_a_residual_convolution_is_what_its_layers_compute(name):
    """Its forward makes what the model makes, and a backward finds the gradient that is asked for
    alone.
    """
    shape = convolutions.Geometry(**SMALL, filters=4, residual=True)
    made = []
    model_of = minicnn.Model

    def model(*ends, **options):
        made.append(model_of(*ends, **options))
        return made[-1]

    with mock.patch.object(minicnn, "Model", model):
        forward, backward = convolutions.minicnn_residual(name, shape)
    (network,) = made
    x = np.random.default_rng(0).standard_normal((8, 6, 6, 4), np.float32)
    made_by_steps = forward()
    if name == "forward":
        np.testing.assert_allclose(made_by_steps, network(x, training=True), atol=1e-5)
        return
    kernel = network.layers[1].grads["kernel"]
    kernel[...] = 7
    dx = backward()
    wanted = name == "input gradient"
    assert (dx is not None and dx.shape == x.shape) == wanted
    assert (kernel == 7).all() == wanted


def test_the_documented_network_is_measured():
    """In all the tasks that a process does for minicnn."""
    with sides.Side(sys.executable, "networks.py", "minicnn", 1) as own:
        for task, mode in (
            ("train", ""),
            ("infer", ""),
            ("latency", ""),
            ("latency", "call"),
            ("memory", ""),
        ):
            ready = own.prepare(task=task, mode=mode, pictures=4, batch=2)
            assert ready["peak_megabytes"] > 10
            assert own.block(seconds=0, least=1) > 0


@pytest.mark.parametrize("shape", layers.SHAPES, ids=str)
def test_shapes_know_their_outputs_and_operations(shape):
    geometry = {key: value for key, value in shape._asdict().items() if key != "family"}
    conv = convolutions.minicnn_layer(convolutions.Geometry(batch=1, **geometry))
    conv.build((shape.side, shape.side, shape.channels), np.random.default_rng(0), np.float32)
    assert conv.output_shape == (shape.output, shape.output, shape.filters)
    assert shape.operations == 2 * conv.multiply_adds()
    assert shape.batch in (8, 16, 32, 64, 128, 256)
    numbers = shape.side**2 * shape.channels + shape.output**2 * shape.filters
    assert shape.batch == 8 or shape.batch * numbers < 2**0.5 * layers.NUMBERS


def test_the_table_of_shapes_is_as_wide_as_promised():
    assert len(set(layers.SHAPES)) == len(layers.SHAPES)
    assert {(1, 1), (1, 2), (2, 1), (3, 1), (3, 2), (5, 1), (7, 2)} == {
        (shape.kernel, shape.stride) for shape in layers.SHAPES
    }
    assert {64, 128, 256, 512} <= {shape.channels for shape in layers.SHAPES}
    assert {8, 16, 32, 64, 128} <= {shape.side for shape in layers.SHAPES}
    documented = [shape[1:4] for shape in layers.SHAPES if shape.family == "documented"]
    assert documented == [(32, 3, 32), (15, 32, 64), (6, 64, 128)]
    assert str(layers.SHAPES[0]) == "32x32x3 -> 32, 3x3 valid"
    for kind in layers.KINDS:
        assert sum(shape.family == kind for shape in layers.SHAPES) >= 4
    assert str(layers.depthwise(24, 144, stride=2)) == "24x24x144 -> 144, 3x3 /2 depthwise"
    assert str(layers.residual(8, 64)) == "8x8x64 -> 64, 3x3 + BN + sum + ReLU"


def test_kinds_of_convolutions_have_means_of_their_own():
    records = [layer_record("forward", shape, 1.0) for shape in layers.SHAPES]
    counts = {kind: len(of_kind) for kind, of_kind in layers.kinds(records).items()}
    assert counts == {"plain": 41, "depthwise": 9, "grouped": 4, "residual": 6}


def layer_record(name, shape, speed):
    return {
        "family": shape.family,
        "shape": str(shape),
        "pass": name,
        "minicnn_gflops": 200.0,
        "peer_gflops": 100.0,
        "speed_ratio": [speed, speed, speed],
    }


def test_a_slow_pass_is_marked_and_the_mean_is_geometric():
    def of(shape, speeds):
        return [
            layer_record(name, shape, speed)
            for name, speed in zip(layers.PASSES, speeds, strict=True)
        ]

    records = of(layers.SHAPES[0], (2, 0.79, 0.8))
    cells = layers.row(layers.SHAPES[0], records)
    assert cells == [
        "  32x32x3 -> 32, 3x3 valid",
        "64",
        "2.00 ",
        "200",
        "100",
        "0.79!",
        "200",
        "100",
        "0.80 ",
        "200",
        "100",
    ]
    assert len(cells) == len(layers.HEADINGS)
    records += of(layers.SHAPES[1], (0.5, 1, 1))
    assert layers.summary(records).startswith(
        "forward: 1.00 in the geometric mean of 2 shapes, from 0.50 to 2.00, 1 below 0.8\n"
    )


def test_floors_are_reached_or_missed_in_the_right_direction():
    assert comparison.verdict(3.0, 3.0, True) == [">= 3.0", "reached"]
    assert comparison.verdict(2.99, 3.0, True) == [">= 3.0", "MISSED"]
    assert comparison.verdict(0.6, 0.6, False) == ["<= 0.6", "reached"]
    assert comparison.verdict(0.61, 0.6, False) == ["<= 0.6", "MISSED"]
    assert comparison.verdict(9.0, None, True) == ["", ""]


def compare_record(task, minicnn, peer, floor, ratio):
    return {
        "task": task,
        "unit": compare.TASKS[task].unit,
        "more_is_better": compare.TASKS[task].more_is_better,
        "minicnn": minicnn,
        "peer": peer,
        "minicnn_values": [9000.0, 8000.0, 10000.0],
        "peer_values": [3000.0, 3100.0, 2900.0],
        "ratio": ratio,
        "floor": floor,
        "minicnn_ready_seconds": 1.0,
        "peer_ready_seconds": 12.34,
    }


def test_a_line_of_the_comparison():
    cells = compare.row(compare_record("train", "minicnn", "keras", 3.0, [3.0, 2.5811, 3.45]))
    expected = "minicnn|keras|9,000|3,000|3.00|2.58 to 3.45|>= 3.0|reached|1.0|12.3"
    assert "|".join(cells) == expected
    assert len(cells) == len(compare.HEADINGS)


def test_every_task_meets_every_library():
    for task in compare.TASKS.values():
        peers = {peer.split()[0] for _, peer in task.against}
        assert peers == {"keras", "torch"}
        assert any(floor is not None for floor in task.against.values())


def test_keras_is_measured_with_and_without_onednn():
    for task in ("train", "infer"):
        keras = [peer for _, peer in compare.TASKS[task].against if peer.startswith("keras")]
        assert keras == [
            "keras oneDNN",
            "keras without oneDNN",
            "keras jit oneDNN",
            "keras jit without oneDNN",
        ]
    assert not any(peer == "keras" for task in compare.TASKS.values() for _, peer in task.against)
    assert workers.of_mode("keras jit oneDNN") == {"TF_ENABLE_ONEDNN_OPTS": "1"}
    assert workers.of_mode("keras call without oneDNN") == {"TF_ENABLE_ONEDNN_OPTS": "0"}
    assert workers.of_mode("keras") == workers.of_mode("torch compile") == {}


def test_modes_that_want_other_variables_have_processes_of_their_own(monkeypatch):
    started = []

    def side(python, _, library, threads, settings):
        started.append((python, library, threads, settings.get("TF_ENABLE_ONEDNN_OPTS")))
        made = mock.MagicMock()
        made.__enter__.return_value = made
        made.process.poll.return_value = None
        return made

    monkeypatch.setattr(workers, "Side", side)
    with workers.Workers("peers") as some:
        on = some.get("keras jit oneDNN", 2)
        assert some.get("keras oneDNN", 2) is on
        assert some.get("keras without oneDNN", 2) is not on
        assert some.get("minicnn", 2) is some.get("minicnn", 2)
    assert started == [
        ("peers", "keras", 2, "1"),
        ("peers", "keras", 2, "0"),
        (sys.executable, "minicnn", 2, None),
    ]


def test_a_cold_start_finds_no_kernels_anywhere(tmp_path):
    """They are looked for in NUMBA_CACHE_DIR and beside the package's files."""
    seen = []

    class Processes:
        def new(self, library, threads, settings):
            files = list(Path(settings["NUMBA_CACHE_DIR"]).rglob("*"))
            seen.append((library, threads, settings, files))
            return mock.MagicMock()

    bench = compare.Bench(mock.MagicMock(threads=2), Processes(), str(tmp_path))
    for mode in ("minicnn cold", "minicnn", "keras without oneDNN"):
        bench.in_new_process(mode, {"task": "start", "mode": mode.partition(" ")[2]})
    (_, _, cold, files), warm, keras = seen
    assert files == []
    package = Path(cold["PYTHONPATH"]) / "minicnn"
    assert (package / "__init__.py").is_file()
    assert {path.suffix for path in package.rglob("__pycache__/*")} == {".pyc"}
    assert warm[:3] == ("minicnn", 2, {"NUMBA_CACHE_DIR": str(tmp_path)})
    assert keras[:2] == ("keras", 2) and keras[2]["TF_ENABLE_ONEDNN_OPTS"] == "0"


def test_of_each_task_the_best_mode_of_each_peer_is_remembered():
    results = mock.MagicMock()
    results.records = [
        compare_record("train", "minicnn", "keras oneDNN", 3.0, [4.0, 3.5, 4.5]) | {"batch": 64},
        compare_record("train", "minicnn", "keras jit oneDNN", 3.0, [3.5, 3, 4]) | {"batch": 64},
        compare_record("start", "minicnn", "keras oneDNN", 0.35, [0.2, 0.1, 0.3]) | {"batch": 64},
        compare_record("start", "minicnn", "keras without oneDNN", 0.35, [0.3] * 3) | {"batch": 64},
    ]
    compare.remember(results)
    assert [call.args for call in results.remember.call_args_list] == [
        ("train, minicnn beside keras, batch 64", results.records[1]),
        ("start, minicnn beside keras, batch 64", results.records[3]),
    ]


@pytest.mark.parametrize(
    "name, application, shape",
    [
        ("ResNet-20", applications.ResNet20, {}),
        ("Inception", applications.SmallInception, {}),
        ("ResNet-18", applications.ResNet18, {"side": 64}),
        ("MobileNetV2", applications.MobileNetV2, {"side": 32}),
    ],
)
def test_networks_are_those_that_the_package_has(name, application, shape):
    own = keras_networks.build(minicnn, jobs.Job("train", "", 1, network=name, **shape))
    side, more = shape.get("side", 32), {"weights": None} if name == "MobileNetV2" else {}
    other = application(input_shape=(side, side, 3), classes=10, **more)

    def shapes(model):
        return sorted(weight.shape for weight in model.get_weights())

    assert shapes(own) == shapes(other)
    assert sorted(map(kind, own.layers)) == sorted(map(kind, other.layers))


def kind(layer):
    return type(layer).__name__, layer.output_shape


def test_a_network_of_the_zoo_is_measured():
    with sides.Side(sys.executable, "networks.py", "minicnn", 1) as own:
        for task in zoo.TASKS:
            own.prepare(task=task, mode="", pictures=2, batch=2, network="ResNet-20")
            assert own.block(seconds=0, least=1) > 0


def test_known_networks_have_the_floors_that_were_promised():
    floors = {name: (known.torch, known.keras) for name, known in zoo.NETWORKS.items()}
    assert floors == {
        "VGG": (2.0, 2.0),
        "ResNet-20": (2.0, 2.0),
        "Inception": (1.7, 1.7),
        "MobileNetV2": (1.3, 1.3),
        "ResNet-18": (1.0, None),
    }
    for known in zoo.NETWORKS.values():
        assert known.against("infer")[zoo.COMPILED] == 1.5
        batches, rest = divmod(known.pictures, known.network.get("batch", 64))
        assert rest == 0 and batches >= 4
    assert not any(peer.startswith("keras") for peer in zoo.NETWORKS["ResNet-18"].against("train"))
    assert set(compare.KERAS) < zoo.NETWORKS["VGG"].against("train").keys()


def test_a_network_is_measured_as_images_per_second():
    asked = []

    class Processes:
        def get(self, mode, threads):
            asked.append((mode, threads))
            side = mock.MagicMock()
            side.block.return_value = 0.5 if mode == "minicnn" else 2.0
            return side

    options = mock.MagicMock(quick=True, threads=2)
    record = zoo.measure(Processes(), options, "ResNet-18", "train", zoo.EAGER)
    assert asked == [("minicnn", 2), (zoo.EAGER, 2)]
    assert (record["batch"], record["side"], record["floor"]) == (16, 224, 1.0)
    # a batch of 16
    assert record["minicnn_values"] == [32, 32] and record["ratio"] == (4, 4, 4)
    results = mock.MagicMock(records=[record, record | {"peer": zoo.COMPILED, "ratio": (3, 3, 3)}])
    zoo.remember(results)
    ((figure, kept),) = (call.args for call in results.remember.call_args_list)
    assert figure == "train, ResNet-18 beside torch" and kept["peer"] == zoo.COMPILED
    ((_, drawn),) = draw.compare(MACHINE, results.records)
    assert "train, ResNet-18: torch channels_last compile" in words(drawn)


@pytest.mark.parametrize("scan", scaling.SCANS)
def test_a_scan_changes_one_thing(scan):
    points = scaling.points(scan, 6)
    fields = {"batch": "batch", "side": "side", "depth": "convolutions", "threads": "threads"}
    for value, point in points.items():
        assert getattr(point, fields[scan]) * (3 if scan == "depth" else 1) == value
        rest = point._asdict()
        del rest[fields[scan]]
        for name in ("batch", "side", "convolutions", "threads"):
            assert name not in rest or rest[name] == getattr(scaling.Point(6), name)
    assert list(points) == sorted(points)


def test_scans_go_as_far_as_promised():
    assert list(scaling.points("batch", 2)) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    assert list(scaling.points("side", 2)) == [32, 48, 64, 96, 128, 160, 224]
    assert list(scaling.points("depth", 2)) == [3, 6, 9]
    assert [list(scaling.points("threads", n)) for n in (1, 2, 6)] == [[1], [1, 2], [1, 2, 4, 6]]


def test_an_epoch_of_a_scan_is_whole_batches():
    for scan, task in product(scaling.SCANS, scaling.PEERS):
        for point in scaling.points(scan, 2).values():
            batches, rest = divmod(point.pictures(scaling.PICTURES[task]), point.batch)
            assert rest == 0 and 1 <= batches <= 512
    assert scaling.Point(2).pictures(2048) == 2048
    assert scaling.Point(2, side=64).pictures(2048) == 512


def scaling_record(scan, value, task, peer, ratio):
    own, other = [1000.0 * value * ratio] * 2, [1000.0 * value] * 2
    return {
        "scan": scan,
        "value": value,
        "task": task,
        "peer": peer,
        "minicnn_values": own,
        "peer_values": other,
        "ratio": [ratio] * 3,
    }


def test_a_line_of_a_scan():
    record = scaling_record("batch", 64, "train", "keras", 2.0)
    assert scaling.row(64, record) == [
        "64",
        "keras",
        "train",
        "128,000",
        "64,000",
        "2.00",
        "2.00 to 2.00",
    ]
    assert len(scaling.row(64, record)) == len(scaling.HEADINGS)


def test_a_table_aligns_its_columns():
    printed = reporting.table(["", "images/s"], [["keras", 7], ["torch compile", "1,234"]])
    assert printed == "               images/s\nkeras                 7\ntorch compile     1,234"


def test_results_are_written_as_they_come(tmp_path):
    path = tmp_path / "results" / "layers.jsonl"
    results = reporting.Results(path, "layers", MACHINE)
    for speed in (1.5, 2.5):
        results.add(layer_record("forward", layers.SHAPES[0], speed))
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert lines == [{"benchmark": "layers", "machine": MACHINE}, *results.records]
    assert draw.read(path) == ("layers", MACHINE, results.records)


def test_without_a_path_results_are_only_kept():
    results = reporting.Results(None, "layers", MACHINE)
    results.add({"a": 1})
    assert results.records == [{"a": 1}]


def test_the_machine_is_described():
    found = machine.describe(sys.executable, 1)
    assert found["processor"] and found["threads"] == 1
    assert found["minicnn"]["numpy"] == np.__version__ == found["peers"]["numpy"]
    assert {"version", "instruction_set", "target", "threading_layer"} == found["minicnn"][
        "engine"
    ].keys()
    json.dumps(found)
    said = machine.in_words(found)
    assert found["processor"] in said and f"numpy {np.__version__}" in said
    assert machine.in_words(MACHINE).splitlines() == [
        "A processor, 2 processors, L1 Data 48K; Linux",
        "2 threads (omp), AVX2 (znver3)",
        "minicnn 0.1, commit abc: python 3.11",
        "peers: torch 2",
    ]


def words(figure):
    """All that is written in a figure."""
    figure.draw_without_rendering()
    return " | ".join(
        text.get_text() for text in figure.findobj(match=lambda artist: hasattr(artist, "get_text"))
    )


def assert_nothing_leaves_the_figure(figure):
    width, height = figure.get_size_inches()
    figure.draw_without_rendering()
    drawn = figure.get_tightbbox()  # inches
    assert 0 <= drawn.x0 < drawn.x1 <= width and 0 <= drawn.y0 < drawn.y1 <= height, drawn


def scaling_records():
    for scan, values in (("batch", [2**k for k in range(11)]), ("threads", [1])):
        for value, task, peer in product(values, draw.TASKS, list(draw.SIDES)[1:]):
            yield scaling_record(
                scan, value, task, peer, 0.9 if (value, peer) == (4, "torch compile") else 1.5
            )


def test_a_picture_of_each_scan_says_where_minicnn_is_ahead():
    records = list(scaling_records())
    figures = dict(draw.scaling(MACHINE, records))
    assert list(figures) == ["_batch", "_threads"]
    said = words(figures["_batch"])
    assert (
        "minicnn is ahead of the best peer at 20 of 22 points" in said
        and "A processor, AVX2, 2 threads" in said
    )
    assert "Training: 0.90 to 1.50 times the best peer" in said and "PyTorch, compiled" in said
    assert "1,024" in said and "20,000" in said
    for figure in figures.values():
        assert_nothing_leaves_the_figure(figure)


def test_a_picture_of_all_shapes():
    records = [
        layer_record(name, shape, 0.5 + k % 3)
        for k, shape in enumerate(layers.SHAPES)
        for name in layers.PASSES
    ]
    ((suffix, figure),) = draw.layers(MACHINE, records)
    said = words(figure)
    assert suffix == ""
    ahead = sum(record["speed_ratio"][0] >= 1 for record in records)
    assert (
        f"ahead in {ahead} of {len(records)} passes" in said
        and "documented: 32x32x3 -> 32, 3x3 valid" in said
    )
    assert_nothing_leaves_the_figure(figure)


def test_a_picture_of_the_comparison_turns_what_should_be_small_around():
    records = [
        compare_record("train", "minicnn", "keras", 3.0, [4.0, 3.5, 4.5]),
        compare_record("latency", "minicnn", "keras", None, [0.004, 0.0035, 0.005]),
        compare_record("memory", "minicnn", "torch channels_last", 0.8, [0.5, 0.4, 0.6]),
    ]
    ((_, figure),) = draw.compare(MACHINE, records)
    lines = [line.get_xdata() for line in figure.axes[0].get_lines()]
    points = [data[0] for data in lines if len(data) == 1]
    # ratios and floors, in the order of the records
    assert points == pytest.approx([4.0, 3.0, 250, 2.0, 1.25])
    assert "memory: minicnn beside torch channels_last" in words(figure)
    assert_nothing_leaves_the_figure(figure)


def test_pictures_are_written_beside_their_results_and_are_small(tmp_path):
    results = reporting.Results(tmp_path / "scaling.jsonl", "scaling", MACHINE)
    for record in scaling_records():
        results.add(record)
    paths = draw.draw(results.path)
    assert paths == [tmp_path / "scaling_batch.png", tmp_path / "scaling_threads.png"]
    for path in paths:
        picture = np.asarray(Image.open(path).convert("RGB"))
        assert picture.shape == (370, 800, 3)
        assert (picture != 255).any() and path.stat().st_size < 60_000


class Recorder:
    """Stands for all processes: notes who was asked for what, and says that it took so many
    seconds.
    """

    def __init__(self):
        self.asked, self.started = [], []

    def new(self, library, threads, settings):
        self.started.append((library, threads, settings.get("MINICNN_ENGINE")))
        side, order = mock.MagicMock(), len(self.started) - 1
        side.__enter__.return_value = side
        side.block.side_effect = lambda *_: (
            self.asked.append("ABCD"[order]) or 10.0 * order + len(self.asked)
        )
        return side


def test_the_first_screen_is_measured_in_turns():
    processes = Recorder()
    seconds = first_screen.measure(processes, 2, 640, rounds=2)
    assert "".join(processes.asked) == "ABCDDCBA"
    assert seconds == {
        "minicnn": [1, 8],
        "torch": [12, 17],
        "keras": [23, 26],
        "reference": [34, 35],
    }
    libraries = [("minicnn", None), ("torch", None), ("keras", None), ("minicnn", "reference")]
    assert processes.started == [(library, 2, engine) for library, engine in libraries]


def test_the_first_screen_shows_medians_for_50_000_pictures_and_leaves_open_what_is_not_known():
    peers = {"torch": "2.13.0+cpu", "keras": "3.15.1", "tensorflow-cpu": "2.21.0"}
    seconds = {"minicnn": [1.0, 1.2, 9.0], "torch": [3.0], "keras": [6.0, 7.0], "reference": []}
    results = {
        "machine": MACHINE | {"date": "2026-11-28T12:00", "peers": peers},
        "pictures": 10_000,
        "seconds": seconds,
    }
    reached = {side: {"test_accuracy": [0.7, 0.72, 0.74]} for side in seconds} | {
        "torch": {"test_accuracy": []}
    }
    rows = first_screen.table(results, reached)
    assert rows.splitlines()[2:6] == [
        "| **minicnn** | 6.0 s | 72.0 % |",
        "| PyTorch 2.13, channels_last | 15.0 s | - |",
        "| Keras 3.15 with TensorFlow 2.21 | 32.5 s | 72.0 % |",
        "| NumPy and plain Numba loops: minicnn without its engine | - | 72.0 % |",
    ]
    assert "on 2 threads of A processor with AVX2, 2026-11-28" in " ".join(rows.split())


def test_clients_of_a_server_count_answers_and_failures():
    from serving import listening, picture

    serve = import_module("serve")
    load = import_module("serve_client").load
    with listening() as server:
        good = serve.post("/v1/predict", *serve.form(picture()))
        found = load(server.host, server.port, 5, 0.2, good)
        assert found["answers"] >= 5 and found["failed"] == 0 and found["seconds"] >= 0.2
        assert 0 < found["p50"] <= found["p99"] <= found["slowest"]
        found = load(server.host, server.port, 3, 0.1, serve.post("/v1/predict", b"x", "image/png"))
        assert found["answers"] == 0 and found["failed"] >= 3
        large = serve.post("/nowhere", b"x" * 10**6, "image/png")  # does not go in one piece
        assert load(server.host, server.port, 2, 0.1, large)["failed"] >= 2
