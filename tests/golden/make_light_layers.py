"""Write light_layers.npz: what Keras computes in the layers without matrices of weights, for
tests/test_light_layers.py.

Needs Keras 3 on TensorFlow, and PyTorch; last run with Keras 3.15.1, TensorFlow 2.21.0, PyTorch
2.13.0. Run it in tests/: KERAS_BACKEND=tensorflow python -m golden.make_light_layers

Bilinear pictures, GELU and leaky ReLU come from PyTorch, for TensorFlow has them in float32 only;
that Keras gives the same, as far as that goes, is checked.
"""

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from golden import make_layers
from golden.make_layers import Array, Case

GOLDEN = Path(__file__).with_name("light_layers.npz")

NAMES = (
    "celu elu exponential gelu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu "
    "linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus "
    "softsign sparse_plus sparse_sigmoid squareplus swish tanh tanh_shrink"
).split()


def activations() -> Iterator[Case]:
    for name in NAMES:
        yield Case("Activation", (2, 3, 4), {"activation": name}, "wide")
    for alpha in (1.0, 0.3):
        yield Case("ELU", (2, 3, 4), {"alpha": alpha}, "wide")
    for most in (None, 2.0):
        for slope in (0.0, 0.25):
            for threshold in (0.0, 1.0):
                arguments = {"max_value": most, "negative_slope": slope, "threshold": threshold}
                yield Case("ReLU", (2, 3, 4), arguments, "wide")
    for axes in (None, [1, 2], [3], 1, [1, 2, 3]):
        yield Case("PReLU", (2, 3, 2, 4), {"shared_axes": axes}, "wide")
    yield Case("PReLU", (3, 5), {}, "wide")


def shapes() -> Iterator[Case]:
    yield Case("Identity", (2, 3, 4), {}, "integers")
    for target in ((24,), (4, 6), (-1, 2), (2, -1, 2, 1), (3, 2, 4)):
        yield Case("Reshape", (2, 3, 4, 2), {"target_shape": target}, "integers")
    for dims in ((1, 2, 3), (3, 1, 2), (2, 1, 3), (3, 2, 1)):
        yield Case("Permute", (2, 3, 4, 2), {"dims": dims}, "integers")
    yield Case("Permute", (2, 3, 4), {"dims": (2, 1)}, "integers")
    for cropping in (1, (0, 2), ((1, 2), (0, 3)), ((0, 0), (0, 0)), ((2, 0), (1, 0))):
        yield Case("Cropping2D", (2, 4, 6, 2), {"cropping": cropping}, "integers")
    for layer in ("GlobalAveragePooling2D", "GlobalMaxPooling2D"):
        yield Case(layer, (2, 3, 4, 2), {"keepdims": True}, "distinct")


def resamplings() -> Iterator[Case]:
    for size in (1, 2, (1, 3)):
        for interpolation in ("nearest", "bilinear"):
            arguments = {"size": size, "interpolation": interpolation}
            yield Case("UpSampling2D", (1, 3, 4, 2), arguments)
    for height, width in ((3, 4), (6, 8), (5, 7), (2, 3), (1, 1), (9, 2), (7, 1)):
        for interpolation in ("nearest", "bilinear"):
            for crop in (False, True):
                arguments = {"height": height, "width": width, "interpolation": interpolation}
                if crop:
                    arguments["crop_to_aspect_ratio"] = True
                yield Case("Resizing", (1, 6, 8, 1), arguments)
    for size in ((4, 5), (7, 9), (1, 1), (2, 9), (8, 4), (8, 10)):
        yield Case("CenterCrop", (1, 7, 9, 1), {"height": size[0], "width": size[1]})


CASES = {case.name: case for part in (activations, shapes, resamplings) for case in part()}


