"""Layers of one's own in files: none opens as minicnn's class of that name, and what no file could
be opened of is told when it is saved.
"""

import numpy as np
import pytest

from minicnn import Input, Sequential, layers, losses, models
from minicnn.errors import ModelFileError
from minicnn.layers import Layer


class Plain(Layer):
    """y = x, whatever the arguments."""

    def forward(self, x, *, training=False):
        x = self.accept(x)
        self._cache = () if training else None
        return x.copy()

    def backward(self, dy):
        (dy,) = self.take_cache(dy)
        return dy


def built(layer):
    return Sequential([Input((4,)), layer, layers.Dense(2, activation="softmax")], seed=0)


def named_as(name, base=Plain):
    return type(name, (base,), {"__module__": __name__})


# A name that minicnn has too


@pytest.mark.parametrize("name", ["GroupNormalization", "Identity", "Sequential"])
def test_a_file_does_not_open_as_minicnns_class_of_that_name(name, tmp_path):
    own, path = named_as(name), tmp_path / "m.safetensors"
    built(own()).save(path)
    with pytest.raises(ModelFileError) as error:
        models.load_model(path)
    print(error.value)
    assert (
        f"the model file names the layer {name!r} of somebody's own, which is not minicnn's "
        f"{name}: it goes into load_model(path, custom_objects={{{name!r}: ...}})"
        in str(error.value)
    )
    for called in (name, f"Custom>{name}"):
        again = models.load_model(path, custom_objects={called: own})
        assert type(again.layers[0]) is own


def test_minicnns_own_class_under_the_bare_name_is_not_taken_for_it(tmp_path):
    built(named_as("Identity")()).save(tmp_path / "m.safetensors")
    with pytest.raises(ModelFileError, match="the layer 'Identity' of somebody's own"):
        models.load_model(tmp_path / "m.safetensors", custom_objects={"Identity": layers.Identity})


def test_text_says_it_too():
    own = named_as("Identity")
    text = built(own()).to_json()
    with pytest.raises(ModelFileError, match="the layer 'Identity' of somebody's own"):
        models.model_from_json(text)
    assert type(models.model_from_json(text, {"Identity": own}).layers[0]) is own


def test_other_names_stand_in_files_as_they_are():
    config = built(named_as("Mine")()).get_config()
    assert [one["class"] for one in config["layers"]] == ["Mine", "Dense"]
    assert built(layers.Identity()).get_config()["layers"][0]["class"] == "Identity"


def test_files_of_before_open_as_ever():
    """A name without the mark is the caller's class, or else minicnn's."""
    own = named_as("Identity")
    config = built(own()).get_config()
    config["layers"][0]["class"] = "Identity"
    assert type(models.model_from_config(config).layers[0]) is layers.Identity
    assert type(models.model_from_config(config, {"Identity": own}).layers[0]) is own


def test_a_loss_of_ones_own_with_a_name_of_minicnns(tmp_path):
    own = named_as("CategoricalCrossentropy", losses.CategoricalCrossentropy)
    model = built(layers.Identity())
    model.compile("sgd", own())
    model.save(tmp_path / "m.safetensors")
    with pytest.raises(ModelFileError, match="the loss 'CategoricalCrossentropy' of somebody's"):
        models.load_model(tmp_path / "m.safetensors")
    again = models.load_model(
        tmp_path / "m.safetensors", custom_objects={"CategoricalCrossentropy": own}
    )
    assert type(again.loss) is own


def test_keras_files_are_not_written_as_if_it_were_minicnns(tmp_path):
    pytest.importorskip("h5py")
    with pytest.raises(ValueError, match="Custom>Identity"):
        built(named_as("Identity")()).export(tmp_path / "m.keras")


# What no file could be opened of


class WithFactor(Plain):
    def __init__(self, factor=1.0, **options):
        super().__init__(**options)
        self.factor = factor


class Lacks(WithFactor):
    def __init__(self, factor, **options):
        super().__init__(factor, **options)

    def get_config(self):
        return {"name": self.name}


class Extra(WithFactor):
    def get_config(self):
        return super().get_config() | {"scale": 1}


class NoOptions(Plain):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor


class NotKept(Plain):
    def __init__(self, factor, **options):
        super().__init__(**options)
        self.f = factor


class OfTuples(WithFactor):
    def __init__(self, factor, **options):
        if not isinstance(factor, tuple):
            raise ValueError("a tuple!")
        super().__init__(factor, **options)


class OtherFrom(WithFactor):
    @classmethod
    def from_config(cls, config):
        return cls(config["fctor"])


