"""examples/train_94.py: where its network begins, what it trains with which optimizer, and how it
looks at pictures; and that no program calls a copy of CIFAR-10 the original.
"""

import contextlib
import io
import sys
import types

import cifar_files as files
import numpy as np
import pytest
from example_runs import cells, path_of

from minicnn import layers, runs

pytest_plugins = ["cifar_fixtures"]
BATCH, LIMIT, EPOCHS = 30, 60, 4


@pytest.fixture(scope="module")
def begun():
    """What the names in the example stand for when everything is ready for the first step."""
    arguments = ["--synthetic", "--limit", LIMIT, "--batch-size", BATCH, "--epochs", EPOCHS]
    namespace = {"__name__": "__main__"}
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        patch.setattr(sys, "argv", ["train_94.py", *map(str, arguments)])
        for title, code in cells(path_of("train_94.py"))[1]:
            if title.strip().startswith("Training"):
                break
            exec(compile(code, title, "exec"), namespace)
    return types.SimpleNamespace(**namespace)


def test_the_first_layer_whitens_patches(begun):
    """Twelve uncorrelated numbers of about the same size, and their negatives."""
    y = begun.whiten.forward(begun.normalize(begun.x_train)).reshape(-1, 24).astype(np.float64)
    np.testing.assert_allclose(y[:, :12], -y[:, 12:], atol=1e-5)
    covariance = y[:, :12].T @ y[:, :12] / len(y)
    off_diagonal = covariance - np.diag(np.diag(covariance))
    assert np.abs(off_diagonal).max() < 1e-3
    kept = begun.variances / (begun.variances + 5e-4)  # small ones are not blown up to 1
    np.testing.assert_allclose(np.diag(covariance), kept, rtol=1e-3, atol=1e-6)
    assert (kept > 0.9).sum() >= 6


def test_filters_begin_by_handing_on_their_input_and_have_length_1(begun):
    convolutions = [one for one in begun.model.layers if isinstance(one, layers.Conv2D)]
    assert len(convolutions) == 7
    for layer in convolutions[1:]:
        C, F = layer.kernel.shape[2:]
        x = np.random.default_rng(0).standard_normal((1, *layer.input_shape)).astype(np.float32)
        y = layer.forward(x)
        np.testing.assert_allclose(y[..., : min(C, F)], x, atol=1e-5)
        lengths = np.sqrt((layer.kernel.numpy() ** 2).sum(axis=(0, 1, 2)))
        np.testing.assert_allclose(lengths, 1, rtol=1e-5)


def test_every_weight_has_the_recipes_optimizer_and_rate(begun):
    chosen = begun.model.optimizer.optimizer_map
    kinds = {name: type(chosen[name]).__name__ for name, *_ in begun.model.parameters()}
    assert {name for name, kind in kinds.items() if kind == "Muon"} == {
        f"{layer.name}/kernel" for layer in begun.model.layers if layer.name.startswith("conv2d")
    }
    assert list(kinds.values()).count("SGD") == 2 + 6 + 1  # first layer, normalisations, head
    steps = LIMIT // BATCH
    for name, first, epochs in (
        ("whiten/bias", 0.053 * BATCH, 3),
        ("batch_normalization_3/beta", 0.053 * BATCH, EPOCHS),
        ("head/kernel", 0.67 * BATCH / 256**2, EPOCHS),
        ("conv2d_2/kernel", 0.24, EPOCHS),
    ):
        rate = chosen[name].schedule
        assert rate(0) == pytest.approx(first)
        assert rate(epochs * steps / 2) == pytest.approx(first / 2)
        assert rate(epochs * steps) == 0
    for name in ("whiten/bias", "head/kernel"):
        one = chosen[name]  # 2e-6 per picture, as often as momentum repeats it
        assert one.schedule(0) * one.weight_decay == pytest.approx(2e-6 * BATCH / 0.15)


