"""How long a sum of the documented network's gradients takes: by MPI_Allreduce, along the tree.

Prints one JSON line: medians in milliseconds, interleaved.
"""

import json
import statistics
import time

import numpy as np
from mpi4py import MPI

from minicnn.ranks import current
from minicnn.ranks.sums import Sums

NUMBERS, ROUNDS = 161_098, 15

group, comm = current(), MPI.COMM_WORLD
sums = Sums(group, group.size)
own = np.random.default_rng(group.rank).standard_normal(NUMBERS).astype(np.float32)
total, taken = np.empty_like(own), {"allreduce": [], "tree": []}
for _ in range(ROUNDS):
    for name in taken:
        vector = own.copy()
        comm.Barrier()
        began = time.perf_counter()
        if name == "tree":
            sums(lambda shard, vector=vector: [vector, np.zeros(2)])  # noqa: ARG005
        else:
            comm.Allreduce(vector, total)
        longest = comm.allreduce(time.perf_counter() - began, MPI.MAX)
        taken[name].append(1000 * longest)
if group.rank == 0:
    print(json.dumps({name: round(statistics.median(ms), 2) for name, ms in taken.items()}))
