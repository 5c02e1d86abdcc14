"""A layer that a file would open as another than was saved is refused when it is saved; of what
compile has chosen see test_own_compiled_made_again.py.
"""

import warnings

import numpy as np
import pytest

from minicnn import Input, Sequential, layers
from minicnn.layers import Layer

WEIGHTS = "; save_weights keeps the weights meanwhile"


class Scaled(Layer):
    """y = factor * x."""

    factor = 1.0

    def forward(self, x, *, training=False):
        x = self.accept(x)
        self._cache = () if training else None
        return np.sum(self.factor) * x

    def backward(self, dy):
        (dy,) = self.take_cache(dy)
        return np.sum(self.factor) * dy


class WithFactor(Scaled):
    def __init__(self, factor=1.0, **options):
        super().__init__(**options)
        self.factor = factor


class Doubling(Scaled):
    def __init__(self, factor, **options):
        super().__init__(**options)
        self.factor = 2 * factor


class Drops(WithFactor):
    @classmethod
    def from_config(cls, config):
        return cls(name=config["name"], trainable=config["trainable"])


class Freed(WithFactor):
    @classmethod
    def from_config(cls, config):
        return cls(config["factor"])


class Listed(Scaled):
    def __init__(self, *factors, **options):
        super().__init__(**options)
        self.factor = factors


class ListedOfDense(layers.Dense):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)


class NoDict(WithFactor):
    def get_config(self):
        super().get_config()  # and no return


class ListOfThem(WithFactor):
    def get_config(self):
        return [self.factor]


class MakesNothing(WithFactor):
    @classmethod
    def from_config(cls, config):
        cls(**config)


REFUSED = {
    "another number": (
        lambda: Doubling(2),
        ValueError,
        "Doubling 'doubling' cannot be saved, for a file of it would open as another: "
        "Doubling.get_config() gives factor=4, and of what is made of that factor=8: keep in "
        "self.factor what __init__ was given, and under another name what it makes of that"
        + WEIGHTS,
    ),
    "an argument that from_config drops": (
        lambda: Drops(2.0),
        ValueError,
        "Drops 'drops' cannot be saved, for a file of it would open as another: "
        "Drops.get_config() gives factor=2.0, and of what is made of that factor=1.0: let "
        "Drops.from_config() hand it on" + WEIGHTS,
    ),
    "trainable": (
        lambda: Freed(2.0, trainable=False),
        ValueError,
        "Freed 'freed' cannot be saved, for a file of it would open as another: "
        "Freed.get_config() gives trainable=False, and of what is made of that trainable=True: let "
        "Freed.from_config() hand it on" + WEIGHTS,
    ),
    "a name": (
        lambda: Freed(2.0, name="mine"),
        ValueError,
        "Freed 'mine' cannot be saved, for a file of it would open as another: Freed.get_config() "
        "gives name='mine', and of what is made of that name='': let Freed.from_config() hand it on"
        + WEIGHTS,
    ),
    "*args": (
        lambda: Listed(1, 2),
        ValueError,
        "Listed 'listed' cannot be saved, for a file of it would open as another, with factor=() "
        "for factor=(1, 2): Listed.__init__ takes *factors, and get_config() can give by name "
        "alone: take arguments that have names, a list or a tuple for several values" + WEIGHTS,
    ),
    "*args of minicnn's": (
        lambda: ListedOfDense(3),
        ValueError,
        "ListedOfDense 'listed_of_dense' cannot be saved, for no file of it could be opened: "
        "ListedOfDense.__init__ raised TypeError for what get_config() gives, read from a file as "
        "{'name': 'listed_of_dense', 'trainable': True}: Dense.__init__() missing 1 required "
        "positional argument: 'units'. ListedOfDense.__init__ takes *arguments, and get_config() "
        "can give by name alone: take arguments that have names, a list or a tuple for several "
        "values" + WEIGHTS,
    ),
    "None": (
        lambda: NoDict(),
        TypeError,
        "NoDict.get_config() expected to return a dict of the constructor's arguments, received "
        "None: return super().get_config() | {...}",
    ),
    "a list": (
        lambda: ListOfThem(),
        TypeError,
        "ListOfThem.get_config() expected to return a dict of the constructor's arguments, "
        "received [1.0]: return super().get_config() | {...}",
    ),
    "from_config returns nothing": (
        lambda: MakesNothing(),
        TypeError,
        "MakesNothing.from_config() expected to return what it has made, received None: return "
        "cls(**config)" + WEIGHTS,
    ),
}


def built(*own):
    return Sequential([Input((4,)), *own, layers.Dense(2)], seed=0)


@pytest.mark.parametrize("case", REFUSED)
def test_layers(case, tmp_path):
    make, kind, told = REFUSED[case]
    with pytest.raises(kind) as error:
        built(make()).save(tmp_path / "m.safetensors")
    print(error.value)
    assert str(error.value) == told
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "layer",
    [
        lambda: WithFactor(float("nan")),
        lambda: WithFactor((1, (2, 3))),
        lambda: WithFactor(np.float32(0.1)),
        lambda: Freed(2.0),
        lambda: Listed(),
    ],
)
def test_what_is_the_same_again_is_saved_without_a_word(layer, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        built(layer(), layer()).save(tmp_path / "m.safetensors")


def test_what_options_alone_have_handed_on_is_not_forgotten_silently(tmp_path):
    class OfOptions(layers.ReLU):
        def __init__(self, **options):
            super().__init__(**options)

    with pytest.warns(UserWarning) as told:
        built(OfOptions(max_value=6.0)).save(tmp_path / "m.safetensors")
    assert str(told[0].message) == (
        "OfOptions.get_config() has no 'max_value', which is 6.0 in OfOptions 'of_options' and "
        "will be None where its file is opened: return super().get_config() | "
        "{'max_value': self.max_value}"
    )


def test_two_classes_of_one_name(tmp_path):
    two, three = (type("Twin", (Scaled,), {"factor": n, "__module__": "own"}) for n in (2, 3))
    with pytest.raises(ValueError) as error:
        built(two(), three()).save(tmp_path / "m.safetensors")
    print(error.value)
    assert str(error.value) == (
        "'sequential' cannot be saved, for Twin 'twin' and Twin 'twin_1' are of two classes of one "
        "name, and a file knows classes by their names: rename one" + WEIGHTS
    )
    built(two(), two()).save(tmp_path / "m.safetensors")


# What compile has chosen
