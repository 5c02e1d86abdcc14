"""What a gradient check found, as a table, and whether it is good."""

from collections.abc import Mapping
from dataclasses import dataclass

from minicnn.wording import percent


@dataclass(frozen=True)
class TensorCheck:
    """The comparison of one tensor's gradient."""

    error: float  # worst relative error
    checked: int  # numbers compared
    kinks: int  # numbers left out


@dataclass(frozen=True)
class GradientReport:
    """The comparison of all gradients of one layer or model; str() is a table."""

    name: str
    tensors: Mapping[str, TensorCheck]

    @property
    def error(self) -> float:
        """The worst relative error of any tensor."""
        return max(tensor.error for tensor in self.tensors.values())

    @property
    def kinks(self) -> float:
        """The share of numbers left out."""
        left_out = sum(tensor.kinks for tensor in self.tensors.values())
        return left_out / max(1, left_out + sum(tensor.checked for tensor in self.tensors.values()))

    def __str__(self) -> str:
        rows = [
            f"  {name:<32} {tensor.error:.1e}  ({tensor.checked} checked, {tensor.kinks} kinks "
            "left out)"
            for name, tensor in self.tensors.items()
        ]
        return "\n".join([f"{self.name}: worst relative error {self.error:.1e}", *rows])


def judged(report: GradientReport, tolerance: float) -> GradientReport:
    """The report, where it is a good one. Raises AssertionError with it when not."""
    if not report.error <= tolerance:
        raise AssertionError(
            f"backward is not the derivative of forward: {report}\n  expected at most "
            f"{tolerance:.0e}"
        )
    if report.kinks > 0.01 and sum(tensor.kinks for tensor in report.tensors.values()) > 1:
        raise AssertionError(
            f"{percent(report.kinks)} of the places are kinks, expected at most 1 %: {report}"
        )
    return report
