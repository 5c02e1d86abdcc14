"""What a file would open as another than was saved is told when it is saved: layers are refused,
of what compile has chosen there is a warning, for a file opens without it.
"""

import warnings

import numpy as np
import pytest

from minicnn import Input, Sequential, layers, losses, metrics, models, optimizers, schedules
from minicnn.layers import Layer

WEIGHTS = "; save_weights keeps the weights meanwhile"
WITHOUT = "; load_model(path, compile=False) opens the model without it"


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


class Weighed(losses.MeanSquaredError):
    def __init__(self, w=1.0, **options):
        super().__init__(**options)
        self.w = w


class Hidden(losses.MeanSquaredError):
    def __init__(self, w=1.0, **options):
        super().__init__(**options)
        self._w = w


class Unnamed(losses.MeanSquaredError):
    def __init__(self, w):
        super().__init__()
        self.w = w


class Told(Weighed):
    def get_config(self):
        return super().get_config() | {"w": self.w}


class Above(metrics.Metric):
    def __init__(self, least=0.5, **options):
        super().__init__(**options)
        self.least = least


class Slowed(optimizers.SGD):
    def __init__(self, learning_rate=0.01, by=2.0, **options):
        super().__init__(learning_rate, **options)
        self.by = by


class Warmer(schedules.LearningRateSchedule):
    def __init__(self, rate=0.1):
        self.start = rate

    def __call__(self, step):
        return self.start / (1 + step)


def compiled(optimizer="sgd", loss="mse", metrics=()):
    model = built()
    model.compile(optimizer, loss, metrics=list(metrics))
    return model


WARNED = {
    "a loss": (
        lambda: compiled(loss=Weighed(2.0)),
        "Weighed.get_config() has no 'w', which is 2.0 in Weighed 'weighed' and will be 1.0 where "
        "its file is opened: return super().get_config() | {'w': self.w}",
    ),
    "a loss that keeps it elsewhere": (
        lambda: compiled(loss=Hidden(2.0)),
        "Hidden.get_config() has no 'w', which will be 1.0 where its file is opened, whatever it "
        "is in Hidden 'hidden': write self.w = w in __init__, and return super().get_config() | "
        "{'w': self.w}",
    ),
    "a loss that cannot be made": (
        lambda: compiled(loss=Unnamed(2.0)),
        "Unnamed is saved, but no file of it could be opened: Unnamed.__init__ needs 'w', and "
        "Unnamed.get_config() has no such argument: return super().get_config() | {'w': self.w}"
        + WITHOUT,
    ),
    "a metric": (
        lambda: compiled(metrics=[Above(0.9)]),
        "Above.get_config() has no 'least', which is 0.9 in Above 'above' and will be 0.5 where "
        "its file is opened: return super().get_config() | {'least': self.least}",
    ),
    "an optimizer": (
        lambda: compiled(Slowed(by=3.0)),
        "Slowed.get_config() has no 'by', which is 3.0 in Slowed and will be 2.0 where its file is "
        "opened: return super().get_config() | {'by': self.by}",
    ),
    "a schedule": (
        lambda: compiled(optimizers.SGD(Warmer())),
        "Warmer is saved, but no file of it could be opened: Warmer.get_config() has 'start', and "
        "Warmer.__init__ takes no such argument: take it there, or leave it out" + WITHOUT,
    ),
    "one of several optimizers": (
        lambda: compiled(optimizers.MultiOptimizer(optimizers.OptimizerMap(Slowed(), {}))),
        "Slowed is saved, but no file of a MultiOptimizer could be opened that is not of minicnn's "
        "classes alone" + WITHOUT,
    ),
}


@pytest.mark.parametrize("case", WARNED)
def test_what_compile_has_chosen_is_warned_of(case, tmp_path):
    make, expected = WARNED[case]
    model = make()
    with pytest.warns(UserWarning) as told:
        model.save(tmp_path / "m.safetensors")
    print(told[0].message)
    assert [str(one.message) for one in told] == [expected]
    assert told[0].filename == __file__
    models.load_model(tmp_path / "m.safetensors", compile=False)


def test_what_get_config_tells_of_a_loss_comes_back(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled(loss=Told(2.0)).save(tmp_path / "m.safetensors")
    again = models.load_model(tmp_path / "m.safetensors", custom_objects={"Told": Told})
    assert again.loss.w == 2.0


def test_a_loss_and_a_metric_of_one_name(tmp_path):
    loss = type("Dice", (losses.MeanSquaredError,), {"__module__": "own"})
    metric = type("Dice", (metrics.Metric,), {"__module__": "own"})
    with pytest.warns(UserWarning) as told:
        compiled(loss=loss(), metrics=[metric()]).save(tmp_path / "m.safetensors")
    assert str(told[0].message) == (
        "'sequential' is saved, but Dice 'dice' and Dice 'dice' are of two classes of one name, "
        "and a file knows classes by their names: rename one; load_model(path, compile=False) "
        "needs neither"
    )


def test_a_loss_that_has_not_called_super(tmp_path):
    class Bare(losses.MeanSquaredError):
        def __init__(self, w):
            self.w = w

    with pytest.raises(TypeError) as error:
        compiled(loss=Bare(1.0)).save(tmp_path / "m.safetensors")
    assert str(error.value) == (
        "Bare.get_config() raised AttributeError: 'Bare' object has no attribute 'name'. Does "
        "Bare.__init__ begin with super().__init__(**options)?"
    )


def test_a_schedule_with_a_name_of_minicnns(tmp_path):
    own = type("CosineDecay", (schedules.CosineDecay,), {"__module__": "own"})
    compiled(optimizers.SGD(own(0.1, 100))).save(tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="names the schedule 'CosineDecay' of somebody's own"):
        models.load_model(tmp_path / "m.safetensors")
    again = models.load_model(tmp_path / "m.safetensors", custom_objects={"CosineDecay": own})
    assert type(again.optimizer.schedule) is own
