"""`minicnn` as mpirun starts it."""

import json

import mpi
import pytest
from mpi import needs_mpi

from minicnn import ranks
from minicnn.cli import doctor_mpi, main
from minicnn.saving import model_file

TRAIN = ["train", "--data", "shapes", "--limit", "200", "--batch-size", "32", "--network", "small"]


def weights_in(file):
    return {name: array.tobytes() for name, array in model_file.read(file)[1].items()}


@needs_mpi
def test_train_on_two_ranks_is_the_run_of_one_process(tmp_path):
    more = ["--epochs", "1", "--shards", "2", "--seed", "1", "--json", "--output"]
    ended = mpi.run(2, "-m", "minicnn", *TRAIN, *more, tmp_path / "two")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["run"] == str(tmp_path / "two")  # printed once
    assert ended.err.count("Epoch 1/1") == 1
    assert main([*TRAIN, *more, str(tmp_path / "one")]) == 0
    one, two = (weights_in(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert one == two
    assert {path.name for path in (tmp_path / "two").iterdir()} == {
        path.name for path in (tmp_path / "one").iterdir()
    }


@needs_mpi
def test_wrong_usage_is_told_once():
    ended = mpi.run(2, "-m", "minicnn", "train", "--data", "nowhere", "--shards", "2")
    print(ended.err)
    assert ended.code == 3
    assert ended.err.count("expected cifar10 or shapes, a folder") == 1


@needs_mpi
def test_seeds_are_for_one_rank():
    ended = mpi.run(2, "-m", "minicnn", "train", "--data", "shapes", "--seeds", "2")
    print(ended.err)
    assert ended.code == 2
    assert "--seeds trains networks one after the other, received it on 2 ranks" in ended.err


@needs_mpi
def test_doctor_shows_every_rank():
    ended = mpi.run(2, "-m", "minicnn", "doctor", "--mpi", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert [rank["rank"] for rank in found["ranks"]] == [0, 1]
    assert found["problems"] == [] and found["exchange"]["seconds"] > 0
    assert "MPI" in found["mpi"]["library"]


def test_doctor_without_mpi_says_how_to_start_some(capsys):
    code = main(["doctor", "--mpi"])
    out = capsys.readouterr().out
    assert "one rank; several: mpirun -n 2 minicnn doctor --mpi" in out
    assert code == (0 if doctor_mpi.mpi4py() else 1)


def test_doctor_names_what_is_wrong():
    every = [
        {"host": "a", "has": {"numpy": "2.4.6", "instruction set": "AVX-512"}},
        {"host": "b", "has": {"numpy": "2.3.0", "instruction set": "AVX-512"}},
    ]
    facts = [{"threads": 1, "processors": 1}, {"threads": 4, "processors": 1}]
    found = doctor_mpi.problems(ranks.current(), every, facts)
    assert found[:2] == [
        "rank 1 on b computes with numpy 2.3.0, rank 0 on a with 2.4.6: their bits would differ",
        "rank 1 on b computes on 4 threads and may use 1 processors: mpirun --bind-to none, or "
        "--map-by ppr:1:node:pe=N, and NUMBA_NUM_THREADS",
    ]


def test_batch_normalisation_over_the_whole_batch(tmp_path, capsys):
    run = str(tmp_path / "run")
    words = [*TRAIN, "--epochs", "1", "--shards", "2"]
    assert main([*words, "--batch-norm", "sync", "--output", run]) == 0
    kept = json.loads((tmp_path / "run" / "config.json").read_text())
    assert kept["options"]["batch_norm"] == "sync"
    assert "--shards 2 --batch-norm sync" in kept["command"]
    capsys.readouterr()
    assert main(["train", "--resume", run, "--batch-norm", "shard"]) == 2
    told = capsys.readouterr().err
    assert "--resume expected the options that the run was begun with, --batch-norm sync" in told
    assert main(["train", "--resume", run, "--epochs", "2"]) == 0
    assert main([*words, "--output", str(tmp_path / "within")]) == 0
    one, other = (weights_in(tmp_path / name / "model.safetensors") for name in ("run", "within"))
    assert one != other


def test_another_way_to_normalise(capsys):
    with pytest.raises(SystemExit):
        main([*TRAIN, "--batch-norm", "whole"])
    assert "argument --batch-norm: invalid choice: 'whole'" in capsys.readouterr().err
