"""The networks that are measured in PyTorch: those of keras_networks.py.

Where Keras pads an even picture at strides of 2 on one side only, PyTorch computes as many values
with zeros on both.
"""

from collections.abc import Callable
from typing import Any

import torch
from jobs import CLASSES, FILTERS, Job
from keras_networks import SMALL_INCEPTION
from torch import nn

# expansion, filters, blocks, strides: Sandler et al. 2018, arXiv:1801.04381, table 2
INVERTED = (
    *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
    *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
)


def build(job: Job) -> Any:
    """The network of a job: logits of pictures (N, 3, H, W)."""
    return documented(job) if job.network == "documented" else NETWORKS[job.network]()


def documented(job: Job) -> Any:
    """Three blocks of convolutions, and two dense layers."""
    stack: list[Any] = []
    channels, side, around = 3, job.side, 1 if job.padding == "same" else 0
    for filters in FILTERS:
        for _ in range(job.convolutions):
            relu, norm = nn.ReLU(), nn.BatchNorm2d(filters, 1e-3, 0.01)
            stack.append(nn.Conv2d(channels, filters, 3, padding=around))
            stack += [norm, relu] if job.activation.startswith("after") else [relu, norm]
            channels, side = filters, side - 2 + 2 * around
        stack.append(nn.MaxPool2d(2))
        side //= 2
    dense = [nn.Linear(channels * side**2, 128), nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(*stack, nn.Flatten(), *dense, nn.Linear(128, CLASSES))


class Sum(nn.Module):
    """What parts make of the same picture, added up; and a ReLU, where one is asked for."""

    def __init__(self, parts: list[Any], relu: bool):
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.after = nn.ReLU() if relu else nn.Identity()

    def forward(self, x: Any) -> Any:
        first, second = self.parts
        return self.after(first(x) + second(x))


class Joined(nn.Module):
    """What parts make of the same picture, side by side in the channels."""

    def __init__(self, *parts: Any):
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Any) -> Any:
        return torch.cat([part(x) for part in self.parts], 1)


class Means(nn.Module):
    """The mean of every map."""

    def forward(self, x: Any) -> Any:
        return x.mean((2, 3))


def normalized(channels: int, filters: int, size: int, strides: int = 1, groups: int = 1) -> Any:
    around = size // 2
    conv = nn.Conv2d(channels, filters, size, strides, around, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(filters, 1e-3, 0.01))


def convolved(
    channels: int,
    filters: int,
    size: int,
    strides: int = 1,
    groups: int = 1,
    relu: Callable[[], Any] = nn.ReLU,
) -> Any:
    return nn.Sequential(normalized(channels, filters, size, strides, groups), relu())


def residual_stages(channels: int, widths: tuple[int, ...], blocks: int) -> list[Any]:
    stack = []
    for stage, filters in enumerate(widths):
        for block in range(blocks):
            strides = 2 if stage and not block else 1
            body = nn.Sequential(
                convolved(channels, filters, 3, strides), normalized(filters, filters, 3)
            )
            same = strides == 1 and channels == filters
            skip = nn.Identity() if same else normalized(channels, filters, 1, strides)
            stack.append(Sum([body, skip], relu=True))
            channels = filters
    return stack


def decided(*stack: Any, channels: int) -> Any:
    return nn.Sequential(*stack, Means(), nn.Linear(channels, CLASSES))


def resnet20() -> Any:
    stages = residual_stages(16, (16, 32, 64), blocks=3)
    return decided(convolved(3, 16, 3), *stages, channels=64)


def resnet18() -> Any:
    stages = residual_stages(64, (64, 128, 256, 512), blocks=2)
    return decided(convolved(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1), *stages, channels=512)


def small_inception() -> Any:
    stack, channels = [convolved(3, 96, 3)], 96
    for ones, threes in SMALL_INCEPTION:
        if ones:
            stack.append(Joined(convolved(channels, ones, 1), convolved(channels, threes, 3)))
            channels = ones + threes
        else:
            stack.append(Joined(convolved(channels, threes, 3, 2), nn.MaxPool2d(3, 2, 1)))
            channels += threes
    return decided(*stack, channels=channels)


def mobilenet_v2() -> Any:
    stack, channels = [convolved(3, 32, 3, 2, relu=nn.ReLU6)], 32
    for expansion, filters, blocks, first in INVERTED:
        for block in range(blocks):
            strides, wide = first if block == 0 else 1, expansion * channels
            parts = [convolved(channels, wide, 1, relu=nn.ReLU6)] if expansion > 1 else []
            parts.append(convolved(wide, wide, 3, strides, groups=wide, relu=nn.ReLU6))
            body = nn.Sequential(*parts, normalized(wide, filters, 1))
            same = strides == 1 and channels == filters
            stack.append(Sum([body, nn.Identity()], relu=False) if same else body)
            channels = filters
    stack.append(convolved(channels, 1280, 1, relu=nn.ReLU6))
    return decided(*stack, channels=1280)


NETWORKS: dict[str, Callable[[], Any]] = {
    "ResNet-20": resnet20,
    "Inception": small_inception,
    "MobileNetV2": mobilenet_v2,
    "ResNet-18": resnet18,
}
