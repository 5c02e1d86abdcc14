"""How Python becomes machine code that runs on threads; nothing here knows what a network is.

jit.py              the decorators of kernels; cache.py keeps what they compile, compiling.py says
                    that it takes a while, presence.py knows whether there is a Numba at all
threads.py          how many threads, and one thing at a time
emit.py             machine code from vector operations; call.py calls it from Numba, with what
                    operands.py names, and peak.py measures how fast it can be at most
region.py           the parallel region that does jobs, which record.py describes and shares.py
                    divides among threads
workspace.py        memory that regions have in common
"""

import os
import re

if re.fullmatch(r"\s*(-\d+|0+)\s*", os.environ.get("NUMBA_NUM_THREADS", "")):
    raise ValueError(  # before Numba does, which does not say where its number comes from
        "NUMBA_NUM_THREADS expected at least 1 thread, received "
        f"{os.environ['NUMBA_NUM_THREADS']!r}: unset it for one per processor"
    )
