"""The recipe of examples/train_94.py in PyTorch, on the same file: prints a JSON line per epoch.

    python benchmarks/ninety_four.py cifar-10-python.tar.gz [--seed 0] [--stop-after 2]

in the environment of the peers.

After airbench94_muon.py of https://github.com/KellerJordan/cifar10-airbench, in float32 on a
processor, in channels_last: the network, its beginning, the optimizers and the schedules are that
program's, so a loss is a sum, weight decay goes through momentum, and the filters of a layer have
one length together. Seconds are those of training; loss and accuracy are the means of an epoch's
batches, as in the history of the example. The last line has the test accuracies.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from minicnn import datasets

EPOCHS, BATCH, WHITENED, WIDTHS = 8, 2000, 3, (64, 256, 256)
BIAS_RATE, HEAD_RATE, FILTER_RATE, DECAY = 0.053, 0.67, 0.24, 2e-6
MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
A, B, C = 3.4445, -4.7750, 2.0315


def convolution(channels: int, filters: int) -> nn.Module:
    """The first filters hand on the channels."""
    made = nn.Conv2d(channels, filters, 3, padding="same", bias=False)
    nn.init.dirac_(made.weight.data[:channels])
    return made


def normalization(filters: int) -> nn.Module:
    """With a shift that is trained, and a scale that is not."""
    made = nn.BatchNorm2d(filters, eps=1e-12, momentum=0.4)
    made.weight.requires_grad = False
    return made


def network(x: torch.Tensor) -> nn.Sequential:
    """The network, whose first layer whitens patches of the pictures x."""
    first = nn.Conv2d(3, 24, 2)
    patches = x.unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 12)
    variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
    filters = (directions / (variances + 5e-4).sqrt()).T.reshape(12, 3, 2, 2)
    first.weight.data = torch.cat([filters, -filters])
    first.weight.requires_grad = False
    stack: list[nn.Module] = [first, nn.GELU()]
    channels = 24
    for width in WIDTHS:
        stack += [convolution(channels, width), nn.MaxPool2d(2), normalization(width), nn.GELU()]
        stack += [convolution(width, width), normalization(width), nn.GELU()]
        channels = width
    head = nn.Linear(channels, 10, bias=False)
    head.weight.data /= head.weight.data.std()
    return nn.Sequential(*stack, nn.MaxPool2d(3), nn.Flatten(), head).to(
        memory_format=torch.channels_last
    )


class Muon(torch.optim.Optimizer):
    """Nesterov's momentum of 0.6, and steps of which all singular values are about 1."""

    def __init__(self, filters: list[nn.Parameter], lr: float):
        super().__init__(filters, {"lr": lr})

    @torch.no_grad()
    def step(self, _: Any = None) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                m = self.state[weight].setdefault("m", torch.zeros_like(weight))
                m.mul_(0.6).add_(weight.grad)
                x = (weight.grad + 0.6 * m).reshape(len(m), -1)
                x = x / (x.norm() + 1e-7)
                for _ in range(3):
                    square = x @ x.T
                    x = A * x + (B * square + C * square @ square) @ x
                weight.mul_(len(m) ** 0.5 / weight.norm())
                weight.sub_(x.reshape(weight.shape), alpha=group["lr"])


def optimizers(model: nn.Sequential, batch: int) -> list[torch.optim.Optimizer]:
    """SGD for the first bias, the other biases and the head, in this order; Muon for filters."""
    shifts = [part.bias for part in model if isinstance(part, nn.BatchNorm2d)]
    groups = [
        {"params": params, "lr": rate, "weight_decay": DECAY * batch / rate}
        for params, rate in (
            ([model[0].bias], BIAS_RATE),
            (shifts, BIAS_RATE),
            ([model[-1].weight], HEAD_RATE),
        )
    ]
    filters = [part.weight for part in model[1:] if isinstance(part, nn.Conv2d)]
    made = [torch.optim.SGD(groups, momentum=0.85, nesterov=True), Muon(filters, FILTER_RATE)]
    for group in (group for one in made for group in one.param_groups):
        group["first"] = group["lr"]
    return made


