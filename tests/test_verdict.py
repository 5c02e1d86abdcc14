"""The verdict on a training: cases whose illness is known, one by one, and the words that it is
told in.
"""

import pytest

from minicnn.report import judge, judge_run, wilson_interval

BY_HEART = {"loss": [1.5, 0.4, 0.01], "accuracy": [0.4, 0.9, 1.0], "val_loss": [1.4, 1.6, 2.5]}
GOOD = {
    "loss": [1.5, 1.0, 0.9, 0.89],
    "accuracy": [0.4, 0.65, 0.7, 0.71],
    "val_loss": [1.4, 1.0, 0.95, 0.96],
}
RISING = {"loss": [1.5, 1.2, 1.0], "accuracy": [0.3, 0.4, 0.5], "val_loss": [1.4, 1.2, 1.1]}


def verdict(history, right, n, classes=10, **numbers):
    """A verdict on `right` answers of n, for pictures whose classes are equally frequent."""
    known = {"chance": 1 / classes, "samples": 4000, "steps_per_epoch": 63, **numbers}
    return judge(history, right / n, wilson_interval(right, n), **known)


@pytest.mark.parametrize(
    "history, right, n, more, kind, sentence",
    [
        (GOOD, 690, 1000, {}, "healthy", "Healthy: 71 % in training, 69 % on new pictures."),
        (
            BY_HEART,
            400,
            1000,
            {},
            "learnt by heart",
            "Learnt by heart: 100 % in training, 40 % on new pictures.",
        ),
        (
            BY_HEART,
            12,
            30,
            {"classes": 6, "samples": 240, "steps_per_epoch": 4},
            "learnt by heart",
            "Learnt by heart: 100 % in training, 40 % on new pictures (with so few test pictures: "
            "24.6 to 57.7 %).",
        ),
        (
            BY_HEART,
            12,
            30,
            {"classes": 6, "steps_per_epoch": 4, "momentum": 0.99},
            "averages lagged",
            "Validation was measured with averages that lagged: 100 % in training, 40 % on new "
            "pictures (with so few test pictures: 24.6 to 57.7 %).",
        ),
        # 0.99 ** (500 * 1) is 0.7 %: they no longer lag
        (
            BY_HEART,
            400,
            1000,
            {"steps_per_epoch": 500, "momentum": 0.99},
            "learnt by heart",
            "Learnt by heart: ",
        ),
        # averages lag, and yet validation is as good as training: nothing is to be blamed on them
        (GOOD, 690, 1000, {"steps_per_epoch": 4, "momentum": 0.99}, "healthy", "Healthy: "),
        (
            RISING,
            480,
            1000,
            {},
            "still learning",
            "Still learning when it ended: 50 % in training, 48 % on new",
        ),
        # augmentation
        (
            RISING,
            990,
            1000,
            {},
            "healthy",
            "Healthy: 50 % in training, 99 % on new pictures.",
        ),
        (
            {"loss": [2.30, 2.30], "accuracy": [0.1, 0.11], "val_loss": [2.31, 2.30]},
            109,
            1000,
            {},
            "no better than chance",
            "No better than chance: 10.9 % on new pictures; guessing gets 10 %.",
        ),
        # always the most frequent class
        (
            GOOD,
            702,
            1000,
            {"chance": 0.7},
            "no better than chance",
            "No better than chance: 70.2 % on new",
        ),
        (
            {"loss": [2.0, float("nan"), float("nan")]},
            100,
            1000,
            {},
            "broken",
            "Broken down: from epoch 2 on the loss",
        ),
        # nothing else is known
        (
            {"loss": [2.0, 1.5, 1.0]},
            690,
            1000,
            {},
            "healthy",
            "Healthy: 69 % on new pictures.",
        ),
        (
            {"loss": [2.0, 1.5, 1.0], "val_loss": [float("nan")] * 3},
            690,
            1000,
            {},
            "healthy",
            "Healthy: 69 % on new",
        ),
    ],
)
def test_kinds_and_sentences(history, right, n, more, kind, sentence):
    found = verdict(history, right, n, **more)
    assert found.kind == kind and found.sentence.startswith(sentence)
    assert str(found) == f"{found.sentence} {found.advice}".rstrip()


