"""State dicts of PyTorch, and what their networks compute: torch.npz.

    python tests/golden/make_torch.py       needs torch

A network with the names of torchvision's resnet18 and few channels, and a chain with a linear layer
behind maps of several pixels.
"""

from pathlib import Path

import numpy as np
import torch
from make_onnx_files import ready
from torch import nn
from torch.nn import functional as F

SIZE = 32


class BasicBlock(nn.Module):
    def __init__(self, c, f, s):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c, f, 3, s, 1, bias=False), nn.BatchNorm2d(f)
        self.conv2, self.bn2 = nn.Conv2d(f, f, 3, 1, 1, bias=False), nn.BatchNorm2d(f)
        self.downsample = None
        if s > 1:
            self.downsample = nn.Sequential(nn.Conv2d(c, f, 1, s, bias=False), nn.BatchNorm2d(f))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    """Modules as torchvision calls them."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 3, 7, 2, 3, bias=False), nn.BatchNorm2d(3)
        widths = (3, 4, 5, 6)
        for n, (c, f) in enumerate(zip((3, *widths), widths, strict=False), 1):
            blocks = BasicBlock(c, f, 1 if n == 1 else 2), BasicBlock(f, f, 1)
            setattr(self, f"layer{n}", nn.Sequential(*blocks))
        self.fc = nn.Linear(6, 4)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for n in range(1, 5):
            x = getattr(self, f"layer{n}")(x)
        return self.fc(x.mean((2, 3)))


def chain():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.PReLU(4), nn.MaxPool2d(2),
        nn.Conv2d(4, 8, 3, padding=1, groups=4), nn.GroupNorm(2, 8), nn.ReLU(),
        nn.ConvTranspose2d(8, 2, 2, 2), nn.AvgPool2d(6), nn.Flatten(), nn.BatchNorm1d(50),
        nn.Linear(50, 6), nn.ReLU(), nn.Linear(6, 3),
    )  # fmt: skip


if __name__ == "__main__":
    x = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    found = {"x": x.permute(0, 2, 3, 1).numpy()}
    for name, make in (("resnet", ResNet18), ("chain", chain)):
        network = ready(make, 0)
        for part in network.modules():
            if isinstance(part, nn.BatchNorm1d):
                part.running_mean.uniform_(-0.5, 0.5)
                part.running_var.uniform_(0.5, 1.5)
        found[f"{name} y"] = network(x).detach().numpy()
        for key, tensor in network.state_dict().items():
            found[f"{name} {key}"] = tensor.numpy()
    np.savez_compressed(Path(__file__).with_name("torch.npz"), **found)
