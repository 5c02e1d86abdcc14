"""Small networks as PyTorch and tf2onnx export them, and what they compute: onnx/*.onnx and
onnx/outputs.npz.

    python tests/golden/make_onnx_files.py      needs torch, onnxscript, tensorflow and tf2onnx

Known architectures with few channels and random weights; batch normalisation has moving averages
that are not 0 and 1. The default exporter of PyTorch ("dynamo") folds it into the convolutions and
keeps weights in a second file; the older one ("script") writes one file.
"""

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

FOLDER = Path(__file__).parent / "onnx"
SIZE, CLASSES, BATCH = 16, 5, 3


def conv(c, f, k=1, s=1, p=0, **more):
    return nn.Sequential(nn.Conv2d(c, f, k, s, p, bias=False, **more), nn.BatchNorm2d(f))


class Block(nn.Module):
    """Of ResNet-18."""

    def __init__(self, c, f, s):
        super().__init__()
        self.a, self.b = conv(c, f, 3, s, 1), conv(f, f, 3, 1, 1)
        self.down = conv(c, f, 1, s) if s > 1 or c != f else nn.Identity()

    def forward(self, x):
        return F.relu(self.b(F.relu(self.a(x))) + self.down(x))


class Residual(nn.Module):
    """Like ResNet-18."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv(3, 4, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.body = nn.Sequential(Block(4, 4, 1), Block(4, 6, 2), Block(6, 8, 2))
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.body(self.stem(x)), 1)
        return self.head(torch.flatten(x, 1))


class Inverted(nn.Module):
    """Of MobileNetV2."""

    def __init__(self, c, f, s):
        super().__init__()
        self.layers = nn.Sequential(
            conv(c, 2 * c), nn.ReLU6(), conv(2 * c, 2 * c, 3, s, 1, groups=2 * c), nn.ReLU6(),
            conv(2 * c, f),
        )  # fmt: skip
        self.adds = s == 1 and c == f

    def forward(self, x):
        return x + self.layers(x) if self.adds else self.layers(x)


class Mobile(nn.Module):
    """Like MobileNetV2, and a squeeze-and-excitation block with hard activations as in V3."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv(3, 4, 3, 2, 1), nn.Hardswish())
        self.body = nn.Sequential(Inverted(4, 4, 1), Inverted(4, 6, 2))
        self.squeeze = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(6, 2, 1), nn.ReLU(), nn.Conv2d(2, 6, 1),
            nn.Hardsigmoid(),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(6, CLASSES))

    def forward(self, x):
        x = self.body(self.stem(x))
        x = x * self.squeeze(x)
        return self.head(x.mean([2, 3]))


class Google(nn.Module):
    """Like GoogLeNet: branches side by side, ceil_mode, a mean over a padded window, and a dense
    layer behind maps of several pixels.
    """

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.MaxPool2d(3, 2, ceil_mode=True))
        self.a = nn.Conv2d(4, 2, 1)
        self.b = nn.Sequential(nn.Conv2d(4, 2, 1), nn.ReLU(), nn.Conv2d(2, 3, 3, padding=1))
        self.c = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(4, 2, 1))
        self.d = nn.Sequential(nn.AvgPool2d(3, 1, 1), nn.Conv2d(4, 2, 1))
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.head = nn.Linear(9 * 16, CLASSES)

    def forward(self, x):
        x = self.stem(x)
        x = torch.cat([F.leaky_relu(one(x), 0.1) for one in (self.a, self.b, self.c, self.d)], 1)
        x = self.pool(x)
        return self.head(x.view(x.size(0), -1)).softmax(1)


class Squeeze(nn.Module):
    """Like SqueezeNet."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 6, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)
        )
        self.squeeze, self.small, self.large = (
            nn.Conv2d(6, 2, 1), nn.Conv2d(2, 4, 1), nn.Conv2d(2, 4, 3, padding=1),
        )  # fmt: skip
        self.head = nn.Conv2d(8, CLASSES, 1)

    def forward(self, x):
        x = F.relu(self.squeeze(self.stem(x)))
        x = torch.cat([F.relu(self.small(x)), F.relu(self.large(x))], 1)
        x = F.relu(self.head(F.dropout(x, 0.5, self.training)))
        return torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)


class Shuffle(nn.Module):
    """Like ShuffleNet V2: channels are split and shuffled."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv(3, 8, 3, 2, 1), nn.ReLU())
        self.branch = nn.Sequential(conv(4, 4), nn.ReLU(), conv(4, 4, 3, 1, 1, groups=4))
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x):
        a, b = self.stem(x).chunk(2, dim=1)
        x = torch.cat([a, self.branch(b)], 1)
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        return self.head(x.mean((2, 3)))