def draw(case: Case, what: str, shape: tuple[int, ...]) -> Array:
    """As make_layers.draw, and -5 to 5 for "wide"."""
    if case.values != "wide":
        return make_layers.draw(case, what, shape)
    drawn = make_layers.draw(replace(case, values="uniform"), what, shape)  # -2 to 2
    return 2.5 * drawn if what == "x" else drawn


def pack(values: dict[str, Array]) -> None:
    make_layers.pack(values, GOLDEN)


def unpack() -> dict[str, Array]:
    return make_layers.unpack(GOLDEN)


# What Keras and PyTorch compute


def run(keras: Any, case: Case) -> dict[str, Array]:
    tf = import_module("tensorflow")
    layer = getattr(keras.layers, case.layer)(**case.arguments)
    x = tf.constant(draw(case, "x", case.shape))
    layer.build(x.shape)
    for weight in layer.weights:
        weight.assign(draw(case, weight.name, tuple(weight.shape)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.cast(layer(x), tf.float64)
    sources = {"x": x} | {weight.name: weight.value for weight in layer.trainable_weights}
    dy = tf.constant(draw(case, "dy", tuple(y.shape)))
    gradients = tape.gradient(y, sources, output_gradients=dy)
    result = {"y": y} | {f"d{name}": gradient for name, gradient in gradients.items()}
    return {f"{case.name}/{key}": np.asarray(value) for key, value in result.items()}


def activated(case: Case) -> dict[str, Array]:
    """GELU or LeakyReLU of a case, by PyTorch, in float64."""
    torch = import_module("torch")
    x = torch.tensor(draw(case, "x", case.shape), requires_grad=True)
    own = torch.nn.functional
    is_gelu = case.arguments["activation"] == "gelu"
    y = own.gelu(x) if is_gelu else own.leaky_relu(x, 0.2)
    y.backward(torch.tensor(draw(case, "dy", case.shape)))
    return {f"{case.name}/y": y.detach().numpy(), f"{case.name}/dx": x.grad.numpy()}


def bilinear(case: Case, shape: tuple[int, ...]) -> dict[str, Array]:
    """Pictures of that shape, (N, OH, OW, C), drawn of those of a case by PyTorch, in float64."""
    torch = import_module("torch")
    x = torch.tensor(draw(case, "x", case.shape), requires_grad=True)
    (_, H, W, _), (_, height, width, _) = case.shape, shape
    h, w = H, W
    if case.layer == "CenterCrop" or case.arguments.get("crop_to_aspect_ratio"):
        h, w = max(min(H, W * height // width), 1), max(min(W, H * width // height), 1)
    top, left = (H - h) // 2, (W - w) // 2
    seen = x[:, top : top + h, left : left + w].permute(0, 3, 1, 2)
    y = torch.nn.functional.interpolate(seen, (height, width), mode="bilinear")
    y = y.permute(0, 2, 3, 1)
    y.backward(torch.tensor(draw(case, "dy", shape)))
    return {f"{case.name}/y": y.detach().numpy(), f"{case.name}/dx": x.grad.numpy()}


def precise(case: Case, computed: dict[str, Array]) -> dict[str, Array]:
    """What Keras has computed, or PyTorch in more digits."""
    shape = computed[f"{case.name}/y"].shape
    enlarges = case.layer == "CenterCrop" and (shape[1] > case.shape[1] or shape[2] > case.shape[2])
    if enlarges or case.arguments.get("interpolation") == "bilinear":
        return bilinear(case, shape)
    in_float32 = case.arguments.get("activation") in ("gelu", "leaky_relu")
    return activated(case) if in_float32 else computed


def main() -> None:
    keras = import_module("keras")
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    result: dict[str, Array] = {}
    for case in CASES.values():
        computed = run(keras, case)
        exact = precise(case, computed)
        for key, value in computed.items():
            np.testing.assert_allclose(value, exact[key], rtol=1e-5, atol=1e-6, err_msg=key)
        result |= exact
    pack(result)
    print(f"{GOLDEN.name}: {len(CASES)} cases, {GOLDEN.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