def shifted(x: torch.Tensor, by: int = 2) -> torch.Tensor:
    """Each picture moved by up to two pixels, mirrored at its edge."""
    padded = nn.functional.pad(x, [by] * 4, mode="reflect").permute(0, 2, 3, 1)
    down, right = torch.randint(0, 2 * by + 1, (2, len(x)))
    rows = (down[:, None] + torch.arange(32))[:, :, None]
    columns = (right[:, None] + torch.arange(32))[:, None, :]
    picked = padded[torch.arange(len(x))[:, None, None], rows, columns]
    return picked.permute(0, 3, 1, 2)  # channels_last


def epoch(
    model: nn.Sequential, made: list, x: torch.Tensor, y: torch.Tensor, batch: int, number: int
) -> dict[str, float]:
    """Train for one; returns its loss and accuracy."""
    model.train()
    steps, total, right = len(x) // batch, 0.0, 0
    order = torch.randperm(len(x))
    for n, picked in enumerate(order.split(batch)[:steps]):
        step = number * steps + n
        outputs = model(shifted(x[picked].flip(3) if number % 2 else x[picked])) / WIDTHS[-1]
        loss = nn.functional.cross_entropy(outputs, y[picked], label_smoothing=0.2, reduction="sum")
        loss.backward()
        for group in (group for one in made for group in one.param_groups):
            group["lr"] = group["first"] * (1 - step / (EPOCHS * steps))
        whitening = made[0].param_groups[0]
        whitening["lr"] = whitening["first"] * max(0.0, 1 - step / (WHITENED * steps))
        for one in made:
            one.step()
        model.zero_grad(set_to_none=True)
        model[0].bias.requires_grad = step + 1 < WHITENED * steps
        total, right = total + loss.item(), right + int((outputs.argmax(1) == y[picked]).sum())
    return {"loss": total / steps / batch, "accuracy": right / steps / batch}


@torch.inference_mode()
def accuracies(model: nn.Sequential, x: torch.Tensor, y: torch.Tensor) -> dict[str, float]:
    """On test pictures, from one view and from six."""
    model.eval()

    def both(x: torch.Tensor) -> torch.Tensor:
        return model(x) + model(x.flip(3))

    def six(x: torch.Tensor) -> torch.Tensor:
        wider = nn.functional.pad(x, [1] * 4, mode="reflect")
        return 2 * both(x) + both(wider[:, :, :-2, :-2]) + both(wider[:, :, 2:, 2:])

    def measured(look: Callable[[torch.Tensor], torch.Tensor]) -> float:
        outputs = torch.cat([look(part) for part in x.split(500)])
        return (outputs.argmax(1) == y).float().mean().item()

    return {"one view": measured(model), "six views": measured(six)}


def tensors(x: np.ndarray, y: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (N, 3, 32, 32) in channels_last with a mean of 0, and labels."""
    scaled = (x.astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(DEVIATION)
    return torch.from_numpy(scaled).permute(0, 3, 1, 2), torch.from_numpy(y.reshape(-1)).long()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="CIFAR-10's tarball")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stop-after", type=int, default=EPOCHS, help="epochs (%(default)s)")
    parser.add_argument("--limit", type=int, help="pictures of each kind")
    parser.add_argument("--batch-size", type=int, default=BATCH)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    parts = datasets.cifar10.load_data(options.data)
    (x, y), test = (tensors(*(part[: options.limit] for part in both)) for both in parts)
    original = datasets.cifar10.is_original(options.data)
    print(json.dumps({"original": original, "seed": options.seed, "torch": torch.__version__}))
    model = network(x[:5000])
    made = optimizers(model, options.batch_size)
    mirrored = torch.rand(len(x)) < 0.5
    x[mirrored] = x[mirrored].flip(3)
    for number in range(options.stop_after):
        begun = time.perf_counter()
        found = epoch(model, made, x, y, options.batch_size, number)
        seconds = round(time.perf_counter() - begun, 1)
        print(json.dumps({"epoch": number + 1, "seconds": seconds, **found}), flush=True)
    print(json.dumps(accuracies(model, *test)))


if __name__ == "__main__":
    main()
