"""Explanations of networks with branches, shared layers and models inside: derivatives, and the
same as of a chain.
"""

import itertools

import networks
import numpy as np
import pytest

from minicnn import Input, Model, Sequential, explain, layers
from minicnn.explain.sight import sights
from minicnn.layers.softmax import softmax


def trained(model):
    """With random weights and statistics; it counts as trained."""
    rng = np.random.default_rng(1)
    for layer in model.leaves.values():
        for name, array in layer.variables_by_name.items():
            if name != "kernel":
                array[...] = rng.uniform(0.5, 1.5, array.shape)
    model.note_weights()
    return model


def picture(shape=(8, 8, 3)):
    return np.random.default_rng(2).random(shape)


def score(model, x, index):
    """The score of a class, up to a number that is the same for all classes: log p_i - mean of log
    p.
    """
    logs = np.log(model.predict(x[None])[0])
    return logs[index] - logs.mean()


def residual():
    return trained(networks.residual_network(seed=0, dtype="float64"))


def shared():
    inputs, conv = Input((8, 8, 3)), layers.Conv2D(3, 3, padding="same", activation="relu")
    once = conv(inputs)
    twice = conv(layers.Average()([inputs, once]))
    x = layers.Flatten()(layers.MaxPooling2D()(twice))
    return trained(Model(inputs, layers.Dense(3, activation="softmax")(x), seed=0, dtype="float64"))


def excited():
    """Squeeze and excite, and a backbone that is called with training=False."""
    maps = Input((8, 8, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, name="inner")(maps))
    share = layers.Dense(4)(layers.GlobalAveragePooling2D()(x))
    backbone = Model(maps, layers.Dropout(0.5)(layers.Multiply()([x, share])), name="backbone")
    inputs = Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(backbone(inputs, training=False)))
    return trained(Model(inputs, layers.Softmax()(layers.Dense(3)(x)), seed=0, dtype="float64"))


NETWORKS = {"residual": residual, "shared": shared, "excited": excited}
each = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)


@each
def test_saliency_is_the_derivative_of_the_score(make):
    """Of logits: the derivative of a score minus the mean of all is the gradient of one minus that
    of all.
    """
    model, x, h = make(), picture(), 1e-6
    gradients = [explain.saliency(model, x, index).gradient for index in range(3)]
    wanted = gradients[1] - np.mean(gradients, axis=0)
    for index in itertools.product(range(0, 8, 3), range(1, 8, 3), range(3)):
        bump = np.zeros_like(x)
        bump[index] = h
        measured = (score(model, x + bump, 1) - score(model, x - bump, 1)) / (2 * h)
        assert wanted[index] == pytest.approx(measured, rel=1e-4, abs=1e-7), index
    assert np.abs(wanted).max() > 1e-3


@pytest.mark.parametrize(
    "make, layer, path",
    [
        (residual, None, "conv2d_4"),
        (residual, "conv2d_1", "conv2d_1"),
        (excited, None, "backbone/inner"),
    ],
)
def test_grad_cam_weights_are_derivatives_of_the_score(make, layer, path):
    """Raising a convolution's bias by h raises a whole feature map by h, which changes the score by
    h * Z * alpha.
    """
    model, x, h = make(), picture(), 1e-6
    leaf = model.leaves[path]
    if "bias" not in leaf.params:  # normalised after it: move the mean that is subtracted instead
        norm = model.leaves[path.replace("conv2d", "batch_normalization")]
        moved, sign = norm.state["moving_mean"], -1
    else:
        moved, sign = leaf.params["bias"], 1
    found = [explain.grad_cam(model, x, index, layer) for index in range(3)]
    assert found[0].layer == path
    wanted = found[2].weights - np.mean([one.weights for one in found], axis=0)
    Z = found[0].coarse.size
    for k in range(len(wanted)):
        moved[k] += h
        above = score(model, x, 2)
        moved[k] -= 2 * h
        below = score(model, x, 2)
        moved[k] += h
        assert wanted[k] * Z == pytest.approx(sign * (above - below) / (2 * h), rel=1e-4, abs=1e-7)


