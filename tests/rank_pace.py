"""How long a training step takes whose batch is cut into shards, in one process: normalised within
a shard, over the whole batch, and not cut at all.

Prints a line of JSON: medians in milliseconds, interleaved.
"""

import json
import statistics
import time

import numpy as np

from minicnn.applications import DocumentedCNN

PICTURES, BATCH, ROUNDS = 1024, 256, 7
WAYS = {
    "whole": {},
    "shard": {"shards": 4},
    "sync": {"shards": 4, "batch_norm": "sync"},
}

rng = np.random.default_rng(0)
x, y = rng.integers(0, 256, (PICTURES, 32, 32, 3)).astype(np.uint8), rng.integers(0, 10, PICTURES)
models, taken = {}, {way: [] for way in WAYS}
for way in WAYS:
    models[way] = DocumentedCNN(seed=0)
    models[way].compile("adam", "sparse_categorical_crossentropy")
for number in range(ROUNDS + 1):
    for way, how in WAYS.items():
        began = time.perf_counter()
        models[way].fit(x, y, batch_size=BATCH, verbose=0, **how)
        if number:  # the first compiles
            taken[way].append(1000 * (time.perf_counter() - began) * BATCH / PICTURES)
print(json.dumps({way: round(statistics.median(ms), 2) for way, ms in taken.items()}))
