"""Losses, metrics, optimizers and schedules of one's own that a file would make again as others:
there is a warning, for the file opens without them.
"""

import warnings

import pytest
from test_own_made_again import built

from minicnn import losses, metrics, models, optimizers, schedules

WITHOUT = "; load_model(path, compile=False) opens the model without it"


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
