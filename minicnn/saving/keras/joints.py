"""How the layers of a Functional model of Keras are joined: the calls that its file lists, in the
words of any generation, and in an order in which they can be made.

    Keras 3     {"args": [T or [T, ...] or number], "kwargs": {}} for each call,
                T = {"class_name": "__keras_tensor__", "config": {"keras_history": [layer, 0, 0]}}
    Keras 2     [[layer, 0, 0, {}], ...] for each call; the last are the call's other arguments

A tensor is a layer, the number of its call, and which of that call's outputs. Calls of a model
inside are numbered from 0 or from 1, for it may count the one that made it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from minicnn.errors import ModelFileError
from minicnn.network.walk import in_keras_order, walk
from minicnn.saving.keras import words

Reference = tuple[str, int, int]
NO_TENSOR = "_CONSTANT_VALUE"  # Keras 2 puts it before a number


class Call(NamedTuple):
    """A call of a layer: on references, and for operations on numbers too, in order."""

    operands: list[Any]
    given: dict[str, Any]  # by name, what is no tensor

    @property
    def reads(self) -> list[Reference]:
        return [one for one in self.operands if isinstance(one, tuple)]


def call(node: Any) -> Call:
    """One entry of inbound_nodes. Raises ValueError for what is none."""
    if isinstance(node, dict):
        operands = list(_operands(node["args"]))
        given = {}
        for name, value in node["kwargs"].items():
            found = list(_operands(value)) if isinstance(value, dict | list) else []
            if any(isinstance(one, tuple) for one in found) or name in ("x", "x1", "x2", "y"):
                operands += found or [value]
            else:
                given[name] = value
        return Call(operands, given)
    parts = [node] if node and isinstance(node[0], str) else node
    operands, given = [], {}
    for name, number, tensor, *more in parts:
        operands.append(tensor if name == NO_TENSOR else reference([name, number, tensor]))
        for key, value in (more[0] if more else {}).items():
            if _is_reference(value):
                operands.append(reference(value))
            elif isinstance(value, list) and value and all(map(_is_reference, value)):
                operands += map(reference, value)
            elif key == "y":
                operands.append(words.number(value))
            else:
                given[key] = value
    return Call(operands, given)


def _is_reference(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and all(type(n) is int for n in value[1:3])
    )


def reference(value: Any) -> Reference:
    """A tensor's place. Raises ValueError for what is none."""
    if not _is_reference(value) or min(value[1:3]) < 0:
        raise ValueError(f"expected [layer, 0, 0], received {value!r:.80}")
    return (value[0], value[1], value[2])


def _operands(value: Any) -> Iterator[Any]:
    """References and numbers in the arguments of a call."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            yield reference(value["config"]["keras_history"])
            return
        numbers = words.listed(value)
        if numbers is value:
            raise ValueError(f"expected tensors and numbers, received {value!r:.80}")
        yield words.number(numbers)
    elif isinstance(value, list):
        for one in value:
            yield from _operands(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def ends(value: Any) -> Any:
    """Inputs or outputs as they were given: one reference, a list or a dict of them."""
    if _is_reference(value):
        return reference(value)
    if isinstance(value, dict):
        return {str(key): reference(one) for key, one in value.items()}
    found = [reference(one) for one in value]
    return found[0] if len(found) == 1 else found


def listed(found: Any) -> list[Reference]:
    """What `ends` gave, as a list."""
    if isinstance(found, dict):
        return list(found.values())
    return found if isinstance(found, list) else [found]


def first_call(count: int, used: Iterable[int], usual: int) -> int:
    """The number that a model's first call has, 0 or 1, where those numbers are used of `count`
    calls.
    """
    numbers = set(used)
    if not numbers or min(numbers) == 0:
        return 0 if numbers else usual
    return 1 if max(numbers) >= count else usual


class Joint:
    """A node of the graph: it stands for one of network/graph.py's while layers are put in order.

    Attributes:
        layer: the description of the layer.
        inputs: joints.
        call: the joint of the same call's first output.
        index: which output of that call it is.
    """

    def __init__(self, layer: Any, inputs: list["Joint"], first: "Joint | None", index: int):
        self.layer, self.inputs, self.index = layer, inputs, index
        self.call = self if first is None else first
        self.training: bool | None = None


class Graph:
    """Layers and their calls, as a model file describes them.

    Args:
        layers: descriptions, by name.
        calls: what each call of each layer reads.
        modes: calls that are made with training=True or False.
    """

    def __init__(
        self,
        layers: Mapping[str, Any],
        calls: Mapping[str, list[list[Reference]]],
        modes: Mapping[tuple[str, int], bool],
    ):
        self.layers, self.calls, self.modes = layers, calls, modes
        self.joints: dict[Reference, Joint] = {}

    def described(self, inputs: Any, outputs: Any) -> dict[str, Any]:
        """The layers in minicnn's order, the nodes, and which of them are inputs and outputs."""
        begin = [self.joint(one) for one in listed(inputs)]
        end = [self.joint(one) for one in listed(outputs)]
        found = walk(end, begin)  # type: ignore[arg-type]
        walked: list[Any] = found.finished
        firsts = [one for joint in walked for one in (joint.call, joint)]
        rows = list(dict.fromkeys([*begin, *firsts]))
        number = {joint: n for n, joint in enumerate(rows)}
        layers = in_keras_order(found, begin)  # type: ignore[arg-type]
        places = [number[joint] for joint in end]
        form: Any = places if isinstance(outputs, list) else places[0]
        if isinstance(outputs, dict):
            form = dict(zip(outputs, places, strict=True))
        return {
            "layers": layers,
            "nodes": [self._node(joint, number) for joint in rows],
            "inputs": [number[joint] for joint in begin],
            "outputs": form,
        }

    @staticmethod
    def _node(joint: Any, number: Mapping[Any, int]) -> dict[str, Any]:
        node: dict[str, Any] = {"layer": joint.layer["config"]["name"]}
        if joint.call is not joint:
            return node | {"call": number[joint.call], "index": joint.index}
        if joint.inputs:
            node["inputs"] = [number[one] for one in joint.inputs]
        if joint.training is not None:
            node["training"] = joint.training
        return node

    def joint(self, wanted: Reference) -> Joint:
        """The node of a tensor, and those that it needs before it; without recursion, for networks
        are deep.
        """
        stack, opened = [wanted], set()
        while stack:
            name, call, index = now = stack[-1]
            if now in self.joints:
                stack.pop()
                continue
            if name not in self.layers or call >= len(self.calls[name]):
                raise ModelFileError(f"the file has no call {call} of a layer {name!r:.60}")
            needs = [(name, call, 0)] if index else self.calls[name][call]
            missing = [one for one in needs if one not in self.joints]
            if not missing:
                self.joints[now] = self._made(now, [self.joints[one] for one in needs])
            elif now in opened:
                raise ModelFileError(f"the file has a circle at the layer {name!r:.60}")
            opened.add(now)
            stack += missing[::-1]
        return self.joints[wanted]

    def _made(self, wanted: Reference, needs: list[Joint]) -> Joint:
        name, call, index = wanted
        if index:
            return Joint(self.layers[name], needs[0].inputs, needs[0], index)
        if not needs and self.layers[name]["class"] != "InputLayer":
            raise ModelFileError(f"the file calls the layer {name!r:.60} on nothing")
        joint = Joint(self.layers[name], needs, None, 0)
        joint.training = self.modes.get((name, call))
        return joint
