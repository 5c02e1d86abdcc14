"""What files of graphs have in common, ONNX' and LiteRT's: operators that read and make values.

limits.py   how much of anything a file may ask for
reader.py   the network that is being made of one
network.py  what has been read, in the words of minicnn's own files
writing.py  names, and the layer that an operator is written for
"""
