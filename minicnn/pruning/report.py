"""What pruning has saved: filters, multiplications and parameters, before and after."""

from dataclasses import dataclass
from typing import Any

from minicnn.layers.base import Layer
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.network.views import multiply_adds
from minicnn.pruning.magnitude import sparsity
from minicnn.pruning.wiring import MAKERS
from minicnn.wording import percent

Change = tuple[int, int]  # before, after


@dataclass(frozen=True)
class PruningReport:
    """What `savings` found; `str()` is a table for the terminal.

    Attributes:
        filters: of each layer with filters or units, by path, before and after.
        multiplications: multiply-add pairs of one picture's forward pass, likewise.
        parameters: numbers in all layers' weights, likewise.
        sparsity: the share of zeros in kernels, likewise.
    """

    filters: dict[str, Change]
    multiplications: Change
    parameters: Change
    sparsity: tuple[float, float]

    @property
    def fewer(self) -> float:
        """How many times fewer multiplications there are."""
        return self.multiplications[0] / self.multiplications[1]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        pairs = {
            "multiplications": self.multiplications,
            "parameters": self.parameters,
            "sparsity": self.sparsity,
        }
        named = {what: {"before": a, "after": b} for what, (a, b) in pairs.items()}
        filters = {path: {"before": a, "after": b} for path, (a, b) in self.filters.items()}
        return {"filters": filters, **named}

    def to_text(self) -> str:
        """Layers whose filters have become fewer, and the sums."""
        rows = [(path, a, b) for path, (a, b) in self.filters.items() if a != b]
        rows += [
            ("multiplications", *self.multiplications),
            ("parameters", *self.parameters),
        ]
        wide = max(len(name) for name, *_ in rows)
        lines = [f"{'':{wide}} {'before':>12} {'after':>12} {'left':>8}"]
        lines += [f"{name:{wide}} {a:12,} {b:12,} {percent(b / a):>8}" for name, a, b in rows]
        if any(self.sparsity):
            before, after = map(percent, self.sparsity)
            lines.append(f"{'zeros':{wide}} {before:>12} {after:>12}")
        return "\n".join(lines)

    __str__ = to_text


@known_arguments
def savings(before: Network, after: Network) -> PruningReport:
    """What a model has lost on the way to another one of the same layers.

    Raises ValueError for models with other layers.

    >>> model = applications.DocumentedCNN(seed=0)
    >>> print(pruning.savings(model, pruning.prune_filters(model, multiplications=0.5)))
                          before        after     left
    conv2d                    32           24   75.0 %
    conv2d_1                  64           40   62.5 %
    conv2d_2                 128           80   62.5 %
    multiplications    5,139,072    2,546,400   49.5 %
    parameters           161,098       81,186   50.4 %
    """
    ones, others = widths(before), widths(after)
    if list(ones) != list(others):
        raise ValueError(
            f"savings expected a model with the layers of {before.name!r}, {', '.join(ones)}, "
            f"received {', '.join(others)}"
        )
    return PruningReport(
        {path: (ones[path], others[path]) for path in ones},
        (multiply_adds(before), multiply_adds(after)),
        (before.count_params(), after.count_params()),
        (sparsity(before), sparsity(after)),
    )


def widths(model: Network) -> dict[str, int]:
    """The filters or units of every layer that has them, by path."""
    return {path: width(layer) for path, layer in model.leaves.items() if type(layer) in MAKERS}


def width(layer: Layer) -> int:
    """How many channels it makes."""
    return layer.output_shape[-1]
