"""Saving that is killed or fails: the file is the old one or the new one, and nothing is left after
the next save.

    python tests/check_saving.py [kills]

prints one JSON line (the last one is docs/results/saving.json) and exits with 1 when a file was
lost, mixed, or litter
stayed. Three parts: `kill -9` at random moments of a process that saves without a pause; each
system call of a save failing in turn, or being the last thing that the process does; a process that
loads while another saves. Linux and other systems with os.fork.
"""

import collections
import contextlib
import json
import os
import platform
import random
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from minicnn import Input, Sequential, layers
from minicnn.errors import ModelFileError
from minicnn.models import load_model

KILLS, LOADS = 1000, 500
CALLS = (
    "open",
    "fsync",
    "fchmod",
    "fchown",
    "replace",
    "close",
    "stat",
    "fstat",
    "unlink",
    "scandir",
    "makedirs",
)
ROOM = (0, 1, 1000, 100_000, 500_000)  # bytes after which writing fails
MOST = 12  # times that one of them is called in a save


def network():
    """A compiled model of 600 kB in which everything can be one number."""
    model = Sequential(
        [Input((8, 8, 3)), layers.Conv2D(16, 3), layers.Flatten(), layers.Dense(80)], seed=0
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    for name, value, _ in model.parameters():
        model.optimizer.slots[name] = {
            slot: np.zeros_like(value) for slot in model.optimizer.slot_names
        }
    return model


def put(model, number):
    """Make every weight, every memory and the number of steps that number."""
    slots = [array for memory in model.optimizer.slots.values() for array in memory.values()]
    for array in [
        *model.get_layer(index=0).weights_by_name.values(),
        *model.layers[2].weights_by_name.values(),
        *slots,
    ]:
        array[...] = number
    model.optimizer.iterations = number


def numbers(path):
    """The numbers that a file's model consists of: one, unless it is a mixture."""
    model = load_model(path)
    slots = [array for memory in model.optimizer.slots.values() for array in memory.values()]
    found = {
        float(number) for array in [*model.get_weights(), *slots] for number in np.unique(array)
    }
    return found | {float(model.optimizer.iterations)}


def forked(function):
    """Run a function in a child; its process id."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            function()
        os._exit(0)
    return child


def litter(path):
    """Names beside the file."""
    return sorted(one.name for one in path.parent.iterdir() if one != path)


def kills(count, path):
    """Kill processes that save: (how many, files lost or mixed, most names beside the file, those
    after a save).
    """
    model, lost, most = network(), [], 0
    put(model, 1)
    model.save(path)
    chance = random.Random(0)
    for number in range(count):

        def saves(number=number):
            while True:
                put(model, number + 2)
                model.save(path)

        child = forked(saves)
        time.sleep(chance.random() * 0.02)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        try:
            if len(found := numbers(path)) != 1:
                lost.append(f"kill {number}: {sorted(found)[:5]}")
        except (ModelFileError, FileNotFoundError) as error:
            lost.append(f"kill {number}: {error}"[:200])
        most = max(most, len(litter(path)))
    model.save(path)
    return {"kills": count, "lost": lost, "most_beside": most, "left": litter(path)}


def faults(path):
    """Let each call of a save fail, or be the last: what the file was afterwards, and what was said
    of it.
    """
    model, outcomes, wrong = network(), collections.Counter(), []
    for call in (name for name in CALLS if hasattr(os, name)):
        for number in range(1, MOST + 1):
            for dies in (False, True):
                put(model, 1)
                model.save(path)
                put(model, 2)
                original, calls = getattr(os, call), []

                def failing(
                    *arguments, number=number, dies=dies, original=original, calls=calls, **options
                ):
                    calls.append(arguments)
                    if len(calls) == number:
                        if dies:
                            os.kill(os.getpid(), signal.SIGKILL)
                        raise OSError(5, "input/output error")
                    return original(*arguments, **options)

                def attempt(failing=failing, call=call):
                    setattr(os, call, failing)
                    try:
                        model.save(path)
                        os._exit(1)
                    except OSError:
                        os._exit(2)

                child = forked(attempt)
                _, status = os.waitpid(child, 0)
                found = numbers(path)
                said = (
                    "died"
                    if os.WIFSIGNALED(status)
                    else {1: "saved", 2: "raised"}[os.WEXITSTATUS(status)]
                )
                outcomes[
                    said, "new" if found == {2.0} else "old" if found == {1.0} else "mixed"
                ] += 1
                model.save(path)
                bad = (
                    said == "saved"
                    and found != {2.0}
                    or said == "raised"
                    and found != {1.0}
                    or len(found) != 1
                )
                if bad or litter(path):
                    wrong.append(f"{call} number {number}: {said}, {sorted(found)}, {litter(path)}")
    put(model, 1)
    model.save(path)
    for room in ROOM:

        def attempt_in(room=room):
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
            put(model, 2)
            model.save(path)

        os.waitpid(forked(attempt_in), 0)
        outcomes["no room", "old" if numbers(path) == {1.0} else "other"] += 1
        if numbers(path) != {1.0} or litter(path):
            wrong.append(f"room for {room} bytes: {numbers(path)}, {litter(path)}")
    told = {f"{said}, {state}": count for (said, state), count in sorted(outcomes.items())}
    return {"faults": sum(outcomes.values()), "outcomes": told, "wrong": wrong}


def loads(count, path):
    """Load while another process saves: (loads, those of more than one save)."""
    model, torn = network(), 0
    put(model, 1)
    model.save(path)

    def saves():
        for number in range(2, 10**6):
            put(model, number)
            model.save(path)

    child = forked(saves)
    seen = set()
    for _ in range(count):
        found = numbers(path)
        torn += len(found) != 1
        seen |= found
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return {"loads": count, "torn": torn, "saves_seen": len(seen)}


def main(count):
    with tempfile.TemporaryDirectory() as folder:
        killed = kills(count, Path(folder) / "killed" / "m.safetensors")
        failed = faults(Path(folder) / "failed" / "m.safetensors")
        loaded = loads(min(count, LOADS), Path(folder) / "loaded" / "m.safetensors")
    good = not (killed["lost"] or killed["left"] or failed["wrong"] or loaded["torn"])
    result = {"check": "saving that is killed or fails", "passed": good} | killed | failed | loaded
    print(
        json.dumps(result | {"python": platform.python_version(), "platform": platform.platform()})
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else KILLS))
