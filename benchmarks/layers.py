"""The engine's convolutions beside oneDNN's, shape by shape and pass by pass, on this machine, as
ratios.

    python benchmarks/layers.py [--peers-python PATH] [--threads N] [--quick] [--json PATH]

Above 1 the engine is faster. oneDNN is called through PyTorch, in the memory format that suits the
shape better.
"""

import argparse
import math
import statistics
import sys
from typing import Any, NamedTuple

from convolutions import PASSES
from reporting import add_options, begin, table
from sides import KEEP_MEMORY, Side, alternate, ratio

FLOOR = 0.8  # of oneDNN's speed: marked where it is missed
WORK = 4e9  # operations of a pass, some 10 ms of two fast cores
NUMBERS = 2**24  # in a batch of inputs and its outputs, 64 MB
HEADINGS = ["", "batch", *(part for name in PASSES for part in (name, "minicnn", "oneDNN"))]


class Shape(NamedTuple):
    """A square convolution over square pictures, as convolutions.py has it."""

    family: str
    side: int
    channels: int
    filters: int
    kernel: int = 3
    stride: int = 1
    padding: str = "same"
    groups: int = 1
    residual: bool = False

    @property
    def output(self) -> int:
        """Rows, and columns, of the output."""
        covered = self.side if self.padding == "same" else self.side - self.kernel + 1
        return math.ceil(covered / self.stride)

    @property
    def operations(self) -> int:
        """Of one picture; additions and multiplications both count, padding too."""
        return 2 * self.output**2 * self.kernel**2 * self.channels * self.filters // self.groups

    @property
    def batch(self) -> int:
        """A power of two from 8 to 256, for about WORK and at most NUMBERS; 64 in the documented
        network.
        """
        if self.family == "documented":
            return 64
        numbers = self.side**2 * self.channels + self.output**2 * self.filters
        wanted = min(WORK / self.operations, NUMBERS / numbers)
        return 2 ** min(8, max(3, math.floor(math.log2(wanted) + 0.5)))

    def __str__(self) -> str:
        stride = f" /{self.stride}" if self.stride > 1 else ""
        size = f"{self.kernel}x{self.kernel}{stride}"
        more = " valid" if self.padding == "valid" else ""
        if self.groups > 1:
            more += " depthwise" if self.groups == self.channels else f" in {self.groups} groups"
        more += " + BN + sum + ReLU" if self.residual else ""
        return f"{self.side}x{self.side}x{self.channels} -> {self.filters}, {size}{more}"


