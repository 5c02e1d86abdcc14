"""A network as an ONNX graph, from the bottom up.

graph.py            values, nodes and constants, and how pictures lie in memory
convolutions.py     layers with kernels, Dense among them
pooling.py          windows without weights
activations.py      functions of one number, and softmax
normalizations.py   what is shifted and scaled
shapes.py           what moves numbers, and draws pictures in another size
merging.py          layers of several inputs
table.py            which function says which layer
file.py             the whole file
"""
