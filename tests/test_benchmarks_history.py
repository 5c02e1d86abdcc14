"""What the programs in benchmarks/ keep from commit to commit, and the tables that they write."""

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

# its programs import each other by name
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
draw, history, machine, over_time, pages, reporting, tables = map(
    import_module, "draw history machine over_time pages reporting tables".split()
)
from test_benchmarks import MACHINE, assert_nothing_leaves_the_figure, words  # noqa: E402
from test_benchmarks_deploy import RECORDS  # noqa: E402

HERE = MACHINE | {"date": "2026-11-28T12:00"}


def found(ratio, **more):
    return {"ratio": [ratio, 0.9 * ratio, 1.1 * ratio], "minicnn": "call", "peer": "MNN"} | more


def test_a_line_says_which_commit_machine_and_figure():
    said = history.line("deploy", HERE, "batch 1", found(0.5, more_is_better=False, floor=0.9))
    assert said == {
        "commit": "abc",
        "date": "2026-11-28T12:00",
        "processor": "A processor",
        "instruction_set": "AVX2",
        "threads": 2,
        "benchmark": "deploy",
        "figure": "batch 1",
        "minicnn": "call",
        "peer": "MNN",
        "ratio": [0.5, 0.45, 0.55],
        "more_is_better": False,
        "floor": 0.9,
    }
    assert history.line("layers", HERE, "forward", {"ratio": (2, 2, 2)})["more_is_better"] is True


def test_a_history_has_one_line_for_each_commit_and_figure(tmp_path):
    path = tmp_path / "results" / "history.jsonl"
    assert history.read(path) == []
    for commit, ratio, threads in (("a", 1.0, 2), ("b", 2.0, 2), ("a", 3.0, 2), ("a", 4.0, 1)):
        measured_on = HERE | {"commit": commit, "threads": threads}
        history.keep(path, history.line("zoo", measured_on, "VGG", found(ratio)))
    kept = [(one["commit"], one["ratio"][0], one["threads"]) for one in history.read(path)]
    assert kept == [("b", 2.0, 2), ("a", 3.0, 2), ("a", 4.0, 1)]  # the last replaces the first


def test_results_remember_only_where_a_history_is_asked_for(tmp_path):
    path = tmp_path / "history.jsonl"
    reporting.Results(None, "zoo", HERE).remember("VGG", found(2.0))
    assert not path.exists()
    reporting.Results(None, "zoo", HERE, path).remember("VGG", found(2.0))
    (said,) = history.read(path)
    assert said["benchmark"] == "zoo" and said["ratio"][0] == 2.0


@pytest.mark.parametrize(
    "commit, quick, message",
    [
        ("abc", True, "--history expected a full run, received --quick"),
        ("abc-dirty", False, "--history expected a checkout without changes, received abc-dirty"),
        (None, False, "--history expected a checkout without changes, received None"),
    ],
)
def test_a_history_takes_no_rough_figures_and_none_of_no_commit(commit, quick, message, tmp_path):
    options = argparse.Namespace(history=tmp_path / "history.jsonl", quick=quick)
    with pytest.raises(SystemExit, match=f"^{message}"):
        reporting.refuse_history(options, {"commit": commit})
    reporting.refuse_history(argparse.Namespace(history=None, quick=quick), {"commit": commit})


def test_only_programs_that_keep_a_history_have_the_option(capsys):
    without, keeps = argparse.ArgumentParser(), argparse.ArgumentParser()
    reporting.add_options(without)
    reporting.add_options(keeps, keeps_history=True)
    assert without.parse_args([]).history is keeps.parse_args([]).history is None
    assert keeps.parse_args(["--history"]).history == history.HISTORY
    assert keeps.parse_args(["--history", "here.jsonl"]).history == Path("here.jsonl")
    with pytest.raises(SystemExit):
        without.parse_args(["--history"])
    assert "unrecognized arguments: --history" in capsys.readouterr().err


def test_a_history_takes_a_full_run_of_a_commit(tmp_path):
    options = argparse.Namespace(history=tmp_path / "history.jsonl", quick=False)
    reporting.refuse_history(options, {"commit": "abc"})


