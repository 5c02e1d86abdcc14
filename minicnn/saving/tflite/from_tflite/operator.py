"""An operator of the graph: what it reads and makes, and its options."""

from typing import Any, NoReturn

from minicnn.errors import ModelFileError
from minicnn.saving.graphs.limits import TEXT
from minicnn.saving.tflite.schema import (
    NONE,
    OPERATORS,
    RELU,
    RELU6,
    RELU_N1_TO_1,
    TANH,
    UNION,
)

NAMES = {number: name for name, number in OPERATORS.items()}
# names of activations by the numbers of those that an operator may have
ACTIVATIONS = {
    NONE: None,
    RELU: "relu",
    RELU_N1_TO_1: "hard_tanh",
    RELU6: "relu6",
    TANH: "tanh",
}


class Operator:
    """An operator.

    Attributes:
        number: its place among the operators.
        kind: "CONV_2D"; "operator 123" for one without a name here.
        inputs, outputs: numbers of tensors; -1 for an input that is left out.
        options: their fields, by name.
        table: the name of their table; None where there are none that are known.
        name: of the first tensor that it makes.
    """

    def __init__(self, number: int, told: dict[str, Any], kind: str, names: list[str]):
        self.number, self.kind = number, kind
        self.inputs = [int(n) for n in told.get("inputs", [])]
        self.outputs = [int(n) for n in told.get("outputs", [])]
        self.name = f"#{number}"
        if not all(-1 <= n < len(names) for n in self.inputs) or not all(
            0 <= n < len(names) for n in self.outputs
        ):
            self.refuse("reads or makes a tensor that is not there")
        if not self.outputs:
            self.refuse("makes nothing")
        self.name = names[self.outputs[0]]
        self.member = told.get("builtin_options_type", 0)
        self.options: dict[str, Any] = told.get("builtin_options", {})

    def expect_options(self, table: str) -> dict[str, Any]:
        """Its options, of that table. Raises ModelFileError for those of another."""
        if self.member not in (0, UNION[table]):
            self.refuse(f"has options of another operator, expected {table}")
        return self.options

    @property
    def activation(self) -> str | None:
        """What it does with its own result."""
        number = self.options.get("fused_activation_function", NONE)
        if number not in ACTIVATIONS:
            self.refuse(f"has the activation {number}, which is not known")
        return ACTIVATIONS[number]

    def refuse(self, why: str) -> NoReturn:
        """Raise the ModelFileError that names the operator and its tensor."""
        raise ModelFileError(
            f"the .tflite file's {self.kind}, which makes {self.name!r:.{TEXT}}, {why}"
        )


def kind_of(code: dict[str, Any]) -> str:
    """The name of what an OperatorCode is: its number is the larger of two, as old files have one
    of them, and new ones both.
    """
    number = max(code.get("builtin_code", 0), code.get("deprecated_builtin_code", 0))
    if "custom_code" in code:
        return f"operator {code['custom_code']!r:.{TEXT}}"
    return NAMES.get(number, f"operator {number}")