def chains():
    """The same layers as Sequential, as Model and with a Sequential inside, of the same weights."""

    def stack():
        return [
            layers.Rescaling(2.0, offset=-1.0),
            layers.Conv2D(6, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Dropout(0.5),
            layers.Conv2D(5, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]

    chain = trained(Sequential([Input((8, 8, 3)), *stack()], seed=0))
    inputs = x = Input((8, 8, 3))
    for layer in stack():
        x = layer(x)
    graph = Model(inputs, x)
    inputs, own = Input((8, 8, 3)), stack()
    body = Sequential([Input((8, 8, 3)), *own[:6]], name="body")
    nested = Model(inputs, own[7](own[6](body(inputs))))
    for model in (graph, nested):
        model.set_weights(chain.get_weights())
        model.note_weights()
    return chain, graph, nested


@pytest.mark.parametrize("method", [explain.grad_cam, explain.saliency, explain.occlusion])
@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_a_chain_in_any_form_is_explained_alike_bit_for_bit(method, engine):
    x = picture().astype(np.float32)
    found = []
    for model in chains():
        model.engine = engine
        found.append(method(model, x, 1))
    for other in found[1:]:
        assert (
            other.heat.tobytes() == found[0].heat.tobytes()
            and other.probability == found[0].probability
        )
    if method is explain.grad_cam:
        assert [one.layer for one in found] == ["conv2d_1", "conv2d_1", "body/conv2d_1"]


def test_layers_of_models_inside_are_seen_by_path():
    _, graph, nested = chains()
    x = picture()
    found, flat = explain.activations(nested, x), explain.activations(graph, x)
    assert (
        list(found.outputs)[:2] == ["body/rescaling", "body/conv2d"]
        and found.kinds["body/conv2d"] == "Conv2D"
    )
    for (_, a), (_, b) in zip(found.outputs.items(), flat.outputs.items(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(found.outputs["dense"], nested.predict(x[None])[0], rtol=1e-5)
    assert explain.filters(nested).layer == "body/conv2d"
    other = explain.grad_cam(nested, x, 0, "body/conv2d")
    assert other.heat.tobytes() == explain.grad_cam(graph, x, 0, "conv2d").heat.tobytes()


@each
def test_activations_end_in_the_prediction(make):
    model, x = make(), picture()
    found = explain.activations(model, x)
    np.testing.assert_allclose(
        list(found.outputs.values())[-1], model.predict(x[None])[0], rtol=1e-12
    )
    if make is shared:
        assert ["conv2d[0]", "conv2d[1]"] == [
            name for name in found.outputs if name.startswith("conv2d")
        ]
    found.plot(), found.to_text()


@each
def test_scores_are_the_predictions(make):
    model, x = make(), picture()
    for method in (explain.grad_cam, explain.saliency, explain.occlusion):
        found = method(model, x)
        assert found.probability == pytest.approx(model.predict(x[None])[0].max(), rel=1e-10)


def test_what_is_called_with_training_true_explains_what_it_predicts():
    inputs = Input((8, 8, 3))
    x = layers.BatchNormalization()(layers.Conv2D(3, 3)(inputs), training=True)
    model = Model(inputs, layers.Dense(3)(layers.GlobalMaxPooling2D()(x)), seed=0, dtype="float64")
    trained(model)
    before = [weight.tobytes() for weight in model.get_weights()]
    found, x = explain.saliency(model, picture(), 0), picture()
    assert before == [weight.tobytes() for weight in model.get_weights()]
    scores, h = explain.activations(model, x).outputs["dense"], 1e-6
    assert found.probability == pytest.approx(softmax(scores[None])[0, 0], rel=1e-12)
    bump = np.zeros_like(x)
    bump[3, 3, 1] = h
    ends = [explain.activations(model, x + sign * bump).outputs["dense"][0] for sign in (1, -1)]
    assert found.gradient[3, 3, 1] == pytest.approx(
        (ends[0] - ends[1]) / (2 * h), rel=1e-5, abs=1e-8
    )


def test_a_place_is_drawn_at_the_middle_of_all_that_its_branches_see():
    model = networks.residual_block(2, (17, 18, 1), dtype="float64", seed=0)
    for layer in model.leaves.values():
        for name, array in layer.params.items():
            array[...] = np.abs(array) if name != "beta" else 0
    model.note_weights()
    x, (OH, OW, _) = np.zeros((1, 17, 18, 1)), model.output_shape[1:]
    seen = []
    for h, w in itertools.product(range(17), range(18)):
        x[0, h, w] = 1
        if model.predict(x)[0, OH // 2, OW // 2].any():
            seen.append((h, w))
        x[0, h, w] = 0
    program = model.program()
    sight = sights(program.calls)[program.outputs[0]]
    first, last = np.min(seen, axis=0), np.max(seen, axis=0)
    for axis, place in enumerate((OH // 2, OW // 2)):
        assert sight.middle(axis) + place * sight.step[axis] == (first[axis] + last[axis]) / 2


def test_a_value_that_no_score_depends_on_has_no_gradient():
    inputs = Input((8, 8, 3))
    x = layers.Conv2D(2, 3)(inputs)
    y = layers.Flatten()(layers.Subtract()([x, x]))
    model = trained(Model(inputs, layers.Dense(3)(y), seed=0, dtype="float64"))
    assert not explain.saliency(model, picture(), 0).gradient.any()


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: explain.grad_cam(chains()[2], picture(), 0, "body"),
            "explain.grad_cam expected a layer whose output is (OH, OW, F), received <Sequential "
            "'body': 6 layers, ",
        ),
        (
            lambda: explain.grad_cam(chains()[2], picture(), 0, "body/dense"),
            "'functional' has no layer 'body/dense'.",
        ),
        (
            lambda: explain.grad_cam(residual(), picture(), 0, "input_layer"),
            "explain.grad_cam expected a layer that computes, received InputLayer 'input_layer'",
        ),
        (
            lambda: explain.saliency(networks.several(), picture()),
            "explain.saliency expected a model of one input, a picture, received 'functional' with "
            "inputs ",
        ),
    ],
)
def test_what_cannot_be_explained(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert message in str(caught.value)


def test_several_outputs_are_not_explained():
    inputs = Input((8, 8, 3))
    x = layers.Flatten()(layers.Conv2D(2, 3)(inputs))
    model = trained(Model(inputs, [layers.Dense(2)(x), layers.Dense(3)(x)]))
    with pytest.raises(ValueError, match="make a Model of the output that is meant"):
        explain.grad_cam(model, picture())
