"""A traced step: what was computed in it, as an object and as a file."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from minicnn.explain.tracing.exact import array_of, text_of
from minicnn.names import known_arguments
from minicnn.saving import atomic
from minicnn.types import Array

FORMAT, VERSION = "minicnn trace", 1


# what the indices of an array count, by what its name has and by how many they are
AXES = {
    ("kernel", 4): ("row", "column", "channel", "filter"),
    ("kernel", 2): ("input", "unit"),
    ("patches", 3): ("group", "place", "cell"),
    ("loss", 2): ("picture", "class"),
    ("", 4): ("picture", "row", "column", "channel"),
    ("", 2): ("picture", "number"),
}


def axes_of(name: str, rank: int) -> tuple[str, ...]:
    """Words for the indices of an array; none where they say nothing."""
    if name.endswith(("x_hat", "mean", "total", "largest")):
        return ()
    return next((words for (part, n), words in AXES.items() if n == rank and part in name), ())


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """Every number of one training step; `why` explains them.

    Attributes:
        about: "model", "loss", "optimizer" and so on: what was run, as JSON-able values.
        rows: the inputs, the layers in the order in which they ran, and the loss, as dicts: "name",
            "class", "reads" (names of rows), "arrays" (the names of its arrays), "config".
        arrays: all arrays by name, such as "conv2d/output"; see docs/trace.md.
        reasons: what the numbers of each array are; see sums.py.
    """

    about: dict[str, Any]
    rows: list[dict[str, Any]]
    arrays: dict[str, Array]
    reasons: dict[str, dict[str, Any]] = field(default_factory=dict)

    def to_text(self) -> str:
        """The rows as a table: what came out, and how large the gradients are."""
        about = self.about
        cells = [("layer", "class", "output", "largest |dy|", "largest |weight's gradient|")]
        for row in self.rows:
            name = row["name"]
            shape = "x".join(map(str, self.arrays[row["arrays"][0]].shape)) or "one number"
            gradients = [a for a in row["arrays"] if a.endswith("/gradient")]
            cells.append(
                (
                    name,
                    row["class"],
                    shape,
                    self._largest([f"{name}/dy"]),
                    self._largest(gradients),
                )
            )
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]
        numbers = sum(array.size for array in self.arrays.values())
        return "\n".join(
            [
                f"Step {about['step']} of {about['model']!r}: {about['samples']} "
                f"sample{'s' * (about['samples'] != 1)}, loss {about['loss']['value']:.6g}, "
                f"{about['optimizer']['class']}; {numbers:,} numbers in {len(self.arrays)} arrays",
                *lines,
            ]
        )

    def _largest(self, names: list[str]) -> str:
        arrays = [self.arrays[name] for name in names if name in self.arrays]
        return f"{max(float(np.abs(array).max()) for array in arrays):.3g}" if arrays else ""

    def to_json(self) -> str:
        """The trace as the text of a JSON file; an array that is another one, and a piece of code,
        are written once.
        """
        code = [one["code"] for one in self.reasons.values() if "code" in one]
        reasons = {
            name: one | {"code": f"{one['code']['file']}:{one['code']['line']}"}
            if "code" in one
            else one
            for name, one in self.reasons.items()
        }
        written: dict[int, str] = {}
        parts = []
        for name, array in self.arrays.items():
            if id(array) in written:
                text = json.dumps({"same": written[id(array)]})
            else:
                written[id(array)] = name
                form: dict[str, Any] = {"shape": list(array.shape), "dtype": array.dtype.name}
                form["axes"] = axes_of(name, array.ndim)
                text = f'{json.dumps(form)[:-1]}, "values": {text_of(array)}}}'
            parts.append(f"{json.dumps(name)}: {text}")
        head: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "about": self.about,
            "rows": self.rows,
            "reasons": reasons,
            "code": {f"{one['file']}:{one['line']}": one for one in code},
        }
        arrays = ",\n".join(parts)
        return f'{json.dumps(head)[:-1]},\n"arrays": {{\n{arrays}\n}}}}\n'

    def to_dict(self) -> dict[str, Any]:
        """The same as values."""
        return json.loads(self.to_json())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the trace as a JSON file, for `load_trace` and docs/see/network.html; the path."""
        atomic.write_text(path, self.to_json())
        return Path(path)

    def __repr__(self) -> str:
        return f"<Trace of {self.about['model']!r}, {len(self.arrays)} arrays>"


@known_arguments
def load_trace(path: str | os.PathLike[str]) -> Trace:
    """The trace that `Trace.save` wrote.

    Raises ValueError for a file that is none.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        if found["format"] != FORMAT or found["version"] != VERSION:
            raise ValueError(f"it says {found['format']!r:.40}, version {found['version']!r:.40}")
        arrays: dict[str, Array] = {}
        for name, one in found["arrays"].items():
            arrays[name] = (
                arrays[one["same"]]
                if "same" in one
                else array_of(one["values"], one["shape"], one["dtype"])
            )
        for reason in found["reasons"].values():
            if "code" in reason:
                reason["code"] = found["code"][reason["code"]]
        return Trace(found["about"], found["rows"], arrays, found["reasons"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"load_trace expected a file of {FORMAT}, version {VERSION}, received {os.fspath(path)}"
            f", which cannot be read as one ({error!s:.100}): write it with minicnn trace or "
            "Trace.save"
        ) from error