MEANWHILE = "; save_weights keeps the weights meanwhile"
REFUSED = {
    "lacks one": (
        lambda: Lacks(2.0),
        ValueError,
        "Lacks 'lacks' cannot be saved, for no file of it could be opened: Lacks.__init__ needs "
        "'factor', and Lacks.get_config() has no such argument: return super().get_config() | "
        "{'factor': self.factor}" + MEANWHILE,
    ),
    "has one more": (
        lambda: Extra(2.0),
        ValueError,
        "Extra 'extra' cannot be saved, for no file of it could be opened: Extra.get_config() has "
        "'scale', and Extra.__init__ takes no such argument: take it there, or leave it out"
        + MEANWHILE,
    ),
    "takes no options": (
        lambda: NoOptions(2.0),
        ValueError,
        "NoOptions 'no_options' cannot be saved, for no file of it could be opened: "
        "NoOptions.get_config() has 'name' and 'trainable', and NoOptions.__init__ takes no such "
        "argument: let it take **options and hand them on, super().__init__(**options)" + MEANWHILE,
    ),
    "not kept": (
        lambda: NotKept(2.0),
        NotImplementedError,
        "NotKept.get_config() expected the argument 'factor' in an attribute of that name: write "
        "self.factor = factor in __init__, or define get_config()",
    ),
    "lists for tuples": (
        lambda: OfTuples((1, 2)),
        ValueError,
        "OfTuples 'of_tuples' cannot be saved, for no file of it could be opened: "
        "OfTuples.__init__ raised ValueError for what get_config() gives, read from a file as "
        "{'factor': [1, 2], 'name': 'of_tuples', 'trainable': True}: a tuple!" + MEANWHILE,
    ),
    "a from_config of its own": (
        lambda: OtherFrom(2.0),
        ValueError,
        "OtherFrom 'other_from' cannot be saved, for no file of it could be opened: "
        "OtherFrom.from_config(get_config()) raised KeyError: 'fctor'" + MEANWHILE,
    ),
    "an array": (
        lambda: WithFactor(np.ones(2)),
        TypeError,
        "WithFactor.get_config() has factor=array([1., 1.]) of type ndarray, expected numbers, "
        "texts, lists and dicts, which a model file can hold: let get_config() tell it in these, "
        "and from_config() make it again" + MEANWHILE,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_not_be_opened_is_not_saved(case, tmp_path):
    make, kind, told = REFUSED[case]
    model = built(make())
    with pytest.raises(kind) as error:
        model.save(tmp_path / "m.safetensors")
    print(error.value)
    assert str(error.value) == told
    assert not list(tmp_path.iterdir())
    model.save_weights(tmp_path / "w.safetensors")
    model.load_weights(tmp_path / "w.safetensors")


@pytest.mark.parametrize("case", REFUSED)
def test_it_trains_all_the_same(case):
    model = built(REFUSED[case][0]())
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(np.ones((4, 4)), np.array([0, 1, 0, 1]), verbose=0)


def test_a_training_that_is_to_be_kept_says_so_before_it_begins(tmp_path):
    model = built(Lacks(2.0))
    model.compile("sgd", "sparse_categorical_crossentropy")
    began = model.get_weights()
    with pytest.raises(ValueError, match=r"Lacks.__init__ needs 'factor'"):
        model.fit(np.ones((4, 4)), np.array([0, 1, 0, 1]), verbose=0, resume=tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(began, model.get_weights(), strict=True))


def test_an_argument_that_a_file_would_forget_is_warned_of(tmp_path):
    class Forgets(WithFactor):
        def get_config(self):
            return {"name": self.name, "trainable": self.trainable}

    built(Forgets()).save(tmp_path / "m.safetensors")  # the default comes back
    with pytest.warns(UserWarning) as told:
        built(Forgets(2.0)).save(tmp_path / "m.safetensors")
    print(told[0].message)
    assert str(told[0].message) == (
        "Forgets.get_config() has no 'factor', which is 2.0 in Forgets 'forgets' and will be 1.0 "
        "where its file is opened: return super().get_config() | {'factor': self.factor}"
    )
    assert told[0].filename == __file__


def test_a_layer_that_can_be_made_again_is_saved(tmp_path):
    built(WithFactor((1, 2))).save(tmp_path / "m.safetensors")
    again = models.load_model(tmp_path / "m.safetensors", custom_objects={"WithFactor": WithFactor})
    assert again.layers[0].factor == [1, 2]


def test_layers_inside_models_are_looked_at(tmp_path):
    inner = Sequential([Input((4,)), Lacks(2.0)], name="inner")
    with pytest.raises(ValueError, match="Lacks 'lacks' cannot be saved"):
        Sequential([Input((4,)), inner, layers.Dense(2)]).save(tmp_path / "m.safetensors")


# Beside minicnn's of the same name