@pytest.mark.parametrize(
    "said, changed, expected", [("abc\n", 0, "abc"), ("abc\n", 1, "abc-dirty"), ("", 129, None)]
)
def test_a_commit_is_dirty_where_what_is_measured_has_changed(said, changed, expected, monkeypatch):
    """New results do not count: one program after the other writes some."""
    asked = []

    def git(*words):
        asked.append(words)
        return SimpleNamespace(stdout=said, returncode=changed if words[0] == "diff" else 0)

    monkeypatch.setattr(machine, "git", git)
    assert machine.commit() == expected
    assert asked[1][-2:] == ("minicnn", "benchmarks/*.py")


def lines():
    for number, commit in enumerate("abc"):
        for threads in (1, 2):
            measured_on = HERE | {
                "commit": commit,
                "threads": threads,
                "date": f"2026-11-0{number}",
            }
            for benchmark, figure, floor in (
                ("deploy", "batch 1", 0.9),
                ("deploy", "batch 8", None),
                ("zoo", "VGG", 2.0),
            ):
                record = found(1.5, more_is_better=figure != "batch 1", floor=floor)
                yield history.line(benchmark, measured_on, figure, record)
    yield history.line(
        "zoo", HERE | {"processor": "Another", "date": "2026-11-00"}, "VGG", found(9)
    )


def test_a_history_is_drawn_program_by_program_for_the_machine_of_its_last_line(tmp_path):
    other_first = list(lines())[::-1]
    figures = dict(over_time.over_time(other_first))
    assert list(figures) == ["_zoo", "_deploy"]
    said = words(figures["_deploy"])
    assert "3 commits; A processor, AVX2" in said and "batch 8" in said and "2 threads" in said
    shown = figures["_deploy"].axes
    first = next(axes for axes in shown if axes.get_title(loc="left") == "batch 1")
    medians = [line.get_ydata() for line in first.get_lines() if len(line.get_ydata()) == 3]
    # less is better there: the ratio and its floor are turned around
    assert [list(values) for values in medians] == [pytest.approx([1 / 1.5] * 3)] * 2
    dashed = [line.get_ydata()[0] for line in first.get_lines() if line.get_linestyle() == "--"]
    assert dashed == pytest.approx([1 / 0.9])
    for figure in figures.values():
        assert_nothing_leaves_the_figure(figure)
    path = tmp_path / "history.jsonl"
    for line in other_first:
        history.keep(path, line)
    assert draw.draw(path) == [tmp_path / "history_zoo.png", tmp_path / "history_deploy.png"]
    assert list(over_time.over_time([])) == []


def test_a_table_is_written_between_its_marks():
    page = f"before\n{pages.mark('a.py')}old\n{pages.END}between\n{pages.mark('b.py')}{pages.END}"
    written = pages.with_table(page, "a.py", "new\n")
    assert written == page.replace("old\n", "\nnew\n\n")
    assert pages.with_table(written, "a.py", "new\n") == written


@pytest.mark.parametrize("page", ["nothing", pages.mark("a.py"), pages.END])
def test_a_page_without_the_marks_is_refused(page):
    with pytest.raises(
        ValueError, match=r"^with_table expected a page with .*written by benchmarks/a"
    ):
        pages.with_table(page, "a.py", "rows")


def test_the_tables_of_the_page_are_what_the_results_say():
    page = tables.SPEED.read_text(encoding="utf-8")
    assert tables.filled(page) == page


def write(path, benchmark, measured_on, records):
    head = {"benchmark": benchmark, "machine": measured_on}
    path.write_text("".join(json.dumps(one) + "\n" for one in (head, *records)), encoding="utf-8")


def test_the_newest_results_of_so_many_threads_count(tmp_path):
    for name, date, threads in (
        ("a", "2026-11-03", 2),
        ("b", "2026-11-01", 2),
        ("c", "2026-12", 1),
    ):
        write(tmp_path / f"zoo_{name}.jsonl", "zoo", HERE | {"date": date, "threads": threads}, [])
    assert tables.newest(tmp_path, "zoo", 2).machine["date"] == "2026-11-03"
    assert tables.newest(tmp_path, "zoo", 1).machine["date"] == "2026-12"
    assert tables.newest(tmp_path, "zoo", 4) is None
    assert tables.newest(tmp_path, "deploy", 2) is None


