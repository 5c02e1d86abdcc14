"""Networks whose steps are traced, small, and between them of all kinds of layers."""

import numpy as np

from minicnn import Input, Model, Sequential, layers

rng = np.random.default_rng(7)


def pictures(n, *shape):
    """Pictures of numbers from -1 to 1."""
    return rng.uniform(-1, 1, (n, *shape)).astype(np.float32)


def chain():
    """What a first network has, and strides, padding, dilation and groups."""
    model = Sequential(
        [
            Input((7, 6, 4)),
            layers.Rescaling(2.0, offset=0.1),
            layers.Conv2D(6, 3, strides=2, padding="same", groups=2, activation="relu"),
            layers.BatchNormalization(momentum=0.9),
            layers.Conv2D(4, 2, padding="same", dilation_rate=2, kernel_regularizer="l2"),
            layers.LeakyReLU(0.2),
            layers.MaxPooling2D(3, strides=1, padding="same"),
            layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="tanh"),
            layers.AveragePooling2D(2, strides=2, padding="same"),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(5, activation="gelu"),
            layers.Dense(3, activation="softmax"),
        ],
        seed=1,
    )
    return model, pictures(3, 7, 6, 4), np.array([0, 2, 1])


def branches():
    """All that merges, a layer at two places, layers that move numbers."""
    x = Input((4, 5, 2))
    shared = layers.Conv2D(2, 3, padding="same", activation="tanh", bias_regularizer="l1")
    norm = layers.BatchNormalization(momentum=0.8)  # which is moved twice
    a = norm(shared(x))
    b = layers.ELU()(norm(shared(a)))
    c = layers.Multiply()([a, b, layers.GlobalMaxPooling2D(keepdims=True)(b)])
    d = layers.Subtract()([layers.Maximum()([a, b]), layers.Minimum()([b, c])])
    e = layers.Average()([c, d, layers.GlobalAveragePooling2D()(c)])
    f = layers.Concatenate()([e, layers.SpatialDropout2D(0.5)(d), b])
    f = layers.Add()([f, layers.Concatenate(axis=1)([layers.Cropping2D(((0, 2), 0))(f)] * 2)])
    g = layers.UpSampling2D(2)(layers.ZeroPadding2D(((1, 0), (0, 2)))(f))
    g = layers.Permute((3, 1, 2))(g)
    g = layers.Reshape((-1, 10))(g)
    g = layers.Dense(2, activation="sigmoid", use_bias=False)(g)
    g = layers.Normalization(mean=[0.5, 0.2], variance=[2.0, 3.0])(g)
    h = layers.Activation("linear")(layers.Flatten()(g))
    h = layers.Activation("relu6")(h)
    model = Model(x, layers.Softmax()(layers.Dense(3)(h)), seed=2)
    return model, pictures(2, 4, 5, 2), np.array([1, 0])


def without_an_explanation():
    """Layers and a loss that have no explainer."""
    x = Input((5, 5, 3))
    y = layers.SeparableConv2D(4, 3, activation="relu")(x)
    y = layers.LayerNormalization()(y)
    y = layers.PReLU()(y)
    y = layers.GroupNormalization(2)(y)
    y = layers.GaussianDropout(0.2)(y)
    y = layers.GaussianNoise(0.1)(y)
    y = layers.Conv2DTranspose(2, 3)(y)
    return Model(x, layers.Dense(2)(layers.Flatten()(y)), seed=3), pictures(2, 5, 5, 3)


def small():
    """A picture of four pixels, and two classes."""
    model = Sequential([Input((2, 2, 1)), layers.Flatten(), layers.Dense(2, "softmax")], seed=0)
    return model, pictures(2, 2, 2, 1), np.array([0, 1])


def convolution(dtype="float32"):
    """A convolution with stride 2, padding, dilation; one of groups; the rest is small."""
    model = Sequential(
        [
            Input((5, 6, 2)),
            layers.Conv2D(4, 3, strides=(2, 1), padding="same", dilation_rate=(1, 2)),
            layers.Conv2D(4, 2, groups=2),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ],
        seed=3,
        dtype=dtype,
    )
    return model, pictures(2, 5, 6, 2), np.array([2, 0])


def bits(array):
    """What two arrays have in common that are the same to the bit: shape, type, bytes."""
    return array.shape, array.dtype, np.ascontiguousarray(array).tobytes()


CASES = {"chain": chain, "branches": branches}
