"""minicnn tune: trials are repeated and resumed bit for bit, processes share a study and are
accounted for when they are killed, and failures say what failed.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from commands import started
from programs import PATIENCE

from minicnn import Input, Sequential, callbacks, layers, runs
from minicnn.cli import main

optuna = pytest.importorskip("optuna", reason="optuna is not installed: pip install minicnn[tune]")

from optuna.trial import TrialState  # noqa: E402

from minicnn.cli.networks import BUILDERS  # noqa: E402
from minicnn.errors import DataError  # noqa: E402
from minicnn.tune import page, search, storage  # noqa: E402
from minicnn.tune.space import read  # noqa: E402
from minicnn.tune.study import TRIES, Study, stored  # noqa: E402
from minicnn.tune.summary import summary  # noqa: E402

pytest_plugins = ["run_fixtures"]
pytestmark = pytest.mark.usefixtures("here", "no_drawings")

OWN = """
from minicnn import Input, Sequential, layers

def build(input_shape, classes, units=4, scale=1 / 255):
    if units > 90:
        raise ValueError("too many units")
    stack = [layers.Rescaling(scale), layers.Flatten(), layers.Dense(units, activation="relu")]
    dense = layers.Dense(classes, activation="softmax")
    return Sequential([Input(input_shape), *stack, layers.Dropout(0.2), dense])
"""
SPACE = """
[study]
sampler = "{sampler}"
pruner = "{pruner}"

[data]
data = "shapes"
limit = 120

[model]
network = "mine.py:build"
units = {units}

[training]
epochs = {epochs}
batch_size = 32
learning_rate = {{low = 1e-3, high = 1e-1, log = true}}
{more}
"""


@pytest.fixture
def no_drawings(request, monkeypatch):
    """Pages have no plots, which take some seconds, but where a test asks for them."""
    if "drawings" not in request.fixturenames:
        monkeypatch.setattr(page, "drawn", lambda *_: [])


@pytest.fixture
def drawings():
    """Asks for them."""


def spaced(
    sampler="qmc", pruner="none", units="{choices = [2, 4]}", epochs=2, more="", name="space.toml"
):
    """A space.toml here, and beside it a network of one's own, which is small."""
    Path("mine.py").write_text(OWN)
    text = SPACE.format(sampler=sampler, pruner=pruner, units=units, epochs=epochs, more=more)
    Path(name).write_text(text)
    return name


def study(space="space.toml", where="study"):
    return Study(where, read(space, BUILDERS), Path(where))


def tuned(*arguments, code=0):
    assert main(["tune", *map(str, arguments)]) == code


def results(where="study"):
    """(hyperparameters, value, bits) of every trial of a study in a folder."""
    found = optuna.load_study(study_name=None, storage=storage.opened(where))
    return [(trial.params, trial.value, trial.user_attrs["bits"]) for trial in found.trials]


# One process


@pytest.mark.usefixtures("drawings")
def test_a_search_leaves_trials_a_page_and_a_summary(capsys):
    tuned(spaced(), "--storage", "study", "--trials", 3)
    out, err = capsys.readouterr()
    assert "3 trials: 3 complete" in out and "best: trial" in out
    assert len(re.findall(r"minicnn tune: trial \d: val_accuracy .* 2 epochs", err)) == 3
    page = Path("study/report.html").read_text()
    assert "What each hyperparameter is worth" in page and "<script" not in page
    for number in range(3):
        run = runs.Run(f"study/trials/000{number}")
        assert run.config["options"]["seed"] == number and run.has_model
        assert not run.checkpoint.exists() and len(run.history["epoch"]) == 2
    assert main(["evaluate", "--model", "study/trials/0000", "--json"]) == 0
    tuned("--storage", "study", "--report", "--json")
    told = json.loads(capsys.readouterr().out.partition("\n}\n")[2] or "{}")
    assert told["counts"]["complete"] == 3 and told["trials"][0]["params"]["units"] in (2, 4)