def test_what_is_not_measured_is_said_with_its_command(tmp_path):
    said = " ".join(tables.table("deploy", tmp_path).split())
    for threads, file in ((1, "deploy_1_thread.jsonl"), (2, "deploy_2_threads.jsonl")):
        command = f"deploy.py --threads {threads} --json benchmarks/results/{file}"
        assert f"not measured yet. `python benchmarks/{command}` does it." in said


def test_the_table_of_the_engines_names_those_that_were_missing(tmp_path):
    write(tmp_path / "deploy_x.jsonl", "deploy", HERE, [{"missing": ["ncnn"]}, *RECORDS])
    shown = tables.table("deploy", tmp_path).splitlines()
    assert "On two threads of A processor (znver3, AVX2), 2026-11-28, commit abc:" in shown
    assert shown[-4:] == [
        "| | batch | minicnn | ONNX Runtime | OpenVINO | LiteRT | ncnn | MNN | beside the best |",
        "|---|---|---|---|---|---|---|---|---|",
        "| documented | 1 | 1,000.000 ms | - | - | 1.25 | missing | 2.50 "
        "| 1.25 (1.14 to 1.39) LiteRT |",
        "| documented | 8 | 1,000 images/s | - | - | 1.50 | missing | 3.00 "
        "| 1.50 (1.35 to 1.65) LiteRT |",
    ]


def of(task, peer, ratio, **more):
    values = {"minicnn_values": [300.0], "peer_values": [100.0]}
    about = {"task": task, "network": "VGG", "batch": 64, "unit": "images/s", "minicnn": "minicnn"}
    return about | values | {"more_is_better": True, "peer": peer, "floor": None} | found(
        ratio, minicnn="minicnn", peer=peer
    ) | more  # fmt: skip


def test_the_table_of_the_zoo_shows_keras_in_its_best_mode(tmp_path):
    records = [
        of("train", "torch channels_last", 2.5),
        of("train", "torch channels_last compile", 2.25),
        of("train", "keras oneDNN", 3.0),
        of("train", "keras jit without oneDNN", 2.75),
        of("infer", "torch channels_last compile", 1.5),
    ]
    write(tmp_path / "zoo_x.jsonl", "zoo", HERE, records)
    assert tables.table("zoo", tmp_path).splitlines()[-2:] == [
        "| VGG, training | 64 | 300 | 2.50 (2.25 to 2.75) | 2.25 (2.02 to 2.48) "
        "| 2.75 (2.48 to 3.03) |",
        "| VGG, inference | 64 | 300 | - | 1.50 (1.35 to 1.65) | - |",
    ]


@pytest.mark.parametrize(
    "peer, said",
    [
        ("keras", "Keras"),
        ("keras jit without oneDNN", "Keras jit_compile without oneDNN"),
        ("keras function oneDNN", "Keras tf.function oneDNN"),
        ("torch channels_last compile", "PyTorch channels_last compiled"),
    ],
)
def test_modes_are_called_as_people_call_them(peer, said):
    assert tables.mode({"peer": peer}) == said


def test_the_table_of_the_comparison_turns_what_should_be_small_around(tmp_path):
    record = of("start", "keras", 0.25, minicnn="minicnn cold", unit="s", more_is_better=False)
    other = of("train", "keras", 2.0)
    write(tmp_path / "compare_x.jsonl", "compare", HERE, [record])
    write(tmp_path / "compare_y.jsonl", "compare", HERE | {"threads": 1}, [other, record])
    cells = "100.000 s | 300.000 s | 4.00 (3.64 to 4.44)"
    assert tables.table("compare", tmp_path).splitlines()[-4:] == [
        "| | one thread: peer | minicnn | times better | two threads: peer | minicnn "
        "| times better |",
        "|---|---|---|---|---|---|---|",
        "| training, Keras | 100 images/s | 300 images/s | 2.00 (1.80 to 2.20) | - | - | - |",
        f"| import and first training step, the very first, Keras | {cells} | {cells} |",
    ]
