"""Plain Numba loops, each the definition it computes, called by the layers and by nobody else.

Every kernel takes C-contiguous arrays and writes into its last arguments, which the caller allocates.
A kernel checks nothing: Numba reads past the end of an array without a word, so the layers validate
shapes first. `NUMBA_DISABLE_JIT=1` turns each of them back into Python that a debugger can step through.
"""

import os
import re

if re.fullmatch(r"\s*(-\d+|0+)\s*", os.environ.get("NUMBA_NUM_THREADS", "")):
    raise ValueError(  # before Numba does, which does not say where its number comes from
        f"NUMBA_NUM_THREADS expected at least 1 thread, received {os.environ['NUMBA_NUM_THREADS']!r}: unset it for one "
        "per processor"
    )
