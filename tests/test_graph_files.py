"""Files of networks with branches: what goes in comes out, in every bit, and no description does
anything else.
"""

import copy
import json
import re
import time

import graph_cases
import graph_parts
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import config_of, crafted, floats, header_of, layer, repacked

import minicnn
from minicnn import Input, Model, Sequential, layers, optimizers
from minicnn.errors import ModelFileError
from minicnn.layers.node import Node
from minicnn.models import load_model
from minicnn.network.graph import Graph
from minicnn.saving import structure, weights

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((10, 8, 8, 3)).astype(np.float32), np.arange(10) % 3
engines = pytest.mark.parametrize("engine", ["fast", "reference"])


def decided(x):
    return layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x))


def residual():
    inputs = Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    y = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x))
    return Model(inputs, decided(layers.Activation("relu")(layers.Add()([x, y]))), seed=0)


def shared():
    """A layer that is called three times, on two shapes, first on the second of them in the order
    of nodes.
    """
    inputs, conv = Input((8, 8, 3)), layers.Conv2D(3, 3, padding="same", name="again")
    small = layers.MaxPooling2D()(inputs)
    once = conv(small)
    twice = conv(conv(inputs))
    joined = layers.Concatenate()([layers.Flatten()(twice), layers.Flatten()(once)])
    return Model(inputs, layers.Dense(3, activation="softmax")(joined), seed=0)


def stacked():
    """A Sequential in a Sequential in a Sequential."""
    inner = Sequential(
        [layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization()], name="inner"
    )
    middle = Sequential([inner, layers.MaxPooling2D()], name="middle", seed=3)
    last = [layers.Flatten(), layers.Dense(3, activation="softmax")]
    return Sequential([Input((8, 8, 3)), middle, *last], seed=0, class_names=["a", "b", "c"])


def inside():
    """A model of one input and two outputs in a model, called twice, once with training=False, and
    one layer of it.
    """
    pixels = Input((8, 8, 3))
    maps = layers.Conv2D(3, 3, padding="same", name="seen")(pixels)
    normal = layers.BatchNormalization(name="normal")(maps)
    backbone = Model(pixels, [normal, layers.ReLU()(maps)], name="backbone")
    inputs = Input((8, 8, 3))
    first, _ = backbone(inputs)
    _, second = backbone(first, training=False)
    again = backbone.get_layer("seen")(second)
    return Model(inputs, decided(layers.Add()([first, second, again])), seed=0)


def in_two_models():
    """A model inside two others, and beside them."""
    core = Sequential([Input((8, 8, 3)), layers.Conv2D(3, 1, activation="relu")], name="core")
    left = Sequential([core, layers.BatchNormalization()], name="left")
    right = Sequential([core, layers.ReLU()], name="right")
    inputs = Input((8, 8, 3))
    return Model(
        inputs, decided(layers.Average()([left(inputs), right(inputs), core(inputs)])), seed=0
    )


