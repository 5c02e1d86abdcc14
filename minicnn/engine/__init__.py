"""The fast executor: the same numbers as the layers, from machine code made for the processor at
hand.

plan.py             which layers run together; selftest.py checks them before they are trusted
conv_block.py       convolution + ReLU + batch normalisation + max pooling as one step
block_passes.py     its passes in stages, of block_forward.py, block_backward.py, block_weights.py
block_data.py       what they are handed, in the memory of conv_buffers.py
convolution.py      the two ways to compute a convolution: direct.py as written, winograd.py with
                    fewer multiplications, by winograd_passes.py and the matrices of
                    winograd_form.py
geometry.py         a convolution as numbers; norm.py batch normalisation's numbers per channel
dense.py            a dense layer as one step, dense_passes.py its passes in stages
update.py           Adam for all parameters at once
products.py         matrix products as lists of tiles
simd.py             the tile: a matrix product in registers
row_kernels.py      what happens to a row of pixels; row_moves.py what is done to one whatever it is
borrowed.py         the layers' arrays, which the steps work in

Whole numbers of 8 bits, for minicnn/quantize:

integer_sets.py     what processors have for them
integer_tiles.py    the tile; integer_passes.py what it is given
integer_windows.py  windows over each channel; integer_slides.py what they are given
integer_inputs.py   real numbers that become whole ones

All of it is emitted, compiled and run by minicnn/machine, where the parallel region is that does
the steps' jobs.
"""
