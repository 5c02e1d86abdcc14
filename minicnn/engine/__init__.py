"""The fast executor: the same numbers as the layers, from machine code made for the processor at
hand.

plan.py             which layers run together; selftest.py checks them before they are trusted
engine_step.py      what all steps have in common
conv/               convolution and what follows it as one step, which is in step.py
alone/              a normalisation and an activation that follow no convolution
pooling/            pooling that no convolution does along
merging/            layers of several inputs: sums, products, arrays side by side
dense.py            a dense layer as one step, dense_passes.py its passes in stages
update.py           Adam for all parameters at once
products.py         matrix products as lists of tiles
simd.py             the tile: a matrix product in registers
row_kernels.py      what happens to a row of pixels; row_gradients.py the way back; row_moves.py
                    what is done to one whatever it is
functions.py        activations in registers
borrowed.py         the layers' arrays, which the steps work in

Whole numbers of 8 bits, for minicnn/quantize:

integer_sets.py     what processors have for them
integer_tiles.py    the tile; integer_passes.py what it is given
integer_windows.py  windows over each channel; integer_slides.py what they are given
integer_inputs.py   real numbers that become whole ones

All of it is emitted, compiled and run by minicnn/machine, where the parallel region is that does
the steps' jobs.
"""
