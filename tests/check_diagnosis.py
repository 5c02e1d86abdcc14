"""All planted mistakes in drawn configurations, and layers without one: does a diagnosis name the
mistake, and nothing else?

    python tests/check_diagnosis.py [count] [correct]

prints one JSON line (the last one is docs/results/diagnosis.json) and exits with 1 when a bar is
missed. Five minutes on two idle processors. The n-th case is the same on every machine.

- planted: each row of PLANTED, `count` times. Where the mistake cannot be seen, for the gradient
  is right in spite of it, another case is drawn. "named" is a diagnosis of that one name for that
  tensor, "ambiguous" one of several names with it among them, "unnamed" none; "misdiagnosed" is any
  other.
- unknown: gradients that are wrong in no usual way (noise on one number, a factor of 1.37, noise
  on all) must stay without a name.
- correct: layers of every kind of gradient_cases.py, `correct` in all, none of whose gradients may
  be called wrong.
"""

import itertools
import json
import multiprocessing
import platform
import sys
import time
import zlib
from collections import Counter
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import Any

import gradient_cases as cases
import numpy as np
from gradient_cases import Pen
from planted import PLANTED, Row

from minicnn import layers
from minicnn.machine import processor
from minicnn.testing.diagnosis import diagnose

COUNT, CORRECT, NAMED = 10, 2000, 0.95
KINDS = (
    layers.Conv2D, layers.Dense, layers.BatchNormalization, layers.Softmax, layers.MaxPooling2D,
    layers.GELU,
)  # fmt: skip
TRIES = 20  # how often a case is drawn until its mistake shows


def pen(*seed: Any) -> Pen:
    return Pen(np.random.default_rng([zlib.crc32(repr(one).encode()) for one in seed]))


def verdict(key: str, row: Row, number: int) -> tuple[str, str]:
    """How the diagnosis of one planted mistake went, and what there is to say of it."""
    for attempt in range(TRIES):
        layer, shape = row.make(pen(key, number, attempt))
        found = diagnose(layer, shape, seed=number).findings
        if row.tensor not in found:
            continue
        names = [one.mistake.name for one in found[row.tensor]]
        said = f"{key} {layer!r:.200} {shape}: {names}"
        if names == [row.mistake]:
            return "named", said
        if row.mistake in names:
            return "ambiguous", said
        return ("misdiagnosed" if names else "unnamed"), said
    return "invisible", key


def verdicts(key: str, count: int) -> list[tuple[str, str]]:
    """Those of one row."""
    print(key, file=sys.stderr, flush=True)
    return [verdict(key, PLANTED[key], number) for number in range(count)]


def planted(count: int, workers: Executor) -> dict[str, Any]:
    """The verdicts over all planted mistakes."""
    told = workers.map(verdicts, PLANTED, itertools.repeat(count))
    every = list(itertools.chain.from_iterable(told))
    return {
        **Counter(how for how, _ in every),
        "not_named": [f"{how}: {said}" for how, said in every if how != "named"],
    }


def unknown_mistakes() -> dict[str, Any]:
    """Changes of a gradient that are no usual mistake, by name."""
    rng = np.random.default_rng(0)

    def one(g: np.ndarray) -> np.ndarray:
        g = g.copy()
        g.flat[-1] += 0.01 + abs(g).max()
        return g

    return {
        "one number": one,
        "a factor 1.37": lambda g: 1.37 * g,
        "noise": lambda g: g + 0.001 * abs(g).max() * rng.standard_normal(g.shape),
    }


def unknown(count: int) -> dict[str, Any]:
    """Which of them got a name all the same."""
    named, tried = [], 0
    for what, change in unknown_mistakes().items():
        for kind in KINDS:

            class Changed(kind):  # type: ignore[misc, valid-type]
                changed = staticmethod(change)

                def backward(self, dy: np.ndarray) -> np.ndarray:
                    return self.changed(super().backward(dy))

            for number in range(count):
                layer, shape = cases.LAYERS[kind.__name__](pen(what, kind.__name__, number))
                own = Changed(**layer.get_config())
                try:
                    found = diagnose(own, shape, seed=number).findings.get("x", ())
                except ValueError:  # too large
                    continue
                tried += 1
                named += [f"{what} {layer!r:.200} {shape}: {one}" for one in found]
    return {"tried": tried, "named": named}


def accusations(name: str, number: int) -> list[str] | None:
    """What is said to be wrong with a layer that is right; None where it is refused, for corners
    everywhere or its size.
    """
    layer, shape = cases.LAYERS[name](pen(name, number))
    try:
        found = diagnose(layer, shape, seed=number)
    except ValueError:
        return None
    return [f"{layer!r:.200} {shape}: d{tensor}" for tensor in found.findings]


def correct(count: int, workers: Executor) -> dict[str, Any]:
    """Accusations of drawn layers of every kind in turn; some more than `count`, for those that are
    refused do not count.
    """
    numbers = range(count + count // 20)
    names = [name for name, _ in zip(itertools.cycle(cases.LAYERS), numbers, strict=False)]
    told = list(workers.map(accusations, names, numbers, chunksize=20))
    refused = Counter(name for name, said in zip(names, told, strict=True) if said is None)
    accused = [words for said in told for words in said or ()]
    return {"tried": len(told) - refused.total(), "accused": accused, "refused": dict(refused)}


def main(count: int = COUNT, layers_without: int = CORRECT) -> int:
    began = time.time()
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as workers:
        found, right = planted(count, workers), correct(layers_without, workers)
    strange = unknown(count)
    shown = len(PLANTED) * count - found.get("invisible", 0)
    share = found.get("named", 0) / shown
    passed = (
        share >= NAMED
        and not found.get("misdiagnosed", 0)
        and not found.get("invisible", 0)
        and not strange["named"]
        and not right["accused"]
        and right["tried"] >= layers_without
    )
    result = {
        "check": "diagnosis of planted mistakes", "passed": passed,
        "layers_with_a_mistake": len(PLANTED),
        "mistakes": len({row.mistake for row in PLANTED.values()}), "cases_each": count,
        "named_share": round(share, 4), "bar": NAMED, "planted": found, "unknown": strange,
        "correct": right, "seconds": round(time.time() - began),
        "processor": processor.target()[0], "numpy": np.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }  # fmt: skip
    print(json.dumps(result))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