def test_a_step_changes_all_but_the_first_filters_and_keeps_lengths(begun):
    before = {name: value.copy() for name, value, _ in begun.model.parameters()}
    y = np.eye(10, dtype=np.float32)[begun.y_train[:BATCH].reshape(-1)]
    begun.model.train_on_batch(begun.x_train[:BATCH], y)
    for name, value, _ in begun.model.parameters():
        assert np.array_equal(value, before[name]) == (name == "whiten/kernel"), name
        if name.startswith("conv2d"):
            lengths = np.sqrt((value**2).sum(axis=(0, 1, 2)))
            np.testing.assert_allclose(lengths, 1, rtol=1e-5)


def test_the_first_layer_is_trained_for_three_epochs(begun):
    code = dict(cells(path_of("train_94.py"))[1])
    (training,) = (code[title] for title in code if title.strip().startswith("Training"))
    namespace = vars(begun).copy()
    exec(training[: training.index("run = ")], namespace)
    trained = []
    for epoch in range(5):
        namespace["freeze"](epoch, {})
        trained.append(begun.whiten.trainable)
    assert trained == [True, True, True, False, False]


class Answers:
    """A model whose answers are those of a formula, to look at each view apart."""

    @staticmethod
    def predict(x, verbose):
        assert verbose == 0
        rows, columns = np.arange(1, 33)[:, None, None], np.arange(1, 33)[:, None]
        scores = (x * (rows + 3 * columns**2) * np.array([1, 2, 5])).mean(axis=(1, 2)) / 1e5
        return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def test_six_views_are_weighted_as_in_the_recipe():
    """0.5 for the picture where it is, 0.25 for each of two that are moved by a pixel; of each the
    mean with its mirror image, of logits.
    """
    x = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.float64)
    (code,) = (code for title, code in cells(path_of("train_94.py"))[1] if "evaluation" in title)
    namespace = {"np": np, "model": Answers}
    exec(code[: code.index("program.finish")], namespace)
    received = namespace["six_views"](x)

    def at(picture, i, j):
        mirrored = [abs(n) if n < 32 else 62 - n for n in (i, j)]
        return picture[mirrored[0], mirrored[1]]

    expected = 0.0
    for weight, shift in ((0.5, 0), (0.25, -1), (0.25, 1)):
        moved = np.array(
            [[[at(one, i + shift, j + shift) for j in range(32)] for i in range(32)] for one in x]
        )
        for view in (moved, moved[:, :, ::-1]):
            expected = expected + weight / 2 * np.log(Answers.predict(view, verbose=0))
    np.testing.assert_allclose(received / 8, expected, rtol=1e-10)


# Which CIFAR-10 it was


@pytest.fixture
def program(monkeypatch):
    """A program that has loaded a file, and what it said."""

    def loaded(path):
        monkeypatch.setattr(sys, "argv", ["program", "--data", str(path)])
        made = runs.Program("Look.", epochs=1)
        made.parse()
        with contextlib.redirect_stdout(io.StringIO()) as told:
            made.load()
        return made, told.getvalue()

    return loaded


@pytest.mark.usefixtures("alone")
def test_the_original_is_called_so(tmp_path, genuine, program):
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(genuine)
    for _ in range(2):
        made, told = program(tmp_path / "cifar-10-python.tar.gz")
        assert made.original and made.called == "CIFAR-10" and told.startswith("Data: CIFAR-10\n")
        assert made.pictures.name == "CIFAR-10"  # in config.json and on the page


@pytest.mark.filterwarnings(f"ignore:.*{files.NOT_TORONTO}")
@pytest.mark.usefixtures("alone", "genuine")
def test_a_copy_is_never_called_the_original(tmp_path, program):
    path = files.write_tar(tmp_path / "cifar-10-python.tar.gz", files.python_members(seed=1))
    for _ in range(2):  # decoded, with a warning; then as it was kept, without one
        made, told = program(path)
        assert not made.original and made.pictures.name == "a copy of CIFAR-10"
        assert told.startswith("Data: a copy of CIFAR-10, whose pixels are not Toronto's\n")


def test_drawn_shapes_are_neither(begun):
    assert begun.program.called == "drawn shapes" and not begun.program.original
