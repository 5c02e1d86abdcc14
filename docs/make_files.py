"""Write the tables in files.md, of what minicnn/saving has words for: layers of Keras, operators of
ONNX and LiteRT, and which of ONNX' own tests are refused, and why.

    python docs/make_files.py

All but the last are asked of the code; that of results/onnx_nodes.json, which
tests/check_onnx_files.py writes.
"""

import json
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from minicnn.layers import LAYERS, Activation, Input, Permute, RandomCrop  # noqa: E402
from minicnn.layers.base import Layer  # noqa: E402
from minicnn.models import Model, Sequential  # noqa: E402
from minicnn.saving.keras import layers, operations, telling  # noqa: E402
from minicnn.saving.onnx.from_onnx import constants as onnx_constants  # noqa: E402
from minicnn.saving.onnx.from_onnx import table as onnx_table  # noqa: E402
from minicnn.saving.onnx.to_onnx.file import proto  # noqa: E402
from minicnn.saving.tflite.from_tflite import constants as lite_constants  # noqa: E402
from minicnn.saving.tflite.from_tflite import table as lite_table  # noqa: E402
from minicnn.saving.tflite.from_tflite.bounded import unpacked  # noqa: E402
from minicnn.saving.tflite.from_tflite.operator import kind_of  # noqa: E402
from minicnn.saving.tflite.schema import IDENTIFIER  # noqa: E402
from minicnn.saving.tflite.to_tflite.file import written as tflite  # noqa: E402
from minicnn.testing.standard import standard_cases  # noqa: E402

PAGE = ROOT / "docs" / "files.md"
NODES = ROOT / "docs" / "results" / "onnx_nodes.json"
BEGIN, END = "<!-- written by docs/make_files.py: {} -->\n", "<!-- end: {} -->\n"
FRAME = {"Transpose", "Identity"}  # what a network needs in ONNX, not the layer


def keras_layers() -> str:
    """Layers in files of Keras: what they become here, and whether they are written."""
    lines = ["| layer of Keras | here | weights, in order | written to |", "|---|---|---|---|"]
    for name, kind in sorted(layers.KINDS.items()):
        weights = ", ".join(f"`{one.partition('?')[0]}`" for one in kind.weights)
        old = "" if name in telling.NEW_LAYERS else ", `.h5`"
        written = f"`.keras`{old}" if kind.layer == name else ""
        lines.append(f"| `{name}` | `{kind.layer}` | {weights} | {written} |")
    only = sorted({cls.__name__ for cls in LAYERS.values()} - layers.KINDS.keys())
    lines.append(f"| | {', '.join(f'`{name}`' for name in only)} | | |")
    return "\n".join(lines) + "\n"


def keras_arguments() -> str:
    """Arguments that minicnn has not, with the values that change nothing."""
    lines = ["| argument of Keras | read when it is |", "|---|---|"]
    for name, values in sorted(layers.EXTRA.items()):
        told = ["anything" if one is layers.ANY else f"`{one!r}`" for one in values]
        lines.append(f"| `{name}` | {', '.join(told)} |")
    lines.append("| any other that minicnn's layer does not take | `None` |")
    return "\n".join(lines) + "\n"


def keras_operations() -> str:
    """Operations between layers."""
    names = ", ".join(f"`{name}`" for name in operations.KINDS)
    old = ", ".join(f"`{name}`" for name in operations.FUNCTIONS)
    return f"Keras 3: {names}.\n\nKeras 2: {old}.\n"


def cases() -> Iterator[tuple[str, Layer, Model]]:
    """(name, layer, a network of it alone), of every kind of layer and every activation."""
    for case, (layer, shape) in standard_cases().items():
        if case == "RandomCrop":
            layer = RandomCrop(3, 2)
        is_activation = isinstance(layer, Activation)
        if layer.activation_layer is not None and not is_activation:
            continue
        name = type(layer).__name__
        one = deepcopy(layer)
        if isinstance(shape[0], tuple):
            inputs = [Input(each) for each in shape]
            yield name, layer, Model(inputs, one(inputs))
        else:
            name = f"{name}({layer.activation!r})" if is_activation else name
            yield name, layer, Sequential([Input(shape), one])


def operators() -> str:
    """Layers, and the operators that they are written as."""
    onnx: dict[str, set[str]] = {}
    lite: dict[str, set[str]] = {}
    for name, layer, model in cases():
        if not model.built:
            model.build()
        kinds = {node.op_type for node in proto(model).graph.node}
        onnx.setdefault(name, set()).update(kinds if isinstance(layer, Permute) else kinds - FRAME)
        codes = unpacked(tflite(model, "float32"), "Model", IDENTIFIER).get("operator_codes", [])
        own = {kind_of(code) for code in codes}
        # what comes in comes out of an operator, even where no layer has one
        kept = own == {"RESHAPE"} and model.output_shape == model.input_shape
        lite.setdefault(name, set()).update(set() if kept else own)
    lines = ["| layer | ONNX | LiteRT |", "|---|---|---|"]
    for name in sorted(onnx):
        told = [", ".join(sorted(kinds[name])) or "nothing" for kinds in (onnx, lite)]
        lines.append(f"| `{name}` | {' | '.join(told)} |")
    return "\n".join(lines) + "\n"


def onnx_operators() -> str:
    """Operators of ONNX that are read."""
    refused = "; ".join(f"{kind}, for {why}" for kind, why in onnx_table.WHY.items())
    return (
        f"As layers: {', '.join(sorted(onnx_table.TABLE))}.\n\n"
        "Of constants, and computed at once: "
        f"{', '.join(sorted({*onnx_constants.FOLDED, 'Constant'}))}.\n\n"
        f"Refused, whatever they are in: {refused}; and all others.\n"
    )


def litert_operators() -> str:
    """Operators of LiteRT that are read."""
    return (
        f"As layers: {', '.join(sorted(lite_table.TABLE))}.\n\n"
        f"Of constants, and computed at once: {', '.join(sorted(lite_constants.CONSTANTS))}.\n"
    )


def onnx_tests() -> str:
    """Tests of ONNX that are refused, by operator and reason."""
    told = json.loads(NODES.read_text(encoding="utf-8"))
    found: dict[tuple[str, str], list[str]] = {}
    for one in told["refused"]:
        # what names the test says the same of others
        why = one["why"].removeprefix(f"'{one['name']}': ").replace("|", "\\|")
        found.setdefault((one["operator"], why), []).append(one["name"].removeprefix("test_"))
    lines = [
        f"Of {told['in_scope']} tests that onnx {told['onnx']} makes {told['passed']} pass; the "
        "others are refused:",
        "",
        "| operator | why | tests |",
        "|---|---|---|",
    ]
    for (kind, why), names in sorted(found.items()):
        lines.append(f"| {kind} | {why} | {', '.join(names)} |")
    return "\n".join(lines) + "\n"


TABLES = {
    "layers": keras_layers,
    "arguments": keras_arguments,
    "keras operations": keras_operations,
    "onnx": onnx_operators,
    "onnx tests": onnx_tests,
    "litert": litert_operators,
    "operators": operators,
}


def written(page: str) -> str:
    """The page with the tables as they are to be."""
    for name, table in TABLES.items():
        begin, end = BEGIN.format(name), END.format(name)
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}{table()}{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
