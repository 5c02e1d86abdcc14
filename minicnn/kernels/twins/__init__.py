"""The same kernels for whole arrays, in NumPy alone, for where there is no Numba, as in a
browser.

Each file has the name of the one that it stands in for, and each function the name and arguments of
a loop there, whose docstring says what it computes. machine/jit.py chooses between them.

Bits are those of the loops (tests/test_twins.py): a twin adds what a loop adds, in its order. For
sums of rows see sums.py, for overlapping windows cells.py.
"""
