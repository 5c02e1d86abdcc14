"""Write onnx_tables.md: which layers are written as which ONNX operators, which operators are read,
and which of ONNX' own tests are out of scope, and why.

    python docs/make_onnx_tables.py

The first two are asked of the code, the third of results/onnx_nodes.json, which
tests/check_onnx_files.py writes.
"""

import json
import sys
from copy import deepcopy
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
import onnx_models as models  # noqa: E402

from minicnn import layers  # noqa: E402
from minicnn.saving.onnx.from_onnx.constants import FOLDED  # noqa: E402
from minicnn.saving.onnx.from_onnx.table import TABLE, WHY  # noqa: E402
from minicnn.saving.onnx.to_onnx.file import proto  # noqa: E402
from minicnn.testing.standard import standard_cases  # noqa: E402

PAGE = ROOT / "docs" / "onnx_tables.md"
NODES = ROOT / "docs" / "results" / "onnx_nodes.json"
FRAME = {"Transpose", "Identity"}  # what the whole needs, not the layer


def written() -> dict[str, set[str]]:
    """By layer: the operators that its cases become."""
    found: dict[str, set[str]] = {}
    for case, (layer, shape) in standard_cases().items():
        if case == "RandomCrop":
            layer = layers.RandomCrop(3, 2)
        is_activation = isinstance(layer, layers.Activation)
        if layer.activation_layer is not None and not is_activation:
            continue
        graph = proto(models.alone(deepcopy(layer), shape)).graph
        kinds = {node.op_type for node in graph.node}
        own = kinds if isinstance(layer, layers.Permute) else kinds - FRAME
        name = type(layer).__name__
        name = f"{name}({layer.activation!r})" if is_activation else name
        found.setdefault(name, set()).update(own)
    return found


def reasons() -> dict[str, list[dict[str, str]]]:
    """The tests that are refused, by operator."""
    found: dict[str, list[dict[str, str]]] = {}
    for one in json.loads(NODES.read_text(encoding="utf-8"))["refused"]:
        found.setdefault(one["operator"], []).append(one)
    return dict(sorted(found.items()))


def page() -> str:
    """The page."""
    lines = [
        "# ONNX: operators and layers",
        "",
        "Written by `docs/make_onnx_tables.py`. What they are for: [ONNX files](files_onnx.md).",
        "",
        "## Layers, and the operators that they are written as",
        "",
        "Layers that act in training only, such as dropout and augmentation, are not there in a",
        "file for inference. `activation=` is written behind its layer.",
        "",
        "| layer | operators |",
        "|---|---|",
    ]
    for layer, kinds in sorted(written().items()):
        lines.append(
            f"| `{layer}` | {', '.join(sorted(kinds)) or 'none: not there in inference'} |"
        )
    lines += [
        "",
        "## Operators that are read",
        "",
        f"As layers: {', '.join(sorted(TABLE))}.",
        "",
        f"Of constants, and computed at once: {', '.join(sorted({*FOLDED, 'Constant'}))}.",
        "",
        "Refused, whatever they are in: "
        + "; ".join(f"{k}, for {why}" for k, why in WHY.items())
        + "; and all others.",
        "",
        "## ONNX' own tests of operators",
        "",
    ]
    counts = json.loads(NODES.read_text(encoding="utf-8"))
    lines += [
        f"Of the {counts['in_scope']} tests of floats or small integers, one output and pictures",
        f"of two dimensions that onnx {counts['onnx']} makes, {counts['passed']} pass, and the",
        "others are refused, each with a reason:",
        "",
        "| operator | test | why |",
        "|---|---|---|",
    ]
    for kind, tests in reasons().items():
        for one in tests:
            why = one["why"].replace("|", "\\|")
            lines.append(f"| {kind} | {one['name'].removeprefix('test_')} | {why} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
