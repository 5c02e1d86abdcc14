"""A network as a graph of LiteRT's operators, from the bottom up.

packing.py          tables as bytes
graph.py            tensors, operators and constants
arithmetic.py       operators that work number by number
shapes.py           what moves numbers, and draws pictures in another size
activations.py      functions of one number, and softmax
convolutions.py     layers with kernels, Dense among them
pooling.py          windows without weights
normalizations.py   what is shifted and scaled
merging.py          layers of several inputs
table.py            which function says which layer
numbers.py          the types in which a file has its numbers
file.py             the whole file
"""
