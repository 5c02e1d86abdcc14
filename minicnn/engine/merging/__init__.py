"""Where branches meet: layers of several inputs as steps of the plan.

steps.py        sums and products of arrays of one shape
by_number.py    what they do to them, number by number; sums of gradients are made with it too
concatenate.py  arrays side by side
scale.py        a number per channel times maps
kernels.py      the inner loops
"""
