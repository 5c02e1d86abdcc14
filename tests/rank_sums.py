"""How long a sum takes: by MPI_Allreduce, and along the tree.

    mpirun -n 2 python rank_sums.py NUMBERS [NUMBERS ...]

Prints a line of JSON: of every so many numbers the medians in milliseconds, interleaved.
"""

import json
import statistics
import sys
import time

import numpy as np
from mpi4py import MPI

from minicnn.ranks import current
from minicnn.ranks.sums import Sums

ROUNDS = 15

group, comm = current(), MPI.COMM_WORLD
sums = Sums(group, group.size)


def by_allreduce(vector):
    comm.Allreduce(vector, np.empty_like(vector))


def by_tree(vector):
    sums(lambda _: [vector, np.zeros(2)])


def milliseconds(add, own):
    """Of a sum, on the rank that it takes longest."""
    vector = own.copy()
    comm.Barrier()
    began = time.perf_counter()
    add(vector)
    return 1000 * comm.allreduce(time.perf_counter() - began, MPI.MAX)


found = {}
for numbers in map(int, sys.argv[1:]):
    own = np.random.default_rng(group.rank).standard_normal(numbers).astype(np.float32)
    taken = {"allreduce": [], "tree": []}
    for _ in range(ROUNDS):
        for name, add in (("allreduce", by_allreduce), ("tree", by_tree)):
            taken[name].append(milliseconds(add, own))
    found[numbers] = {name: round(statistics.median(ms), 3) for name, ms in taken.items()}
if group.rank == 0:
    print(json.dumps(found))