def fixed():
    inputs = Input((8, 8, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(inputs), training=False)
    return Model(inputs, decided(layers.Dropout(0.5)(x, training=False)), seed=0)


NETWORKS = {
    make.__name__: make for make in (residual, shared, stacked, inside, in_two_models, fixed)
}


def compiled(model):
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", ["accuracy"])
    return model


def there_and_back(model, path):
    model.save(path / "m.safetensors")
    return load_model(path / "m.safetensors")


def bits(values):
    return [value.tobytes() for value in graph_parts.listed(values)]


def named_bits(outputs):
    """Of a dict of outputs, a list of them, or one."""
    parts = outputs if isinstance(outputs, dict) else dict(enumerate(outputs))
    return {name: part.tobytes() for name, part in parts.items()}


def paths(network, before=""):
    for each in network.layers:
        yield before + each.name, type(each), id(each)
        if isinstance(each, Graph):
            yield from paths(each, f"{before}{each.name}/")


def sharing(network):
    """All layers by path, and which of them are one."""
    found = list(paths(network))
    ids = [identity for *_, identity in found]
    return [(path, kind, ids.index(identity)) for path, kind, identity in found]


# Round trips


@engines
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_comes_back_and_trains_on_in_the_same_bits(name, engine, tmp_path):
    model = compiled(NETWORKS[name]())
    model.engine = engine
    model.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
    loaded = there_and_back(model, tmp_path)
    loaded.engine = engine
    assert type(loaded) is type(model)
    assert sharing(loaded) == sharing(model)
    assert (loaded.class_names, loaded.seed, loaded.name) == (
        model.class_names,
        model.seed,
        model.name,
    )
    assert bits(loaded.predict(X)) == bits(model.predict(X))
    for one in (model, loaded):
        one.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
    assert bits(loaded.get_weights()) == bits(model.get_weights())
    assert weights.contents(loaded)[0] == weights.contents(model)[0]
    memory = [one.optimizer.slots for one in (model, loaded)]
    assert (
        memory[0].keys()
        == memory[1].keys()
        == dict((n, v) for n, v, _ in model.parameters()).keys()
    )
    assert all(
        bits([*memory[0][key].values()]) == bits([*memory[1][key].values()]) for key in memory[0]
    )


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 2000))
def test_drawn_networks_come_back(tmp_path_factory, seed):
    graph = graph_cases.draw(seed)
    model = graph_parts.build(minicnn, graph, seed=1)
    model.note_weights()
    loaded = there_and_back(model, tmp_path_factory.mktemp("drawn"))
    assert sharing(loaded) == sharing(model)
    assert weights.contents(loaded)[0] == weights.contents(model)[0]
    x = graph_parts.single(graph_parts.given(graph))
    loaded.engine = model.engine = "reference"  # the engine compiles for every shape
    assert bits(loaded.forward(x)) == bits(model.forward(x))


@pytest.mark.parametrize(
    ("form", "kind"),
    [(lambda a, b: {"a": a, "b": b}, dict), (lambda a, b: [b, a], list), (lambda a, _: [a], Node)],
)
def test_inputs_and_outputs_keep_their_form(form, kind, tmp_path):
    one, two = Input((3,), name="one"), Input((4,), name="two")
    a, b = layers.Dense(2)(one), layers.Dense(2)(two)
    model = Model({"one": one, "two": two}, form(a, b))
    model.note_weights()
    loaded = there_and_back(model, tmp_path)
    assert loaded.input_shape == [(None, 3), (None, 4)] and [
        node.name for node in loaded.inputs
    ] == ["one", "two"]
    assert type(loaded.in_form(loaded.outputs)) is kind
    assert [node.name for node in loaded.outputs] == [node.name for node in model.outputs]
    assert list(loaded._keys or []) == list(model._keys or [])
    x = {"one": np.ones((2, 3), np.float32), "two": np.ones((2, 4), np.float32)}
    found, expected = (named_bits(one.predict(x, verbose=0)) for one in (loaded, model))
    assert found == expected


def test_an_output_alone_of_a_model_inside_and_an_input_that_nothing_depends_on(tmp_path):
    pixels = Input((4,))
    inner = Model(pixels, [layers.Dense(2)(pixels), layers.Dense(3)(pixels)])
    inputs, spare = Input((4,)), Input((5,), name="spare")
    model = Model([spare, inputs], inner(inputs)[1])
    x = [np.ones((2, 5), np.float32), np.ones((2, 4), np.float32)]
    for other in (there_and_back(model, tmp_path), copy.deepcopy(model)):
        assert bits(other.forward(x)) == bits(model.forward(x))


def test_float64_and_class_names_of_a_model_inside(tmp_path):
    base = Sequential([Input((4,)), layers.Dense(2)], name="base", class_names=["yes", "no"])
    inputs = Input((4,))
    loaded = there_and_back(Model(inputs, layers.ReLU()(base(inputs)), dtype="float64"), tmp_path)
    inner = loaded.get_layer("base")
    assert (inner.class_names, inner.dtype, inner.layers[0].dtype) == (
        ["yes", "no"],
        np.float64,
        np.float64,
    )


