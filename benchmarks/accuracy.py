"""The documented recipe in PyTorch, for the accuracy on README's first screen: prints it, and with
--keep keeps it.

    python benchmarks/accuracy.py cifar-10-python.tar.gz [--seeds 0 1 2] [--keep]

in the environment of the peers.

As examples/train_cifar.py: the last fifth of the pictures held out, Adam, batches of 64, a tenth of
the learning rate after 5 epochs without a lower validation loss, the end after 10, then the weights
of the best epoch.
"""

import argparse
import copy
import json
import time

import numpy as np
import torch
from first_screen import ACCURACIES
from jobs import CLASSES, FILTERS
from torch import nn

from minicnn import datasets

# LEAST: what ReduceLROnPlateau takes for progress
BATCH, EPOCHS, END, LOWER, LEAST = (
    64,
    100,
    10,
    5,
    1e-4,
)


def network() -> nn.Module:
    """The documented network, which ends in logits."""
    stack: list[nn.Module] = []
    channels, side = 3, 32
    for filters in FILTERS:
        stack += [
            nn.Conv2d(channels, filters, 3),
            nn.ReLU(),
            nn.BatchNorm2d(filters, 1e-3, 0.01),
            nn.MaxPool2d(2),
        ]
        channels, side = filters, (side - 2) // 2
    stack += [
        nn.Flatten(),
        nn.Linear(channels * side**2, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, CLASSES),
    ]
    return nn.Sequential(*stack).to(memory_format=torch.channels_last)


def examine(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
    """Mean loss and accuracy."""
    model.eval()
    with torch.inference_mode():
        logits = torch.cat([model(batch) for batch in x.split(500)])
    loss = nn.functional.cross_entropy(logits, y)
    return loss.item(), (logits.argmax(1) == y).float().mean().item()


def train(seed: int, x: torch.Tensor, y: torch.Tensor) -> nn.Module:
    """The network after the recipe."""
    torch.manual_seed(seed)
    model, held_out = network(), len(x) * 4 // 5
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7, fused=True)
    best = plateau = float("inf")
    waited = still = 0
    kept = copy.deepcopy(model.state_dict())
    for epoch in range(EPOCHS):
        begun = time.perf_counter()
        model.train()
        for picked in torch.randperm(held_out).split(BATCH):
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(model(x[picked]), y[picked]).backward()
            optimizer.step()
        loss, accuracy = examine(model, x[held_out:], y[held_out:])
        print(
            f"epoch {epoch + 1} {loss:.4f} {100 * accuracy:.1f} % "
            f"{time.perf_counter() - begun:.0f} s",
            flush=True,
        )
        waited, still = waited + 1, still + 1
        if loss < best:
            best, waited, kept = loss, 0, copy.deepcopy(model.state_dict())
        if loss < plateau - LEAST:
            plateau, still = loss, 0
        if still == LOWER:
            optimizer.param_groups[0]["lr"] /= 10
            still = 0
        if waited == END:
            break
    model.load_state_dict(kept)
    return model


def tensor(pictures: np.ndarray) -> torch.Tensor:
    """Bytes (N, H, W, C) as numbers from 0 to 1, (N, C, H, W) in channels_last."""
    return torch.from_numpy(pictures.astype(np.float32) / 255).permute(0, 3, 1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the documented network with PyTorch.")
    parser.add_argument("data", help="CIFAR-10's tarball")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--keep", action="store_true", help="write the result into docs/results/documented.json"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    (x, y), (x_test, y_test) = datasets.cifar10.load_data(options.data)
    labels = torch.from_numpy(y.reshape(-1).astype(np.int64))
    test = tensor(x_test), torch.from_numpy(y_test.reshape(-1).astype(np.int64))
    reached = []
    for seed in options.seeds:
        reached.append(round(examine(train(seed, tensor(x), labels), *test)[1], 4))
        print(f"seed {seed}: test accuracy {100 * reached[-1]:.2f} %", flush=True)
    if options.keep:
        kept = json.loads(ACCURACIES.read_text(encoding="utf-8"))
        kept["torch"] = {"seeds": options.seeds, "test_accuracy": reached}
        lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in kept.items()]
        ACCURACIES.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
