"""Networks of the zoo and their training recipe in minicnn and PyTorch: the worker of zoo.py.

    python zoo_networks.py minicnn|torch

Both sides do the same work on the same pictures: mirrored at random, moved by up to four pixels,
SGD with momentum and weight decay, batch normalisation, cross-entropy and accuracy, a new order in
every epoch. PyTorch's pictures and weights are channels_last, its augmentation works on whole
batches.
"""

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from worker import Timed, serve, timed

BATCH, RATE, MOMENTUM, DECAY = 128, 0.02, 0.9, 5e-4
PAD = 4
# filters of the 1x1 and 3x3 convolutions side by side; 0: half the size
SMALL_INCEPTION = (
    *((32, 32), (32, 48), (0, 80), (112, 48), (96, 64), (80, 80), (48, 96)),
    *((0, 96), (176, 160), (176, 160)),
)


def data(pictures: int) -> tuple[np.ndarray, np.ndarray]:
    """Random bytes (N, 32, 32, 3) and labels (N,): times do not depend on what they show."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (pictures, 32, 32, 3), dtype=np.uint8)
    return x, rng.integers(0, 10, pictures)


def own_epoch(network: str, pictures: int) -> Callable[[], Any]:
    """With minicnn: the recipe of examples/train_resnet.py, but for the rate, which stays."""
    from minicnn import applications, layers, optimizers

    inputs = layers.Input((32, 32, 3))
    x = layers.RandomFlip("horizontal")(inputs)
    x = layers.RandomCrop(32, 32, padding=PAD)(x)
    x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    model = getattr(applications, network)(input_tensor=x, classes=10)
    model.compile(
        # what momentum accumulates does not multiply this weight_decay, as it does PyTorch's
        optimizers.SGD(RATE, MOMENTUM, nesterov=True, weight_decay=DECAY / (1 - MOMENTUM)),
        "sparse_categorical_crossentropy",
        ["accuracy"],
    )
    x_train, y_train = data(pictures)
    return lambda: model.fit(x_train, y_train, batch_size=BATCH, epochs=1, verbose=0)


def torch_epoch(network: str, pictures: int) -> Callable[[], Any]:
    """With PyTorch: the usual loop."""
    import torch
    from torch import nn

    class Residual(nn.Module):
        def __init__(self, channels: int, filters: int, strides: int):
            super().__init__()
            self.body = nn.Sequential(
                *norm(channels, filters, 3, strides), nn.ReLU(), *norm(filters, filters, 3)
            )
            same = strides == 1 and channels == filters
            self.shortcut = nn.Sequential(*([] if same else norm(channels, filters, 1, strides)))
            self.relu = nn.ReLU()

        def forward(self, x: Any) -> Any:
            return self.relu(self.body(x) + self.shortcut(x))

    class Inception(nn.Module):
        """Side by side, joined by channels."""

        def __init__(self, *branches: nn.Module):
            super().__init__()
            self.branches = nn.ModuleList(branches)

        def forward(self, x: Any) -> Any:
            return torch.cat([branch(x) for branch in self.branches], 1)

    class Cells(nn.Module):
        """The mean of every map."""

        def forward(self, x: Any) -> Any:
            return x.mean((2, 3))

    def norm(channels: int, filters: int, size: int, strides: int = 1) -> list[nn.Module]:
        convolution = nn.Conv2d(channels, filters, size, strides, size // 2, bias=False)
        return [convolution, nn.BatchNorm2d(filters)]

    def resnet20() -> nn.Module:
        stack, channels = [*norm(3, 16, 3), nn.ReLU()], 16
        for filters in (16, 32, 64):
            for block in range(3):
                strides = 2 if block == 0 and filters > 16 else 1
                stack.append(Residual(channels, filters, strides))
                channels = filters

        return nn.Sequential(*stack, Cells(), nn.Linear(channels, 10))

    def small_inception() -> nn.Module:
        def relu(channels: int, filters: int, size: int, strides: int = 1) -> nn.Module:
            return nn.Sequential(*norm(channels, filters, size, strides), nn.ReLU())

        stack, channels = [relu(3, 96, 3)], 96
        for ones, threes in SMALL_INCEPTION:
            if ones:
                stack.append(Inception(relu(channels, ones, 1), relu(channels, threes, 3)))
                channels = ones + threes
            else:
                halved = relu(channels, threes, 3, 2)
                stack.append(Inception(halved, nn.MaxPool2d(3, 2, 1)))
                channels += threes
        return nn.Sequential(*stack, Cells(), nn.Linear(channels, 10))

    def augmented(x: Any) -> Any:
        """Bytes (N, 3, 32, 32), mirrored and moved, as numbers from -1 to 1."""
        x = x.float() / 127.5 - 1
        mirrored = torch.rand(len(x)) < 0.5
        x = torch.where(mirrored[:, None, None, None], x.flip(3), x)
        padded = nn.functional.pad(x, [PAD] * 4, value=-1.0)
        down, right = torch.randint(0, 2 * PAD + 1, (2, len(x)))
        rows = (down[:, None] + torch.arange(32))[:, :, None]
        columns = (right[:, None] + torch.arange(32))[:, None, :]
        picked = padded.permute(0, 2, 3, 1)[torch.arange(len(x))[:, None, None], rows, columns]
        return picked.permute(0, 3, 1, 2)

    model = (
        {"ResNet20": resnet20, "SmallInception": small_inception}[network]()
        .to(memory_format=torch.channels_last)
        .train()
    )
    x_train, y_train = data(pictures)
    x, y = torch.from_numpy(x_train).permute(0, 3, 1, 2), torch.from_numpy(y_train)
    optimizer = torch.optim.SGD(
        model.parameters(), RATE, MOMENTUM, weight_decay=DECAY, nesterov=True, foreach=True
    )

    def epoch() -> None:
        total, right = torch.zeros(()), torch.zeros((), dtype=torch.int64)
        for picked in torch.randperm(pictures).split(BATCH):
            optimizer.zero_grad(set_to_none=True)
            logits = model(augmented(x[picked]))
            loss = nn.functional.cross_entropy(logits, y[picked])
            loss.backward()
            optimizer.step()
            total += len(picked) * loss.detach()
            right += (logits.argmax(1) == y[picked]).sum()

    return epoch


def prepare(library: str, /, network: str, pictures: int) -> tuple[Timed, dict[str, Any]]:
    """Build, and warm up with a few batches."""
    build = torch_epoch if library == "torch" else own_epoch
    build(network, 2 * BATCH)()
    return timed(build(network, pictures)), {}


if __name__ == "__main__":
    serve(functools.partial(prepare, sys.argv[1]))
