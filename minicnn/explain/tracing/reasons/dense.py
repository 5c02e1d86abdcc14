"""Why the numbers of Dense are what they are."""

from minicnn.explain.tracing.place import Place, explains
from minicnn.layers.dense import Dense


@explains(Dense)
def dense(place: Place) -> None:
    """layers/dense.py: Y = X @ K + bias, of all positions in rows."""
    layer = place.of
    D, units = layer.input_shape[-1], layer.units
    for short in ("x", "dx"):
        place.view(short, (place["x"].size // D, D))
    for short in ("y", "dy"):
        place.view(short, (place["x"].size // D, units))
    place.because(
        "y",
        "n u",
        ("x[n, d] * kernel[d, u]", "d"),
        *(["bias[u]"] if layer.use_bias else []),
        code=("forward", '@ self.params["kernel"]'),
    )
    place.because(
        "dkernel", "d u", ("x[n, d] * dy[n, u]", "n"), code=("backward", 'self.grads["kernel"]')
    )
    place.because("dbias", "u", ("dy[n, u]", "n"), code=("backward", 'self.grads["bias"]'))
    place.because(
        "dx", "n d", ("dy[n, u] * kernel[d, u]", "u"), code=("backward", 'self.params["kernel"].T')
    )
    place.because("rows", "n d", "x[n, d]", code=("forward", "rows ="))
