"""One training step with all its numbers, and why each of them is what it is.

    step = explain.trace(model, x[:2], y[:2])
    print(explain.why(step, "conv2d/kernel", (0, 1, 2, 5)))

In the order in which it goes: rows.py, the layers; recording.py, the step; sums.py, what numbers
are; reasons/, what each layer says of its own; why.py, a number asked for.
"""

from minicnn.explain.tracing.step import trace
from minicnn.explain.tracing.traced import Trace, load_trace
from minicnn.explain.tracing.why import Why, why

__all__ = ["Trace", "Why", "load_trace", "trace", "why"]
