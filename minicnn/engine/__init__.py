"""The fast executor: the same numbers as the layers, from machine code made for the processor at hand.

plan.py           which layers run together
conv_block.py     convolution + ReLU + batch normalisation + max pooling as one step; block_kernels.py its drivers
dense.py          a dense layer as one step
conv.py           the three products of a convolution by address arithmetic; geometry.py where its tiles lie
products.py       matrix products cut into tiles
simd.py           the tile: a matrix product in registers; row_kernels.py what happens to a row of pixels
threads.py        how threads wait for work
emit.py           machine code from Python; call.py calls it from Numba
"""