def test_advice():
    assert verdict(BY_HEART, 400, 1000).advice.startswith(
        "More than 4,000 pictures, augmentation or Dropout"
    )
    assert "train for longer" in verdict({"loss": [2.3, 2.0]}, 100, 1000).advice
    assert "label" in verdict({"loss": [2.3, 2.3]}, 100, 1000).advice
    assert "larger network" in verdict(GOOD, 690, 1000).advice
    assert "augmentation" in verdict({**GOOD, "accuracy": [0.8]}, 690, 1000).advice
    assert verdict(GOOD, 999, 1000).advice == ""
    lagged = verdict(BY_HEART, 12, 30, steps_per_epoch=4, momentum=0.99).advice
    # 0.99 ** 4, the first epoch being the best
    assert lagged.startswith("After 4 steps, 96.1 % of what")


def test_an_epoch_without_a_finite_validation_loss_is_not_the_best_one():
    history = {**BY_HEART, "val_loss": [float("nan"), 1.4, 1.6]}
    assert (
        "After 8 steps, 92.3 %" in verdict(history, 12, 30, steps_per_epoch=4, momentum=0.99).advice
    )


def test_of_a_run():
    config = {"data": {"train": 130}, "options": {"batch_size": 64}, "model": {}}
    classes = {"cat": {"support": 30}, "dog": {"support": 10}, "accuracy": 0.75}
    test = {"classes": classes, "class_names": ["cat", "dog"], "images": 40, "accuracy": 0.75}
    test["accuracy_interval"] = wilson_interval(30, 40)
    assert judge_run(config, GOOD, test).kind == "no better than chance"  # three quarters are cats
    test |= {"accuracy": 0.4, "accuracy_interval": wilson_interval(400, 1000), "images": 40}
    lagging = judge_run(config | {"model": {"momentum": 0.99}}, BY_HEART, test)
    # 64, 64 and 2 pictures
    assert lagging.kind == "averages lagged" and "After 3 steps" in lagging.advice
    assert judge_run(config, BY_HEART, {}) is None and judge_run(config, {}, test) is None


@pytest.mark.parametrize("history", [
    {"loss": [1.5], "accuracy": [0.5], "val_loss": [0.8]},  # ended in its second epoch
    {"loss": [1.5, 1.2], "accuracy": [0.5, 0.7]},  # nothing is held out
])  # fmt: skip
def test_what_has_hardly_begun_is_not_healthy(history):
    found = judge(history, 0.6, (0.5, 0.7), chance=0.1, samples=1000, steps_per_epoch=16)
    assert found.kind == "still learning"


def test_what_only_gets_worse_is_not_said_to_be_learning():
    history = {"loss": [1.9, 1.5, 1.2], "accuracy": [0.3, 0.4, 0.5], "val_loss": [1.5, 7.4, 16.9]}
    found = judge(history, 0.2, (0.1, 0.4), chance=0.25, samples=24, steps_per_epoch=2)
    assert found.kind == "no better than chance" and "train for longer" not in str(found)


@pytest.mark.parametrize(
    ("history", "right"),
    [
        ({"loss": [2.3], "accuracy": [0.1], "val_loss": [2.3]}, 100),
        ({"loss": [1.5], "accuracy": [0.9], "val_loss": [2.3]}, 300),
        ({"loss": [1.5]}, 500),
    ],
)
def test_one_epoch_is_not_judged(history, right):
    found = verdict(history, right, 1000)
    assert found.kind == "still learning"
    assert found.sentence.startswith("After one epoch: ")
    assert found.advice == "That is too early to judge: train for more epochs."