@pytest.mark.parametrize("sampler", ["tpe", "qmc", "random", "grid"])
def test_one_process_finds_the_same_again(sampler):
    """Also when it was ended in between; with tpe after trials that it has learnt from."""
    rate = "{choices = [0.01, 0.1]}"
    text = Path(spaced(sampler)).read_text()
    Path("space.toml").write_text(re.sub(r"learning_rate = .*", f"learning_rate = {rate}", text))
    trials = 12 if sampler == "tpe" else 4  # tpe draws the first ten at random
    tuned("space.toml", "--storage", "first", "--trials", trials)
    tuned("space.toml", "--storage", "second", "--trials", 2)
    tuned("--storage", "second", "--trials", trials)
    found = results("first")
    assert found == results("second") and len(found) == trials


def test_seeds_and_samplers_change_the_search():
    spaced()
    for where, more in (("a", []), ("b", ["--seed", "9"]), ("c", ["--sampler", "random"])):
        tuned("space.toml", "--storage", where, "--trials", 1, *more)
    a, b, c = (results(where)[0] for where in "abc")
    assert a[0] != b[0] and a[0] != c[0] and len({a[2], b[2], c[2]}) == 3


def test_a_trial_is_repeated_bit_for_bit(capsys):
    tuned(spaced(epochs=3), "--storage", "study", "--trials", 2)
    before = results()[1][2]
    tuned("--storage", "study", "--repeat", 1)
    assert f"trial 1 again: the same bits, sha256 {before}" in capsys.readouterr().out
    weights = [Path(f"study/trials/0001{end}/model.safetensors") for end in ("", "-repeated")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_everything_at_once_is_repeated_too():
    """With augmentation, mixing, soft labels, a schedule, decay and patience."""
    more = """
schedule = "one_cycle"
optimizer = "adamw"
weight_decay = {low = 1e-4, high = 1e-2, log = true}
label_smoothing = {low = 0, high = 0.1}
patience = 1

[augmentation]
flip = {choices = [true, false]}
shift = {low = 0, high = 0.2}
rotation = 0.1
zoom = 0.1
brightness = 0.1
contrast = 0.1
erasing = 0.5
mixup = {low = 0, high = 0.4, step = 0.2}
"""
    tuned(spaced(epochs=4, more=more), "--storage", "study", "--trials", 2)
    for number in (0, 1):
        tuned("--storage", "study", "--repeat", number)


def test_other_bits_are_told(capsys):
    tuned(spaced(), "--storage", "study", "--trials", 1)
    journal = Path("study/journal.log")
    journal.write_text(journal.read_text().replace(results()[0][2], "0" * 64))
    tuned("--storage", "study", "--repeat", 0, code=1)
    out = capsys.readouterr().out
    assert "trial 0 again: OTHER BITS" in out and "versions and processor are the same" in out


def test_pruned_trials_end_early_and_are_repeated_as_they_were():
    spaced("random", "median", epochs=4)
    tuned("space.toml", "--storage", "study", "--trials", 14)
    found = summary(study())
    pruned = [line for line in found.trials if line.state == "pruned"]
    assert pruned and all(line.epochs < 4 and line.value is not None for line in pruned)
    assert found.counts["pruned"] + found.counts["complete"] == 14
    tuned("--storage", "study", "--repeat", pruned[0].number)


@pytest.mark.filterwarnings("ignore:.*loss")
def test_a_loss_that_diverges_ends_a_trial_and_not_the_search():
    spaced("grid", units="4\nscale = {choices = [0.004, 1e38]}")
    text = Path("space.toml").read_text()
    Path("space.toml").write_text(re.sub("learning_rate = .*", "learning_rate = 1e-2", text))
    tuned("space.toml", "--storage", "study", "--trials", 2)
    found = summary(study())
    assert [line.state for line in found.trials] == ["complete", "diverged"]
    tuned("--storage", "study", "--repeat", 1)


# What fails


def test_a_trial_that_raises_fails_and_the_next_one_begins():
    tuned(spaced(units="{choices = [99, 2]}"), "--storage", "study", "--trials", 6, code=1)
    found = summary(study())
    failed = [line for line in found.trials if line.state == "failed"]
    assert len(failed) + found.counts["complete"] == 6 and 0 < len(failed) < 6
    assert failed[0].why == "ValueError: too many units"
    error = Path(f"study/trials/{failed[0].number:04d}/error.txt").read_text()
    assert "Traceback" in error and "too many units" in error
    assert "too many units" in Path("study/report.html").read_text()


def test_a_search_whose_trials_all_fail_ends(capsys):
    tuned(spaced(units=99), "--storage", "study", "--trials", 50, code=2)
    said = capsys.readouterr().err
    assert "expected trials that can be trained, received 3 failures and nothing else" in said
    assert "too many units" in said and "error.txt" in said


def refused(capsys, *arguments, code=2):
    tuned(*arguments, code=code)
    return capsys.readouterr().err


def test_other_spaces_files_and_pictures_are_refused(capsys):
    tuned(spaced(), "--storage", "study", "--trials", 1)
    spaced(epochs=3)
    said = refused(capsys, "space.toml", "--storage", "study")
    assert "expected the space that the study 'space' in study was begun with" in said
    assert "[training] epochs 2 there, 3 here" in said
    spaced()
    assert "[study] seed 0 there, 4 here" in refused(capsys, "--storage", "study", "--seed", 4)
    Path("mine.py").write_text(OWN + "\n# changed\n")
    assert "expected the same Python file" in refused(capsys, "space.toml", "--storage", "study")
    spaced()
    found = study()
    found.optuna.set_user_attr("data", "0123")
    said = refused(capsys, "space.toml", "--storage", "study")
    assert "expected the same pictures in every process" in said and "0123" in said


def test_what_a_command_line_lacks(capsys):
    spaced()
    assert "--trials" in refused(capsys, "space.toml", "--storage", "study")
    said = refused(capsys, "--storage", "nowhere", "--trials", 3, code=3)
    assert "nowhere holds no study yet: name a file such as space.toml" in said
    assert not Path("nowhere").exists()
    assert "gone.toml" in refused(capsys, "gone.toml", "--storage", "study", code=3)
    said = refused(capsys, "space.toml", "--storage", "study", "--output", "elsewhere")
    assert "--output goes with a database" in said
    Path("file").write_text("")
    said = refused(capsys, "space.toml", "--storage", "file", "--trials", 1)
    assert "received the file file: a file of SQLite is sqlite:///file" in said
    tuned("space.toml", "--storage", "study", "--trials", 1)
    said = refused(capsys, "--storage", "study", "--repeat", 5)
    assert "--repeat expected a trial that has ended, received 5; there are 0" in said
    said = refused(capsys, "--storage", "study", "--give-up", 0)
    assert "--give-up expected a running trial, received 0, complete" in said
    with pytest.raises(SystemExit):
        main(["tune", "space.toml"])


def test_a_grid_has_as_many_trials_as_points(capsys):
    spaced("grid")
    said = refused(capsys, "space.toml", "--storage", "study", "--trials", 9)
    assert "sampler grid expected choices, or a range with a step, for learning_rate" in said


def test_a_damaged_journal_is_named(capsys):
    tuned(spaced(), "--storage", "study", "--trials", 1)
    with open("study/journal.log", "a") as journal:
        journal.write('{"torn": \n{"op_code": 99}\n')
    assert "journal.log is damaged" in refused(capsys, "--storage", "study", "--report", code=3)
    with pytest.raises(DataError):
        storage.opened("study")


def test_without_optuna_it_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr("minicnn.saving.packages.find_spec", lambda _: None)
    said = refused(capsys, spaced(), "--storage", "study", code=4)
    assert 'pip install "minicnn[tune]"' in said


# A database


def test_a_database_keeps_a_study_as_well():
    url = "sqlite:///study.db"
    tuned(spaced(), "--storage", url, "--trials", 2)
    assert Path("runs/tune-space/trials/0001/model.safetensors").exists()
    tuned("--storage", url, "--repeat", 1)
    tuned("space.toml", "--storage", "folder", "--trials", 2)
    assert results("sqlite:///study.db") == results("folder")
    spaced(name="second.toml")
    tuned("second.toml", "--storage", url, "--trials", 1)
    with pytest.raises(ValueError, match="holds 2 studies: name the file"):
        stored(url, BUILDERS)


def test_a_database_that_cannot_be_used(capsys):
    said = refused(capsys, spaced(), "--storage", "sqlite:////no/such/folder/a.db", "--trials", 1)
    assert "received one that cannot" in said


def test_passwords_are_not_shown():
    assert storage.shown("postgresql://me:secret@host/name") == "postgresql://me:***@host/name"


# Several processes


def test_a_trial_is_taken_by_one_process():
    spaced()
    first, second = study(), study()
    assert first.add(2) == 2 and len(second.trials) == 2
    with first.take(2) as one, second.take(2) as two, first.take(2) as three:
        assert (one.number, two.number, three) == (0, 1, None)
        assert summary(second).counts["running"] == 2
    assert summary(second).counts["lost"] == 2


def test_more_trials_than_a_process_wants_are_left_waiting():
    spaced()
    found = study()
    found.add(3)
    found.optuna.enqueue_trial({})  # as two processes do that begin a study at the same moment
    with found.take(1) as one, found.take(1) as two:
        assert one.number == 0 and two is None


def test_a_lost_trial_comes_first_and_has_what_it_had():
    spaced("random")
    found = study()
    found.add(3)
    with found.take(3) as taken:
        values = taken.values
    other = study()
    with other.take(3) as again:
        assert (again.number, again.takes, again.values) == (0, 1, values)
        other.tell(again.trial, 0.5, {"bits": "x", "epochs": 1})
    with found.take(3) as late:
        assert late.number == 1
    found.tell(taken.trial, 0.9, {})  # too late: it stays as it was told first
    assert found.trials[0].value == 0.5


def test_a_trial_whose_process_is_killed_again_and_again_fails():
    spaced()
    found = study()
    found.add(1)
    for _ in range(TRIES):
        with found.take(1) as taken:
            assert taken.number == 0
    with found.take(1) as taken:
        assert taken is None
    assert found.trials[0].user_attrs["why"] == "its process was killed 3 times in epoch 1"
    assert summary(found).counts["failed"] == 1


def test_interruptions_do_not_count_as_failures():
    spaced()
    found = study()
    found.add(1)
    for _ in range(2 * TRIES):
        with found.take(1) as taken:
            found.leave(taken)
    assert found.trials[0].state == TrialState.RUNNING


def test_a_trial_on_a_disk_that_is_not_seen_is_left_alone_and_can_be_given_up():
    spaced()
    found = study()
    found.add(1)
    with found.take(1) as taken:
        with pytest.raises(ValueError, match="expected a trial that no process trains, received 0"):
            found.give_up(0)
    Path(taken.folder).rename("elsewhere")
    with found.take(1) as nothing:
        assert nothing is None
    assert summary(found).counts["running"] == 1
    found.give_up(0)
    assert summary(found).trials[0].why == "given up"
    with pytest.raises(ValueError, match="received 7, none of that number"):
        found.give_up(7)


def test_a_killed_process_loses_nothing():
    """Two processes share a study; one is killed while it trains."""
    spaced(epochs=25)
    command = ["tune", "space.toml", "--storage", "study", "--trials", 4, "--threads", 1]
    killed, other = started(*command), started(*command)
    until = time.monotonic() + PATIENCE

    def its_trial():
        if not Path("study/journal.log").exists():
            return None
        for trial in optuna.load_study(study_name=None, storage=storage.opened("study")).trials:
            is_its = trial.user_attrs.get("process") == killed.pid
            if is_its and trial.state == TrialState.RUNNING and trial.intermediate_values:
                return trial.number
        return None

    number = None
    while number is None and time.monotonic() < until and killed.poll() is None:
        time.sleep(0.1)
        number = its_trial()
    killed.kill()
    killed.communicate()
    _, said = other.communicate(timeout=PATIENCE)
    assert other.returncode == 0, said
    tuned("space.toml", "--storage", "study")  # what was left when the other had ended
    found = summary(study())
    assert found.counts["complete"] == 4 == len(found.trials)
    if number is not None:  # else it was faster than one could look
        assert found.trials[number].takes >= 2
        tuned("--storage", "study", "--repeat", number)


def test_ctrl_c_leaves_a_trial_to_the_next_process():
    spaced(epochs=60)
    process = started("tune", "space.toml", "--storage", "study", "--trials", 1)
    until = time.monotonic() + PATIENCE
    while not list(Path().glob("study/trials/*/history.csv")) and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, (out, said)
    assert "trial 0: interrupted; the next process goes on with it" in said and "1 lost" in out
    tuned("--storage", "study")
    tuned("--storage", "study", "--repeat", 0)


# callbacks.Report


class Trial:
    """What Report asks of a trial."""

    def __init__(self, prunes=None):
        self.told, self.prunes = [], prunes

    def report(self, value, step):
        self.told.append((step, value))

    def should_prune(self):
        return len(self.told) == self.prunes


def fitted(*called, epochs=3, **more):
    x = np.random.default_rng(0).random((24, 4))
    stack = [Input((4,)), layers.Dense(2, activation="softmax")]
    model = Sequential(stack, seed=0)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    y = np.arange(24) % 2
    data = {"validation_data": (x, y)} | more
    return model.fit(x, y, epochs=epochs, verbose=0, callbacks=called, seed=0, **data)


def test_report_tells_every_epoch():
    trial = Trial()
    history = fitted(callbacks.Report(trial, "val_loss")).history
    assert trial.told == list(enumerate(history["val_loss"]))


def test_report_prunes_when_the_epoch_is_over(tmp_path):
    trial, seen = Trial(prunes=2), callbacks.CSVLogger(str(tmp_path / "log.csv"))
    with pytest.raises(optuna.TrialPruned, match="pruned after epoch 2"):
        fitted(callbacks.Report(trial), seen, epochs=5)
    assert len(trial.told) == 2


def test_report_stays_pruned_when_it_is_resumed(tmp_path):
    for _ in range(2):  # the second training finds that the first one had ended
        with pytest.raises(optuna.TrialPruned, match="pruned after epoch 2"):
            fitted(callbacks.Report(Trial(prunes=2)), epochs=5, resume=tmp_path)


def test_report_in_a_study_of_optuna():
    def objective(trial):
        return max(fitted(callbacks.Report(trial)).history["val_accuracy"])

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    found = optuna.create_study(direction="maximize")
    found.optimize(objective, n_trials=2)
    assert [len(trial.intermediate_values) for trial in found.trials] == [3, 3]


def test_report_of_a_metric_that_is_not_there():
    with pytest.raises(ValueError, match="received 'val_accuracy'; there are loss, accuracy: give"):
        fitted(callbacks.Report(Trial()), validation_data=None)


def test_help_names_what_is_not_reproducible():
    done = subprocess.run(
        [sys.executable, "-m", "minicnn", "tune", "--help"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200"},
        capture_output=True, text=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    assert "depends on who finishes first" in done.stdout


def test_samplers_and_pruners_of_the_command_are_those_of_the_file():
    from minicnn.cli import tune_commands
    from minicnn.tune import keys

    assert tune_commands.SAMPLERS == keys.SAMPLERS and tune_commands.PRUNERS == keys.PRUNERS


def test_the_best_is_the_first_of_equals():
    spaced()
    found = study()
    found.add(3)
    for value in (0.5, 0.7, 0.7):
        with found.take(3) as taken:
            found.tell(taken.trial, value, {"bits": "x", "epochs": 1})
    assert search.best_of(found).number == 1 and summary(found).best.number == 1


def test_the_long_check_was_run_and_passed():
    """tests/check_tune.py: four processes, two of them killed."""
    results = Path(__file__).parents[1] / "docs" / "results" / "tune.json"
    found = json.loads(results.read_text())
    assert found["passed"] and found["same_as_one_process_alone"] and found["trials"] >= 40
    assert found["exit_codes"].count(-9) == 2 == len(found["running_when_killed"])
    assert set(found["running_when_killed"]) <= set(found["taken_up_again"])
