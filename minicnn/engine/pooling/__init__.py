"""Pooling layers that no convolution pools along, as steps: over windows and over whole pictures.

step.py             the steps: whose layers, what they are asked to do
windows.py          windows that slide: what threads do of them, by window_kernels.py
runs.py             which of them a kernel does in one go
pictures.py         whole pictures: the same, by picture_kernels.py
channels.py         all channels of a pixel, of whatever number, in registers
"""
