"""Networks that go out as .onnx files and come in again, by the hundred.

    python tests/check_onnx_files.py [chains] [graphs]

prints one JSON line (the last one is docs/results/onnx_files.json) and exits with 1 where something
is further than 1e-5 from what it must be, relative to the largest number:

    chains      drawn Sequential models of all layers: ONNX Runtime computes what they do, and what
                is read again does
    graphs      drawn graphs (graph_cases.py), likewise
    zoo         the networks of minicnn.applications, likewise
    light       nine known architectures that the library `onnx` has: what ONNX Runtime computes, or
                the operator that is refused
    nodes       ONNX' tests of single operators, which docs/results/onnx_nodes.json then lists
"""

import contextlib
import json
import platform
import sys
import tempfile
import warnings
from pathlib import Path

import graph_cases
import graph_models
import graph_parts
import numpy as np
import onnx
import onnx_models as models
import onnx_nodes
import onnxruntime

from minicnn import Input, Sequential, applications, layers
from minicnn.errors import ModelFileError
from minicnn.layers.elementwise import FUNCTIONS
from minicnn.saving import onnx as files
from minicnn.saving.onnx.from_onnx import constants, reader

CHAINS, GRAPHS = 200, 100
RESULTS = Path(__file__).parents[1] / "docs" / "results"
ZOO = [name for name in applications.__all__ if name[0].isupper()]
ONE_WAY = ("squareplus", "sparse_plus")  # are written as operators that no layer is


class Pen:
    """Draws a Sequential."""

    def __init__(self, seed):
        self.rng = np.random.default_rng((17, seed))
        self.names = [name for name in FUNCTIONS if name not in ONE_WAY]

    def pick(self, *options):
        return options[int(self.rng.integers(len(options)))]

    def activation(self):
        return self.pick(None, "relu", self.pick(*self.names), "gelu", "leaky_relu", "relu6")

    def of_pictures(self):
        """A layer of pictures of at least 4 rows and columns."""
        pick, names = self.pick, self.names
        filters, kernel = pick(2, 4, 6), pick(1, 2, 3)
        step = {"padding": pick("same", "valid"), "strides": pick(1, 1, 2)}
        return pick(
            lambda: layers.Conv2D(filters, kernel, activation=self.activation(), **step),
            lambda: layers.Conv2D(
                filters, kernel, padding="same", dilation_rate=pick(1, 2), use_bias=False
            ),
            lambda: layers.DepthwiseConv2D(kernel, depth_multiplier=pick(1, 2), **step),
            lambda: layers.SeparableConv2D(filters, kernel, activation=self.activation(), **step),
            lambda: layers.Conv2DTranspose(filters, kernel, **step),
            lambda: layers.BatchNormalization(scale=pick(True, False)),
            lambda: layers.MaxPooling2D(pick(2, 3), pick(1, 2, None), pick("same", "valid")),
            lambda: layers.AveragePooling2D(pick(2, 3), pick(1, 2), pick("same", "valid")),
            lambda: layers.ZeroPadding2D(((0, 1), (2, 0))),
            lambda: layers.Cropping2D(((1, 0), (0, 1))),
            lambda: layers.UpSampling2D((1, 2), pick("nearest", "bilinear")),
            lambda: layers.Resizing(pick(5, 8), 7, pick("nearest", "bilinear")),
            lambda: layers.LayerNormalization(pick(-1, [1, 2, 3])),
            lambda: layers.GroupNormalization(pick(1, -1)),
            lambda: layers.PReLU(shared_axes=pick(None, [1, 2])),
            lambda: layers.Activation(pick(*names)),
            lambda: layers.Rescaling(pick(0.5, 2.0), pick(0.0, -1.0)),
            lambda: layers.Permute(pick((2, 1, 3), (3, 1, 2))),
            lambda: layers.Softmax(pick(-1, 1, [1, 2])),
            lambda: layers.Dense(filters),
            lambda: layers.SpatialDropout2D(0.2),
        )()

    def of_vectors(self):
        return self.pick(
            lambda: layers.Dense(self.pick(3, 8), self.activation()),
            layers.BatchNormalization,
            lambda: layers.Dropout(0.5),
            lambda: layers.LeakyReLU(0.25),
            layers.ELU,
        )()


