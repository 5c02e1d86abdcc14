"""Smaller networks: whole filters that go, and single weights that become 0.

    smaller = pruning.prune_filters(model, multiplications=0.5)
    smaller.compile(...)
    smaller.fit(...)

channels.py     which channels are one
wiring.py       which channels every layer reads and makes
scores.py       how much each of them matters
blocks.py       what there is to choose among, and how many are kept
constants.py    what removed channels leave behind
cutting.py      arrays and arguments without them
filters.py      the smaller network: prune_filters
magnitude.py    single weights become 0 while a network trains: MagnitudePruning, sparsity
report.py       what was saved: savings
"""

from minicnn.names import missing_from
from minicnn.pruning.filters import prune_filters
from minicnn.pruning.magnitude import MagnitudePruning, sparsity
from minicnn.pruning.report import PruningReport, savings

__all__ = ["MagnitudePruning", "PruningReport", "prune_filters", "savings", "sparsity"]

__getattr__ = missing_from(__name__, "pruning", __all__)
