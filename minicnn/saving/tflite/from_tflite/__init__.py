"""LiteRT's operators as a network, from the bottom up.

bounded.py          tables out of bytes that nobody trusts
tensors.py          what tensors are, and the numbers of constants
operator.py         an operator: what it reads and makes, and its options
reader.py           the network that is being made
constants.py        what is known without any picture, computed at once
convolutions.py, activations.py, arithmetic.py, shapes.py     what each operator becomes
together.py         functions that are several operators
table.py            which function reads which operator
file.py             the whole file
"""