def test_the_seed_of_a_model_inside_comes_back_where_one_win_form(tmp_path):
    loaded = there_and_back(compiled(stacked()), tmp_path)
    middle = loaded.get_layer("middle")
    assert (middle.is_seeded, middle.seed, middle.get_layer("inner").is_seeded) == (True, 3, False)


class Twice(layers.Layer):
    """A layer of one's own."""

    def forward(self, x, *, training=False):
        self._cache = () if training else None
        return 2 * self.accept(x)

    def backward(self, dy):
        return 2 * self.take_cache(dy)[0]


def test_layers_of_ones_own_in_models_inside(tmp_path):
    base = Sequential([Input((4,)), Twice(), layers.Dense(2)], name="base")
    inputs = Input((4,))
    model = Model(inputs, layers.ReLU()(base(inputs)))
    model.save(tmp_path / "m.safetensors")
    with pytest.raises(ModelFileError, match="names the unknown layer 'Twice'.*custom_objects"):
        load_model(tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors", {"Twice": Twice})
    assert isinstance(loaded.get_layer("base").layers[0], Twice)


def test_weights_go_from_a_file_into_a_network_of_the_same_paths(tmp_path):
    model, other = inside(), inside()
    compiled(model).fit(X, Y, verbose=0)
    model.save_weights(tmp_path / "w.safetensors")
    other.load_weights(tmp_path / "w.safetensors")
    assert bits(other.get_weights()) == bits(model.get_weights())
    assert "backbone/seen/kernel" in other.variables_by_name()


# What stands in a file


def test_a_chain_is_described_as_ever(tmp_path):
    model = Sequential([Input((4,)), layers.Flatten(), layers.Dense(2)], name="chain", seed=0)
    model.save(tmp_path / "m.safetensors")
    expected = {
        "name": "chain", "dtype": "float32", "seed": 0, "input_shape": [None, 4],
        "class_names": None,
        "layers": [
            {"class": "Flatten", "config": {"name": "flatten", "trainable": True}},
            {"class": "Dense", "config": {
                "units": 2, "activation": None, "use_bias": True,
                "kernel_initializer": "glorot_uniform",
                "name": "dense", "trainable": True,
            }},
        ],
    }  # fmt: skip
    described = config_of((tmp_path / "m.safetensors").read_bytes())
    assert json.dumps(described) == json.dumps({"model": expected})


def test_nodes_name_what_they_take_where_it_is_not_the_node_before(tmp_path):
    inside().save(tmp_path / "m.safetensors")
    model = config_of((tmp_path / "m.safetensors").read_bytes())["model"]
    assert model["nodes"] == [
        {"layer": "input_layer"},
        {"layer": "backbone"},
        {"layer": "backbone", "index": 1, "training": False},
        {"layer": "seen"},
        {"layer": "add", "inputs": [1, 2, 3]},
        {"layer": "global_average_pooling2d"},
        {"layer": "dense"},
    ]
    assert (model["inputs"], model["outputs"]) == ([0], 6)
    assert {"shared": "backbone/seen"} in model["layers"]
    assert "input_shape" not in model and "seed" not in model["layers"][1]["config"]


def nested(depth):
    model = Sequential([Input((4,)), layers.ReLU()], name="m1")
    for n in range(2, depth + 1):
        model = Sequential([model], name=f"m{n}")
    return model


def test_as_deep_as_allowed_and_deeper(tmp_path):
    loaded = there_and_back(nested(structure.DEEPEST), tmp_path)
    assert list(loaded.leaves) == [
        "/".join([f"m{n}" for n in range(structure.DEEPEST - 1, 0, -1)] + ["re_lu"])
    ]
    with pytest.raises(
        ValueError, match="a model file has room for 20 models in one another, 'm21' has more"
    ):
        nested(structure.DEEPEST + 1).save(tmp_path / "m.safetensors")


def called(calls):
    inputs, twice = Input((4,)), layers.ReLU(name="twice")
    x = inputs
    for _ in range(calls):
        x = twice(x)
    return Model(inputs, x, name="called")


def test_what_no_file_has_room_for_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(structure, "MOST_CALLS", 10)
    monkeypatch.setattr(structure, "MOST_LAYERS", 12)
    assert there_and_back(called(10), tmp_path).output_shape == (None, 4)
    before = (tmp_path / "m.safetensors").read_bytes()
    many = Sequential(
        [
            Input((4,)),
            Sequential([layers.ReLU() for _ in range(6)]),
            *[layers.ReLU() for _ in range(6)],
        ]
    )
    with pytest.raises(
        ValueError, match="a model file has room for 10 calls of layers, 'called' has more"
    ):
        called(11).save(tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="a model file has room for 12 layers, received 13"):
        many.save(tmp_path / "m.safetensors")
    assert (tmp_path / "m.safetensors").read_bytes() == before


# Descriptions of no model


def described(*nodes, inputs=(0,), outputs=None, more=(), **fields):
    """A graph of an input x, Dense a and b, an Add and a model inside that has two outputs; only
    what nodes call.
    """
    inner = {
        "name": "inner",
        "layers": [
            layer("InputLayer", shape=[4], name="z"),
            layer("ReLU", name="r"),
            layer("ReLU", name="s"),
        ],
        "nodes": [{"layer": "z"}, {"layer": "r"}, {"layer": "s", "inputs": [0]}],
        "inputs": [0],
        "outputs": [1, 2],
    }
    there = {
        "x": layer("InputLayer", shape=[4], name="x"),
        "a": layer("Dense", units=4, name="a"),
        "b": layer("Dense", units=4, name="b"),
        "add": layer("Add", name="add"),
        "inner": layer("Model", **inner),
    }
    called = dict.fromkeys(node.get("layer") for node in nodes if isinstance(node, dict))
    model = {
        "name": "m", "dtype": "float32", "seed": 0, "class_names": None,
        "layers": [*(there[name] for name in called if name in there), *more],
        "nodes": list(nodes), "inputs": list(inputs),
        "outputs": len(nodes) - 1 if outputs is None else outputs,
    }  # fmt: skip
    return {"model": model | fields}


def node(name, *inputs, **more):
    return {"layer": name} | ({"inputs": list(inputs)} if inputs else {}) | more


ARRAYS = {f"{name}/{weight}": array for name in "ab" for weight, array in
          (("kernel", floats(4, 4)), ("bias", floats(4)))}  # fmt: skip
START = [node("x"), node("a"), node("b"), node("add", 1, 2)]


def tower(levels, calls=2):
    """Models in one another, each of which calls the one inside several times."""
    model = layer("ReLU", name="r")
    for n in range(levels):
        config = {
            "name": f"m{n}",
            "layers": [layer("InputLayer", shape=[4], name="x"), model],
            "nodes": [node("x"), *[node(model["config"]["name"])] * calls],
            "inputs": [0],
            "outputs": calls,
        }
        model = layer("Model", **config)
    return {"model": model["config"] | {"dtype": "float32", "seed": 0, "class_names": None}}


DAMAGED = {
    "a good one": (described(*START), None),
    "a number ahead": (described(node("x"), node("a", 2), node("b", 1)), "number from 0 to 0 for "
                                                                         "node 1, received 2"),
    "itself": (described(node("x"), node("a", 1)), "expected a number from 0 to 0 for node 1, "
                                                   "received 1"),
    "a negative number": (described(node("x"), node("a", -1)), "number from 0 to 0 for node 1, "
                                                               "received -1"),
    "half a number": (described(node("x"), node("a", 0.5)), "expected a number from 0 to 0 for "
                                                            "node 1, received 0.5"),
    "no number": (described(node("x"), node("a", "x")), "'inputs' in 'node' of another kind"),
    "a truth value": (described(node("x"), node("a", True)), "number from 0 to 0 for node 1, "
                                                             "received True"),
    "no node": (described(), "number from 0 to -1 for inputs and outputs, received 0"),
    "no node before": (described(node("a")), "expected a number from 0 to -1 for node 0, received "
                                             "-1"),
    "nodes of another kind": (described(*START, nodes="x"), "'nodes' in 'graph' of another kind"),
    "a node of another kind": (described(node("x"), [0]), "'nodes' in 'graph' of another kind"),
    "a word too many": (described(node("x"), node("a", inputz=[0])), "unknown 'inputz' in 'node'. "
                                                                     "Did you mean"),
    "an unknown layer": (described(node("x"), node("ab")), "node 1 of the unknown layer 'ab'"),
    "called on nothing": (described(node("x"), node("a") | {"inputs": []}),
        "'a' called on nothing"),
    "an input that takes something": (described(node("x"), node("x", 0)), "node 1 that is no call "
                                                                          "of InputLayer 'x'"),
    "two for one": (described(node("x"), node("a", 0, 0)), "Dense 'a' expected one tensor, "
                                                           "received 2"),
    "one for two": (described(node("x"), node("add", 0)), "Add 'add' expected two|expected at "
                                                          "least two inputs"),
    "another shape": (
        described(node("x"), node("a"), node("add", 0, 1), more=[], layers=[
            layer("InputLayer", shape=[3], name="x"), layer("Dense", units=4, name="a"),
            layer("Add", name="add")]),
        r"expected its kernel of shape \(3, 4\) in the model file, received \(4, 4\)",
    ),
    "shapes that do not join": (
        described(node("x"), node("a"), node("add", 0, 1), layers=[
            layer("InputLayer", shape=[5], name="x"),
            layer("Dense", units=4, use_bias=False, name="a"),
            layer("Add", name="add")]),
        "in the model file, received|axes, from the last one on",
    ),
    "a layer that nothing calls": (
        described(*START, more=[layer("ReLU", name="r")]), "lists x, a, b, add, r of 'm', expected "
                                                           "the layers"),
    "layers in another order": (
        described(node("x"), node("b"), node("a"), layers=[
            layer("InputLayer", shape=[4], name="x"), layer("Dense", units=4, name="a"),
            layer("Dense", units=4, name="b")]), "lists x, a, b of 'm', expected .*: x, b, a"),
    "two of one name": (described(*START, more=[layer("Dense", units=4, name="a")]),
        "names must be unique in a model"),
    "no name": (described(*START, more=[layer("ReLU")]), "a layer '': names must be unique"),
    "an input that is none": (described(*START, inputs=[1]), r"inputs that are InputLayers, "
                                                             r"received nodes \[1\]"),
    "an input that is not given": (described(*START, inputs=[]), "expected at least one of its "
                                                                 "inputs, received none"),
    "an input twice": (described(*START, inputs=[0, 0]), "expected different inputs"),
    "an output ahead": (described(*START, outputs=4), "from 0 to 3 for inputs and outputs, "
                                                      "received 4"),
    "outputs of another kind": (described(*START, outputs="3"), "'outputs' in 'graph' of another "
                                                                "kind"),
    "no outputs": (described(*START, outputs=[]), "expected at least one of its outputs, received "
                                                  "none"),
    "an output that is a list": (described(*START, outputs={"y": [3]}), r"inputs and outputs, "
                                                                        r"received \[3\]"),
    "outputs without nodes": (
        {"model": {k: v for k, v in described(*START)["model"].items() if k != "nodes"}},
        "no 'model' with input_"),
    "nodes without outputs": (
        {"model": {k: v for k, v in described(*START)["model"].items() if k != "outputs"}},
        "no 'graph' with outputs"),
    "a shape beside them": (described(*START, input_shape=[None, 4]), "an unknown 'input_shape' in "
                                                                      "'graph'"),
    "only an input": (described(node("x")), "no layers that compute anything in 'm'"),
    "a call of nothing": (described(node("x"), node("a", call=0)), "node 1 that is no call of "
                                                                   "Dense 'a'"),
    "a call ahead": (described(node("x"), node("inner", call=1)), "from 0 to 0 for the call of "
                                                                  "node 1, received 1"),
    "a call of its own": (
        described(node("x"), node("inner"), node("inner", 0, call=1)), "no call of <Model"),
    "an output that there is not": (described(node("x"), node("inner", index=2)),
        "0 to 1 for the index of node 1"),
    "an output of a layer": (described(node("x"), node("a", index=1)), "from 0 to 0 for the index "
                                                                       "of node 1"),
    "training by a word": (described(node("x"), node("a", training="no")), "'training' in 'node' "
                                                                           "of another kind"),
    "shared with nothing": (described(*START, more=[{"shared": "c"}]), "shares 'c', expected a "
                                                                       "layer that it has"),
    "shared with a number": (described(*START, more=[{"shared": 1}]), "'shared' in 'shared' of "
                                                                      "another kind"),
    "shared with words": (described(*START, more=[{"shared": "a", "class": "Dense"}]),
        "unknown 'class' in 'shared'"),
    "shared with itself": (described(*START, more=[{"shared": "a"}]), "names must be unique in a "
                                                                      "model"),
    "a Model as a Sequential": (
        described(node("x"), node("inner"), more=[layer("Sequential", **tower(1)["model"])]),
        "'model inside'"),
    "class_names too many": (described(*START, class_names=["a"]), "has 4 outputs and expected as "
                                                                   "many class_names"),
    "too deep": (tower(21, 1), "at most 20 models in one another"),
    "far too deep": (tower(40, 1), "at most|is damaged"),
    "too many calls": (tower(16), "expected at most 10,000 calls of layers, received more"),
    "too many layers": (
        described(*START, more=[layer("ReLU", name=f"r{n}") for n in range(5000)]),
        "5,000 layers, received 5,004"),
    "a weight of a model inside": (described(node("x"), node("inner")),
        "holds '[ab]/(kernel|bias)', of which 'm'"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_descriptions(kind, tmp_path):
    config, says = DAMAGED[kind]
    path = tmp_path / "m.safetensors"
    path.write_bytes(crafted(config, ARRAYS))
    if says is None:
        assert load_model(path).output_shape == (None, 4)
        return
    began = time.process_time()
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    said = str(caught.value)
    assert re.search(says, said) and "\n" not in said and said.startswith(repr(str(path))), said
    assert len(said) < 1000 and time.process_time() - began < 60


def test_whatever_stands_in_the_place_of_a_value_is_read_or_refused(tmp_path):
    """Every value that joins layers, in turn, by each of some others: what is read predicts."""
    path = tmp_path / "m.safetensors"
    inside().save(path)
    raw = path.read_bytes()
    header, config = header_of(raw), config_of(raw)
    joined = {part: config["model"][part] for part in ("nodes", "inputs", "outputs")}
    read = refused = 0
    for place in places(joined):
        for odd in (None, -1, 3, "seen", [], {}):
            changed = copy.deepcopy(config)
            parent = changed["model"]
            for key in place[:-1]:
                parent = parent[key]
            parent[place[-1]] = odd
            path.write_bytes(
                repacked(
                    raw,
                    header
                    | {"__metadata__": header["__metadata__"] | {"config": json.dumps(changed)}},
                )
            )
            try:
                model = load_model(path)
            except ModelFileError:
                refused += 1
            else:
                read += 1
                model.predict(X, verbose=0)
    assert read and refused > 100


def places(tree, path=()):
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))
