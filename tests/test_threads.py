"""Threads: how many, two models at once, and what a forked process may do."""

import json
import os
import re

import numba
import pytest
from programs import output, run

import minicnn

MOST = numba.config.NUMBA_NUM_THREADS


@pytest.mark.parametrize("n", [0, -1, MOST + 1, 1.0, "2", None])
def test_a_wrong_number_of_threads_is_refused(n):
    message = (
        f"set_threads expected an integer from 1 to {MOST}, received {n!r}: NUMBA_NUM_THREADS in "
        "the environment, set before Python starts, allows more or fewer"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        minicnn.set_threads(n)


MODEL = """
import hashlib, os, sys, threading
import numba, numpy as np
import minicnn
from minicnn import Sequential, layers

def model(seed):
    stack = [layers.Conv2D(8, 3, activation="relu"), layers.BatchNormalization()]
    stack += [layers.MaxPooling2D(), layers.Flatten(), layers.Dense(20, activation="relu")]
    head = layers.Dense(4, activation="softmax")
    made = Sequential([layers.Input((12, 12, 3)), *stack, head], seed=seed)
    made.compile("adam", "sparse_categorical_crossentropy")
    return made

def train(seed, steps=15):
    made, rng = model(seed), np.random.default_rng(seed)
    for _ in range(steps):
        made.train_on_batch(rng.standard_normal((32, 12, 12, 3)), rng.integers(0, 4, 32))
    return hashlib.sha256(b"".join(weight.tobytes() for weight in made.get_weights())).hexdigest()
"""


def test_set_threads_holds_in_every_thread_from_then_on():
    program = """
def used():
    train(0, steps=1)
    seen.append(numba.get_num_threads())

def everywhere():
    used()
    other = threading.Thread(target=used)
    other.start()
    other.join()

seen = []
everywhere()
for n in (2, 1, 3):
    minicnn.set_threads(n)
    everywhere()
print(*seen)
"""
    assert output(MODEL + program, NUMBA_NUM_THREADS="3") == ["3 3 2 2 1 1 3 3"]


def test_set_threads_is_what_is_used_before_the_next_kernel_runs():
    """A training begins with as many as are said to be used, and a test leaves as many."""
    program = """
from minicnn.machine import threads
train(0, steps=1)
seen = [threads.used()]
for n in (1, 2):
    minicnn.set_threads(n)
    seen += [threads.used(), threads.state()["used"]]
print(*seen)
"""
    assert output(MODEL + program, NUMBA_NUM_THREADS="2") == ["2 1 1 2 2"]


def test_without_set_threads_numbas_own_setting_is_left_alone():
    program = "numba.set_num_threads(1); train(0, steps=1); print(numba.get_num_threads())"
    assert output(MODEL + program, NUMBA_NUM_THREADS="2") == ["1"]


@pytest.mark.parametrize("layer", ["workqueue", "omp"])
def test_two_threads_train_two_models_as_if_each_were_alone(layer):
    """Of Numba's threading layers workqueue ends the process when two parallel kernels meet."""
    program = """
alone = [train(seed) for seed in (0, 1)]
together = {}
def put(seed):
    together[seed] = train(seed)
threads = [threading.Thread(target=put, args=(seed,)) for seed in (0, 1)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(numba.threading_layer(), [together[0], together[1]] == alone, alone[0] != alone[1])
"""
    assert output(MODEL + program, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS="2") == [
        f"{layer} True True"
    ]


FORK = """
if sys.argv[1] == "running":
    train(0, steps=1)
made = model(0)
made.engine = sys.argv[2]
child = os.fork()
if child == 0:
    code = 1
    try:
        made.forward(np.ones((2, 12, 12, 3)))
        code = 0
    except RuntimeError as error:
        print(error, flush=True)
    finally:
        os._exit(code)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
made.forward(np.ones((2, 12, 12, 3)))
sys.exit(code)
"""
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork here")


@needs_fork
def test_a_fork_of_a_process_with_threads_is_told_why_it_has_none():
    done = run(MODEL + FORK, "running", "fast", NUMBA_THREADING_LAYER="omp")
    assert (done.returncode, done.stdout) == (
        1,
        "the engine expected to run in the process that started its threads, received a call in a "
        "fork of it, "
        'where GNU OpenMP has none: start processes with multiprocessing.get_context("spawn"), or '
        "fork before the "
        "first model runs\n",
    ), done.stderr


@needs_fork
@pytest.mark.parametrize(
    ("before", "engine", "layer"),
    [("idle", "fast", "omp"), ("running", "reference", "omp"), ("running", "fast", "workqueue")],
)
def test_other_forks_work(before, engine, layer):
    """Where no threads ran before, where none are needed, and on a layer that starts them anew."""
    output(MODEL + FORK, before, engine, NUMBA_THREADING_LAYER=layer)


@needs_fork
@pytest.mark.parametrize(("layer", "outcome"), [("omp", "told"), ("workqueue", "right")])
def test_forks_beside_threads_in_short(layer, outcome):
    """The long form is tests/check_forks.py, its result docs/results/forks.json."""
    program = "import check_forks, json; print(json.dumps(check_forks.try_forks(3)))"
    [printed] = output(program, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS="2")
    found = json.loads(printed)
    assert (found["threading_layer"], found["parent_right_afterwards"]) == (layer, True)
    assert list(found["children_while_a_thread"].values()) == [{outcome: 3}] * 3
    assert set(found["started"].values()) == {"right"} and len(found["started"]) == 3


@needs_fork
def test_a_fork_waits_for_the_end_of_a_step_and_is_held_up_by_no_lock_of_numbas():
    """Another thread holds the lock of all networks, or Numba's compiler, until it knows that the
    fork has begun.
    """
    program = """
from numba.core.compiler_lock import global_compiler_lock
from minicnn.machine.threads import alone

for lock in (alone, global_compiler_lock):
    held, forking = threading.Event(), threading.Event()

    def hold():
        with lock:
            held.set()
            forking.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    threading.Timer(0.05, forking.set).start()
    child = os.fork()
    if child == 0:
        os._exit(0 if forking.is_set() and train(0, steps=1) else 1)
    print(os.waitpid(child, 0)[1])
    thread.join()
"""
    assert output(MODEL + program, NUMBA_THREADING_LAYER="workqueue") == ["0", "0"]


@pytest.mark.parametrize("number", ["0", "-2"])
def test_a_number_of_threads_that_is_none_is_said_before_numba_is_asked(number):
    done = run("import minicnn; minicnn.layers", NUMBA_NUM_THREADS=number)
    assert done.stderr.splitlines()[-1] == (
        f"ValueError: NUMBA_NUM_THREADS expected at least 1 thread, received {number!r}: unset it "
        "for one per processor"
    )


def test_a_threading_layer_that_is_not_there_is_said_in_a_sentence():
    done = run(MODEL + "train(0, steps=1)", NUMBA_THREADING_LAYER="nonsense")
    assert done.stderr.splitlines()[-1] == (
        'ValueError: the engine expected Numba to start threads, received "The threading layer '
        "requested 'nonsense' "
        'is unknown to Numba." with NUMBA_THREADING_LAYER=nonsense: unset it, or choose a layer '
        "that is there, such as "
        "workqueue"
    )
