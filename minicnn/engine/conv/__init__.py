"""A convolution and what follows it - activation, normalisation, pooling - as one step.

step.py             the step: whose layers; work.py what it is asked to do
stages.py           its passes in stages, of forward.py, backward.py and weights.py
layout.py           what they are handed, in the memory of buffers.py
ways.py             the ways to compute a convolution: direct.py as written, winograd.py with fewer
                    multiplications, by winograd_passes.py and the matrices of winograd_form.py;
                    depthwise.py by channel, in kernels of its own, depthwise_kernels.py; groups.py
                    lays the kernels of both out that have groups
separable.py        two such steps in one
geometry.py         a convolution as numbers; norm.py batch normalisation's numbers per channel,
                    measure.py the same where they are too large for their type
side_by_side.py     one picture shared by threads; parts.py how it is cut for them
"""