def chain(seed):
    """A drawn Sequential: layers on pictures, then on vectors."""
    pen = Pen(seed)
    rows, columns, channels = pen.pick(9, 11, 13), pen.pick(8, 10, 11), pen.pick(1, 3, 4)
    model = Sequential([Input((rows, columns, channels))], seed=seed)
    for _ in range(pen.pick(2, 4, 6, 8)):
        model.add(pen.of_pictures())
        if min(model.output_shape[1:3]) < 4:
            break
    pools = layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D
    model.add(pen.pick(layers.Flatten, layers.Flatten, *pools)())
    for _ in range(pen.pick(0, 1, 2)):
        model.add(pen.of_vectors())
    model.add(layers.Dense(3, pen.pick("softmax", "sigmoid", None)))
    return models.drawn(model, seed)


def there_and_back(model, inputs, path):
    """How far ONNX Runtime, and the model that is read again, are from a model."""
    expected = models.predicted(model, inputs)
    files.write(path, model)
    again = models.read(path)
    again.engine = model.engine
    return (
        models.apart(models.run(path, inputs), expected),
        models.apart(models.predicted(again, inputs), expected),
    )


def zoo():
    """(name, model, inputs) of the networks that are known by name, as they are made."""
    sizes = {"ResNet50": 64, "EfficientNetB0": 64, "MobileNetV2": 64}
    for name in ZOO:
        make = getattr(applications, name)
        options = (
            {"input_shape": (sizes[name],) * 2 + (3,), "weights": None} if name in sizes else {}
        )
        model = make(seed=0, **options)
        model.engine = "reference"
        yield name, model, models.samples(model, 2)


def light():
    """By architecture: how far from ONNX Runtime, or why it is refused."""
    folder, found = Path(onnx.__file__).parent / "backend/test/data/light", {}
    for module in (reader, constants):
        module.MADE = 2**28  # their weights are made by ConstantOfShape
    reader.FOLDED = 2**31
    for path in sorted(folder.glob("*.onnx")):
        name = path.stem.removeprefix("light_")
        try:
            model = models.read(path)
        except ModelFileError as error:
            found[name] = str(error).split(": ", 1)[1]
            continue
        model.engine = "reference"
        (x,) = models.samples(model, 1)
        (expected,) = models.run(path, [x.transpose(0, 3, 1, 2)])
        (received,) = models.predicted(model, [x])
        found[name] = models.apart([received.reshape(expected.shape)], [expected])
    return found


def nodes():
    """ONNX' own tests of operators; what happened is written down."""
    found = onnx_nodes.outcomes()
    refused = [
        {"operator": one.operator, "name": one.name, "why": one.why.split("('", 1)[-1]}
        for one in found
        if one.outcome == "refused"
    ]
    refused = [one | {"why": one["why"].split("') ", 1)[-1]} for one in refused]
    counts = onnx_nodes.counted(found)
    result = {
        "check": "ONNX' tests of single operators", "onnx": onnx.__version__,
        "in_scope": len(found), "passed": counts["passed"], "failed": counts.get("failed", 0),
        "refused": refused,
    }  # fmt: skip
    (RESULTS / "onnx_nodes.json").write_text(json.dumps(result, indent=1) + "\n")
    return {key: value for key, value in result.items() if key in ("in_scope", "passed", "failed")}


def main(chains, graphs):
    worst, wrong, refused = {}, [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"

        def check(kind, name, model, inputs):
            try:
                errors = there_and_back(model, inputs, path)
            except ModelFileError as error:
                refused.append(f"{kind} {name}: {error!s:.200}")
                return
            worst[kind] = max(worst.get(kind, 0.0), *errors)
            if max(errors) > models.TOLERANCE:
                wrong.append(f"{kind} {name}: {errors}")

        for seed in range(chains):
            model = chain(seed)
            check("chains", seed, model, models.samples(model))
        for seed in range(graphs):
            graph = graph_cases.draw(seed)
            inputs = [x.astype(np.float32) for x in graph_parts.given(graph)]
            check("graphs", seed, graph_models.model_of(graph, "float32"), inputs)
        for name, model, inputs in zoo():
            check("zoo", name, model, inputs)
    known = light()
    far = [name for name, one in known.items() if isinstance(one, float) and one > 1e-5]
    single = nodes()
    good = not (wrong or refused or far or single["failed"])
    result = {
        "check": ".onnx files there and back", "passed": good, "chains": chains, "graphs": graphs,
        "zoo": len(ZOO), "worst": worst, "wrong": wrong, "refused": refused,
        "light": known, "nodes": single, "onnx": onnx.__version__,
        "onnxruntime": onnxruntime.__version__, "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }  # fmt: skip
    print(json.dumps(result))
    return 0 if good else 1


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    counts = [int(one) for one in sys.argv[1:3]]
    with contextlib.suppress(BrokenPipeError):
        raise SystemExit(main(*(counts + [CHAINS, GRAPHS][len(counts) :])))
