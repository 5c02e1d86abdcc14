"""Python files of layers of one's own, as a user writes them."""

SWISH = '''
import numpy as np
from minicnn.layers import Layer


class Swish(Layer):
    """y = x / (1 + exp(-x))."""

    def forward(self, x, *, training=False):
        x = self.accept(x)
        self._cache = (x,) if training else None
        return x / (1 + np.exp(-x))

    def backward(self, dy):
        dy, x = self.take_cache(dy)
        s = 1 / (1 + np.exp(-x))
        return dy * (s + x * s * (1 - s))
'''
