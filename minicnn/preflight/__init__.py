"""What to look at before a long training: whether a network can learn, and where the time of a step
goes.
"""

from minicnn.preflight.checks import Finding, check
from minicnn.preflight.profiling import profile

__all__ = ["Finding", "check", "profile"]
