from typing import Unpack

from minicnn.expect import count, number
from minicnn.layers.base import Layer, LayerOptions
from minicnn.types import Array, Shape


class LocalResponseNormalization(Layer):
    """Divide each number by how much its channel and those beside it respond in the same place.

        s_c  = k + alpha / size * sum_j x_j^2,     |j - c| <= (size - 1) / 2
        y_c  = x_c * s_c^-beta
        dx_c = dy_c * s_c^-beta
               - 2 alpha beta / size * x_c * sum_j dy_j x_j s_j^(-beta - 1)

    Both sums run over the channels that are there: the first and the last have fewer beside them.
    AlexNet and the first GoogLeNet have it; since then batch normalisation is used. Keras has no
    such layer: the arguments are those of PyTorch's LocalResponseNorm and of ONNX' LRN. In the
    paper alpha is not divided by size.

    Args:
        size: channels of a sum, an odd number.
        alpha, beta, k: the numbers of the formula; k is called bias in ONNX.

    Shapes: x, y (N, ..., C)
    Cache: x, s (N, ..., C)
    Source: Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification with deep convolutional
        neural networks", section 3.3.

    >>> layers.LocalResponseNormalization(3, alpha=3.0, beta=1.0)(np.array([[1.0, 2.0, 0.0]]))
    array([[0.16666667, 0.33333334, 0.        ]], dtype=float32)
    """

    def __init__(
        self,
        size: int = 5,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float = 1.0,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(**options)
        owner = "LocalResponseNormalization"
        self.size = count(size, "size", owner)
        if not self.size % 2:
            raise ValueError(
                f"{owner} expected size as an odd number, as many channels on each side, received "
                f"{size}"
            )
        self.alpha = number(alpha, "alpha", owner, least=0)
        self.beta = number(beta, "beta", owner)
        self.k = number(k, "k", owner, above=0)

    def setup(self, input_shape: Shape) -> Shape:
        return input_shape

    def _sums(self, x: Array) -> Array:
        """Over the channels around each."""
        total = x.copy()
        for step in range(1, min(self.size // 2, x.shape[-1] - 1) + 1):
            total[..., step:] += x[..., :-step]
            total[..., :-step] += x[..., step:]
        return total

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        s = self.k + self.alpha / self.size * self._sums(x * x)
        self._cache = (x, s) if training else None
        return x * s**-self.beta

    def backward(self, dy: Array) -> Array:
        dy, x, s = self.take_cache(dy)
        power = s**-self.beta
        around = self._sums(dy * x * power / s)
        return dy * power - 2 * self.alpha * self.beta / self.size * x * around