class Next(nn.Module):
    """Like ConvNeXt: layer normalisation of channels, GELU, dense layers on every pixel, a scale;
    and normalised pictures, an upsampling, group normalisation, SiLU.
    """

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.2, 0.3, 0.4]).view(1, 3, 1, 1))
        self.stem = nn.Conv2d(3, 6, 4, 4)
        self.depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.norm = nn.LayerNorm(6)
        self.wide, self.narrow = nn.Linear(6, 12), nn.Linear(12, 6)
        self.scale = nn.Parameter(torch.rand(6))
        self.group = nn.GroupNorm(2, 6)
        self.head = nn.Linear(6, CLASSES)

    def forward(self, x):
        x = self.stem((x - self.mean) / self.std)
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.scale * self.narrow(F.gelu(self.wide(y)))
        x = F.silu(self.group(x + y.permute(0, 3, 1, 2)))
        x = F.interpolate(x, scale_factor=2, mode="nearest")
        return self.head(x.amax((2, 3)))


NETWORKS = [Residual, Mobile, Google, Squeeze, Shuffle, Next]


def ready(make, seed):
    """A network with moving averages that are not 0 and 1, for inference."""
    torch.manual_seed(seed)
    network = make()
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d | nn.GroupNorm):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.bias, -0.5, 0.5)
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.uniform_(-0.5, 0.5)
            part.running_var.uniform_(0.5, 1.5)
    return network.eval()


def of_torch(outputs):
    x = torch.rand(BATCH, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    outputs["x"] = x.permute(0, 2, 3, 1).numpy()
    for seed, make in enumerate(NETWORKS):
        network = ready(make, seed)
        name = make.__name__.lower()
        outputs[name] = network(x).detach().numpy()
        for how in ("dynamo", "script"):
            path = FOLDER / f"{name}_{how}.onnx"
            if how == "dynamo":
                batch = torch.export.Dim("batch")
                more = {"dynamic_shapes": ({0: batch},), "external_data": make is Residual}
            else:
                more = {"dynamic_axes": {"x": {0: "batch"}}}
            torch.onnx.export(
                network, (x,), str(path), dynamo=how == "dynamo", input_names=["x"],
                output_names=["y"], verbose=False, **more,
            )  # fmt: skip
    network = ready(Squeeze, 3)  # as a file for one picture alone
    torch.onnx.export(
        network, (x[:1],), str(FOLDER / "squeeze_one.onnx"), dynamo=False, input_names=["x"]
    )


def of_tensorflow(outputs):
    import tensorflow as tf
    import tf2onnx

    rng = np.random.default_rng(0)

    def weights(*shape):
        return rng.normal(0, 0.3, shape).astype(np.float32)

    k1, b1, k2, k3 = weights(3, 3, 3, 4), weights(4), weights(3, 3, 4, 1), weights(64, CLASSES)

    @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 3), tf.float32, name="x")])
    def network(x):
        x = tf.nn.relu(tf.nn.conv2d(x * 2 - 1, k1, 2, "SAME") + b1)
        x = tf.nn.relu6(tf.nn.depthwise_conv2d(x, k2, (1, 1, 1, 1), "SAME"))
        x = tf.nn.max_pool2d(x, 2, 2, "SAME")
        return tf.nn.softmax(tf.reshape(x, (-1, 64)) @ k3)

    tf2onnx.convert.from_function(
        network, network.input_signature, opset=15, output_path=str(FOLDER / "tensorflow.onnx")
    )
    outputs["tensorflow"] = network(outputs["x"]).numpy()


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.onnx*"):
        path.unlink()
    found: dict[str, np.ndarray] = {}
    of_torch(found)
    try:
        of_tensorflow(found)
    finally:
        np.savez_compressed(FOLDER / "outputs.npz", **found)
