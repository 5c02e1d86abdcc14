"""An ONNX graph as a network, from the bottom up.

operator.py         a node: its operator, inputs and attributes
tensors.py          the numbers in a file, and beside it
constants.py        what is known without any picture, computed at once
values.py           what a node makes: a symbolic tensor, and how its axes lie in ONNX
reader.py           the network that is being made
layouts.py          axes and their order: transposes, reshapes
affine.py           y = a x + b with constants: a part of the layer before, or a layer
windows.py          how a window slides
convolutions.py, pooling.py, activations.py, arithmetic.py, normalizations.py, shapes.py,
cutting.py, resizing.py     what each operator becomes
table.py            which function reads which operator
file.py             the whole file
"""
