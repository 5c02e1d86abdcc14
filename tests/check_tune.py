"""A search that four processes share, two of which are killed on the way: every trial is accounted
for, and the best is repeated bit for bit.

    python tests/check_tune.py [--trials 40]

prints one JSON line (the last one is docs/results/tune.json) and exits with 1 when a trial is
missing, failed, lost or still running, when the trials that were taken up again or the best one
have other bits when they are repeated, or when another process alone, which nobody disturbs, finds
other trials than the four did (the sampler is qmc).
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROCESSES, KILLED, TRIALS = 4, 2, 40
PATIENCE = 1200  # seconds for all of it
RESULTS = Path(__file__).parent.parent / "docs" / "results"
SPACE = """
[study]
sampler = "qmc"
pruner = "{pruner}"

[data]
data = "shapes"
limit = 300

[model]
network = "documented"
filters = {{choices = [4, 8]}}
dropout = {{low = 0.1, high = 0.6}}

[training]
epochs = 6
schedule = "one_cycle"
optimizer = "adamw"
learning_rate = {{low = 1e-3, high = 1e-1, log = true}}
weight_decay = {{low = 1e-4, high = 1e-1, log = true}}
batch_size = {{choices = [16, 32]}}

[augmentation]
flip = true
shift = {{low = 0, high = 0.2}}
"""


def command(*words):
    """minicnn tune with these words, with one thread."""
    return [sys.executable, "-m", "minicnn", "tune", *map(str, words), "--threads", "1"]


def started(folder, *words):
    """A process of the search."""
    return subprocess.Popen(
        command(*words), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def asked(folder, *words):
    """What minicnn tune --json answers, and its exit code."""
    done = subprocess.run(
        command(*words, "--json"), cwd=folder, capture_output=True, text=True, timeout=PATIENCE
    )
    return json.loads(done.stdout or "null"), done.returncode


def kill_two(folder, processes, trials):
    """Kill two processes with SIGKILL, each in the middle of a trial; the numbers of these."""
    from minicnn.tune import storage

    lost, rng, until = [], random.Random(0), time.monotonic() + PATIENCE
    victims = processes[:KILLED]
    while victims and time.monotonic() < until:
        time.sleep(0.1)
        if not (folder / "study" / "journal.log").exists():
            continue
        import optuna

        kept = storage.opened(str(folder / "study"))
        if not optuna.get_all_study_names(kept):
            continue
        found = optuna.load_study(study_name=None, storage=kept).trials
        begun = sum(trial.state.name != "WAITING" for trial in found)
        for trial in found:
            process = next((p for p in victims if p.pid == trial.user_attrs.get("process")), None)
            early = begun < (len(lost) + 1) * trials // 6  # not both at once
            if (
                process
                and trial.state.name == "RUNNING"
                and trial.intermediate_values
                and not early
            ):
                time.sleep(rng.uniform(0, 0.3))
                process.send_signal(signal.SIGKILL)
                process.wait()
                victims.remove(process)
                lost.append(trial.number)
                break
    return lost


def outcome(summary):
    """What must not depend on who trained the trials."""
    return [
        (line["number"], line["params"], line["state"], line["value"], line["bits"])
        for line in summary["trials"]
    ]


def check(folder, trials, pruner="none"):
    """All of it, in a folder."""
    (folder / "space.toml").write_text(SPACE.format(pruner=pruner))
    began = time.monotonic()
    words = ("space.toml", "--storage", "study", "--trials", trials)
    processes = [started(folder, *words) for _ in range(PROCESSES)]
    at_kill = kill_two(folder, processes, trials)
    said = [process.communicate(timeout=PATIENCE)[1] for process in processes]
    codes = [process.returncode for process in processes]
    left, _ = asked(folder, "--storage", "study", "--report")
    # a process that was killed after the others had ended leaves its trial to the next one
    summary, code = asked(folder, *words)
    seconds = time.monotonic() - began
    again = [line["number"] for line in summary["trials"] if line["takes"] > 1]
    repeated = {
        number: asked(folder, "--storage", "study", "--repeat", number)
        for number in sorted({summary["best"], *again})
    }
    found = {
        "trials": len(summary["trials"]),
        "counts": summary["counts"],
        "counts_when_the_four_had_ended": left["counts"],
        "exit_codes": codes,
        "running_when_killed": at_kill,
        "taken_up_again": again,
        "best": summary["best"],
        "repeated": {number: answer and answer["same"] for number, (answer, _) in repeated.items()},
        "seconds": round(seconds, 1),
    }
    counts = summary["counts"]
    ended = counts["complete"] + counts["pruned"] + counts["diverged"]
    found["passed"] = (
        code == 0
        and codes.count(-signal.SIGKILL) == KILLED == len(at_kill)
        and codes.count(0) == PROCESSES - KILLED
        and len(summary["trials"]) == trials == ended
        and bool(again)
        and all(found["repeated"].values())
    )
    if pruner == "none":  # else which trials are ended early depends on who was first
        alone, _ = asked(folder, "space.toml", "--storage", "alone", "--trials", trials)
        found["same_as_one_process_alone"] = outcome(alone) == outcome(summary)
        found["passed"] = found["passed"] and found["same_as_one_process_alone"]
    if not found["passed"]:
        print(*said, sep="\n", file=sys.stderr)
    return found


def main():
    """Check, print, exit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--pruner", default="none")
    options = parser.parse_args()
    root = str(Path(__file__).resolve().parent.parent)
    os.environ["PYTHONPATH"] = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    sys.path.insert(0, root)
    with tempfile.TemporaryDirectory() as folder:
        found = check(Path(folder), options.trials, options.pruner)
    print(json.dumps({"processes": PROCESSES, "killed": KILLED} | found))
    return 0 if found["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
