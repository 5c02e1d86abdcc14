"""Plain Numba loops, each the definition it computes, called by the layers and by nobody else.

Every kernel takes C-contiguous arrays and writes into its last arguments, which the caller
allocates.
A kernel checks nothing: Numba reads past the end of an array without a word, so the layers validate
shapes first. `NUMBA_DISABLE_JIT=1` turns each of them back into Python that a debugger can step
through. Where there is no Numba, twins/ computes the same bits in NumPy.
"""