def residual_stages(family: str, side: int) -> list[Shape]:
    """ResNet-18 after its first layer: 64 channels, and then three times half the side and twice
    the channels.
    """
    shapes = [Shape(family, side, 64, 64)]
    for channels in (64, 128, 256):
        shapes += [
            Shape(family, side, channels, 2 * channels, stride=2),
            Shape(family, side, channels, 2 * channels, kernel=1, stride=2),
            Shape(family, side // 2, 2 * channels, 2 * channels),
        ]
        side //= 2
    return shapes


def depthwise(side: int, channels: int, kernel: int = 3, stride: int = 1) -> Shape:
    return Shape("depthwise", side, channels, channels, kernel, stride, groups=channels)


def residual(side: int, channels: int) -> Shape:
    return Shape("residual", side, channels, channels, residual=True)


SHAPES = [
    Shape("documented", 32, 3, 32, padding="valid"),
    Shape("documented", 15, 32, 64, padding="valid"),
    Shape("documented", 6, 64, 128, padding="valid"),
    Shape("ResNet-18 (CIFAR)", 32, 3, 64),
    *residual_stages("ResNet-18 (CIFAR)", 32),
    Shape("ResNet-18", 224, 3, 64, kernel=7, stride=2),
    *residual_stages("ResNet-18", 56),
    Shape("airbench94", 32, 3, 24, kernel=2, padding="valid"),
    Shape("airbench94", 31, 24, 64),
    Shape("airbench94", 15, 64, 64),
    Shape("airbench94", 15, 64, 256),
    Shape("airbench94", 7, 256, 256),
    Shape("airbench94", 3, 256, 256),
    Shape("1x1", 128, 64, 64, kernel=1),
    Shape("1x1", 56, 64, 256, kernel=1),
    Shape("1x1", 56, 256, 64, kernel=1),
    Shape("1x1", 28, 256, 512, kernel=1),
    Shape("1x1", 14, 512, 512, kernel=1),
    Shape("other", 128, 64, 64),
    Shape("other", 128, 64, 128, stride=2),
    Shape("other", 64, 128, 128),
    Shape("other", 32, 256, 256),
    Shape("other", 8, 512, 512),
    # MobileNetV2 at 96x96 and 224x224, EfficientNetB0
    *(depthwise(side, channels) for side, channels in ((48, 32), (24, 144), (12, 192), (6, 576))),
    *(depthwise(48, 96, stride=2), depthwise(24, 144, stride=2), depthwise(56, 144)),
    *(depthwise(28, 240, kernel=5), depthwise(14, 480, kernel=5)),
    # ResNeXt-50, ShuffleNet
    *(Shape("grouped", side, n, n, groups=32) for side, n in ((56, 128), (28, 256), (14, 512))),
    Shape("grouped", 28, 240, 240, kernel=1, groups=3),
    # ResNet-20, ResNet-18
    *(residual(side, channels) for side, channels in ((32, 16), (16, 32), (8, 64))),
    *(residual(side, channels) for side, channels in ((56, 64), (28, 128), (14, 256))),
]


def geometric_mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def measure(
    shape: Shape, name: str, own: Side, peer: Side, pairs: int, seconds: float
) -> dict[str, Any]:
    """One pass of one shape on both sides."""
    what = shape._asdict() | {"batch": shape.batch}
    geometry = {key: value for key, value in what.items() if key != "family"}
    own.prepare(name=name, **geometry)
    notes = peer.prepare(name=name, **geometry)
    ours, theirs = alternate(lambda: own.block(seconds, 3), lambda: peer.block(seconds, 3), pairs)
    speed = ratio(theirs, ours)
    work = shape.batch * shape.operations
    return what | {
        "shape": str(shape),
        "pass": name,
        "minicnn_seconds": ours,
        "peer_seconds": theirs,
        "peer_memory_format": notes["memory_format"],
        "minicnn_gflops": work / statistics.median(ours) / 1e9,
        "peer_gflops": work / statistics.median(theirs) / 1e9,
        "speed_ratio": speed,
    }


def row(shape: Shape, records: list[dict[str, Any]]) -> list[str]:
    """Shape and batch, and then for each pass the ratio of speeds, marked below FLOOR, and both
    sides' GFLOP/s.
    """
    cells = ["  " + str(shape), str(shape.batch)]
    for record in records:
        speed = record["speed_ratio"][0]
        cells += [
            f"{speed:.2f}{'!' if speed < FLOOR else ' '}",
            f"{record['minicnn_gflops']:.0f}",
            f"{record['peer_gflops']:.0f}",
        ]
    return cells


KINDS = ("depthwise", "grouped", "residual")  # families with a mean of their own


def kinds(records: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The records of plain convolutions, and of each other kind that is there."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        kind = record["family"] if record["family"] in KINDS else "plain"
        found.setdefault(kind, []).append(record)
    return found


def summary(records: list[dict[str, Any]]) -> str:
    """The geometric mean of each pass, and what is below the floor."""
    lines = []
    for name in PASSES:
        speeds = [record["speed_ratio"][0] for record in records if record["pass"] == name]
        below = sum(speed < FLOOR for speed in speeds)
        lines.append(
            f"{name}: {geometric_mean(speeds):.2f} in the geometric mean of {len(speeds)} shapes, "
            f"from {min(speeds):.2f} to {max(speeds):.2f}, {below} below {FLOOR}"
        )
    return "\n".join(lines)


def main() -> None:
    families = list(dict.fromkeys(shape.family for shape in SHAPES))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, keeps_history=True)
    parser.add_argument("--families", nargs="+", choices=families, default=families)
    options = parser.parse_args()
    pairs, seconds = 3 if options.quick else 9, 0.1
    results = begin(options, "layers")
    rows: list[list[str]] = []
    with (
        Side(sys.executable, "convolutions.py", "minicnn", options.threads) as own,
        Side(
            options.peers_python, "convolutions.py", "torch", options.threads, KEEP_MEMORY
        ) as peer,
    ):
        for family in options.families:
            rows.append([family, *[""] * (len(HEADINGS) - 1)])
            for shape in (shape for shape in SHAPES if shape.family == family):
                records = [measure(shape, name, own, peer, pairs, seconds) for name in PASSES]
                rows.append(row(shape, records))
                print(*rows[-1], file=sys.stderr, flush=True)
                for record in records:
                    results.add(record)
    print(
        f"\nSpeed of minicnn / speed of oneDNN, and GFLOP/s of both; ! below {FLOOR}; "
        f"{options.threads} threads\n"
    )
    print(table(HEADINGS, rows))
    for kind, records in kinds(results.records).items():
        print(f"\n{kind} convolutions\n{summary(records)}")
        for name in PASSES:
            speeds = [one["speed_ratio"][0] for one in records if one["pass"] == name]
            mean = geometric_mean(speeds)
            results.remember(f"{kind} convolutions, {name}", {"ratio": [mean, mean, mean]})


if __name__ == "__main__":
    main()
