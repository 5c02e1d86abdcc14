"""Ranks: processes that train one network together, on one machine or on many.

    mpirun -n 4 python train.py         four ranks, which fit(..., shards=8) shares 8 shards between

A *shard* is a part of a batch, and belongs to the training, as the batch size does; a *rank* is a
process, and there may be any number of them from 1 to that of the shards: the bits are the same.

tree.py         the tree along which shards are added, whichever ranks have them
sums.py         sums along it, each rank finishing a slice
group.py        what a rank can ask of the others; alone, there are none
this_process.py the group of this process; apart() leaves it for a while
launched.py     whether a launcher of MPI has started this process, by its environment
mpi.py          a group of MPI's: the only file that imports mpi4py
waiting.py      ends a process that has waited for the others too long
failing.py      an error on one rank ends all
fingerprint.py  what must be the same on all ranks

>>> from minicnn import ranks
>>> ranks.rank(), ranks.size()
(0, 1)
"""

from minicnn.ranks.this_process import apart, current, made, rank, size

__all__ = ["apart", "current", "made", "rank", "size"]
