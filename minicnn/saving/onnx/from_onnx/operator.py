"""A node of the graph: its operator, what it reads and makes, and its attributes.

Each of these must be asked for: one that nobody knows may mean anything.
"""

from typing import Any, NoReturn

import onnx

from minicnn.errors import ModelFileError
from minicnn.saving.graphs.limits import TEXT
from minicnn.saving.onnx.from_onnx.tensors import Tensors

WHY = 400  # characters of a reason, which may show what the file says
KINDS = {
    onnx.AttributeProto.FLOAT: "f",
    onnx.AttributeProto.INT: "i",
    onnx.AttributeProto.STRING: "s",
    onnx.AttributeProto.FLOATS: "floats",
    onnx.AttributeProto.INTS: "ints",
}


class Operator:
    """A node.

    Attributes:
        kind: the operator, "Conv".
        version: of the operators in the file.
        inputs, outputs: names; "" for an input that is left out.
    """

    def __init__(self, node: onnx.NodeProto, version: int, tensors: Tensors):
        self.kind, self.version = node.op_type, version
        self.inputs, self.outputs = list(node.input), list(node.output)
        self.name = node.name or (self.outputs[0] if self.outputs else "")
        if node.domain not in ("", "ai.onnx"):
            self.refuse(f"is of the domain {node.domain!r:.{TEXT}}, expected ONNX' own operators")
        self.attributes = {one.name: self._value(one, tensors) for one in node.attribute}
        self.asked: set[str] = set()

    def _value(self, attribute: onnx.AttributeProto, tensors: Tensors) -> Any:
        if attribute.ref_attr_name:
            self.refuse(f"has a reference as {attribute.name!r:.{TEXT}}, expected a value")
        if attribute.type == onnx.AttributeProto.TENSOR:
            return tensors.array(attribute.t)
        field = KINDS.get(attribute.type)
        if field is None:
            self.refuse(f"has {attribute.name!r:.{TEXT}} of a kind that classifiers do not have")
        value = getattr(attribute, field)
        if field == "s":
            return value.decode("utf-8", "replace")
        return list(value) if field in ("floats", "ints") else value

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute's value, of the default's kind. Raises ModelFileError for another."""
        self.asked.add(name)
        value = self.attributes.get(name, default)
        kinds: dict[type, Any] = {float: (float, int), int: int, str: str, list: list}
        if default is not None and not isinstance(value, kinds[type(default)]):
            self.refuse(f"expected {name} like {default!r}, received {value!r:.{TEXT}}")
        return value

    def integers(self, name: str, count: int, default: list[int] | None) -> list[int]:
        """An attribute of that many whole numbers."""
        self.asked.add(name)
        values = self.attributes.get(name, default)
        if (
            not isinstance(values, list)
            or len(values) != count
            or not all(isinstance(n, int) for n in values)
        ):
            self.refuse(f"expected {name} of {count} whole numbers, received {values!r:.{TEXT}}")
        return values

    def ignore(self, *names: str) -> None:
        """Attributes without a meaning here."""
        self.asked.update(names)

    def expect(self, name: str, value: Any) -> None:
        """Raise ModelFileError where an attribute is there with another value."""
        self.asked.add(name)
        received = self.attributes.get(name, value)
        if received != value:
            self.refuse(
                f"expected {name}={value!r}, which minicnn's layers can say, received "
                f"{received!r:.{TEXT}}"
            )

    def finish(self) -> None:
        """Raise ModelFileError for an attribute that nobody has asked for."""
        for name in self.attributes.keys() - self.asked:
            self.refuse(f"has the attribute {name!r:.{TEXT}}, which is not known")

    def refuse(self, why: str) -> NoReturn:
        """Raise the ModelFileError that names the node, its operator and why it cannot be read."""
        raise ModelFileError(
            f"the .onnx file's node {self.name!r:.{TEXT}} ({self.kind!r:.{TEXT}}) {why:.{WHY}}"
        )
