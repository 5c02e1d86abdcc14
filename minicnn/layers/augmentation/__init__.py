"""Layers that change pictures at random while a model trains, which so sees each in many ways.

draws.py       random numbers that depend on the epoch and the picture alone
base.py        what the layers share
geometric.py   what those share that move pixels, and how neighbours become one
random_*.py    the layers
"""
