"""Networks with branches as people write them, for tests that look at models."""

from minicnn import Input, Model, Sequential, layers


def documented_chain():
    """The functional example of the docs: two convolutions and a shortcut around the second."""
    inputs = Input((32, 32, 3))
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(inputs)
    y = layers.Conv2D(16, 3, padding="same")(x)
    x = layers.Add()([x, y])
    return Model(inputs, layers.Dense(10, activation="softmax")(layers.Flatten()(x)), seed=0)


def convolved(x, filters, size=3, strides=1, relu=True):
    x = layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.Activation("relu")(x) if relu else x


def residual(x, filters, strides=1):
    """He et al.

    2015, arXiv:1512.03385, figure 2; a 1x1 convolution on the shortcut where shapes change.
    """
    y = convolved(convolved(x, filters, strides=strides), filters, relu=False)
    if strides != 1 or x.shape[-1] != filters:
        x = convolved(x, filters, 1, strides, relu=False)
    return layers.Activation("relu")(layers.Add()([x, y]))


def residual_block(filters=16, shape=(16, 16, 16), **options):
    inputs = Input(shape)
    return Model(
        inputs,
        residual(inputs, filters, 1 if filters == shape[-1] else 2),
        name="residual_block",
        **options,
    )


def residual_network(blocks=1, filters=(4, 8), shape=(8, 8, 3), classes=3, **options):
    inputs = Input(shape)
    x = convolved(inputs, filters[0])
    for stage, width in enumerate(filters):
        for block in range(blocks):
            x = residual(x, width, 2 if stage and not block else 1)
    x = layers.GlobalAveragePooling2D()(x)
    return Model(
        inputs, layers.Dense(classes, activation="softmax")(x), name="residual_network", **options
    )


def resnet_20(**options):
    return residual_network(3, (16, 32, 64), (32, 32, 3), 10, **options)


def inception_block(**options):
    """Szegedy et al. 2014, arXiv:1409.4842, figure 2b."""
    inputs = Input((16, 16, 64))

    def conv(x, filters, size):
        return layers.Conv2D(filters, size, padding="same", activation="relu")(x)

    pooled = layers.MaxPooling2D(3, 1, padding="same")(inputs)
    branches = [
        conv(inputs, 32, 1),
        conv(conv(inputs, 24, 1), 32, 3),
        conv(conv(inputs, 8, 1), 16, 5),
    ]
    joined = layers.Concatenate()([*branches, conv(pooled, 16, 1)])
    return Model(inputs, joined, name="inception_block", **options)


def transfer_network(**options):
    """Augmentation, and a backbone that is called with training=False, as models inside."""
    augmentation = Sequential(
        [Input((16, 16, 3)), layers.RandomFlip(), layers.RandomTranslation(0.1, 0.1)],
        name="augmentation",
    )
    pixels = Input((16, 16, 3))
    backbone = Model(pixels, residual(convolved(pixels, 4), 8, 2), name="backbone")
    inputs = Input((16, 16, 3), name="picture")
    x = backbone(layers.Rescaling(1 / 255)(augmentation(inputs)), training=False)
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    return Model(inputs, layers.Dense(5, activation="softmax")(x), name="transfer", **options)


def several():
    """Two inputs, a Sequential and a layer that are called twice, a model of two outputs."""
    base = Sequential([Input((8, 8, 3)), layers.Conv2D(4, 3), layers.ReLU()], name="base")
    left, right, shared = Input((8, 8, 3)), Input((8, 8, 3)), layers.ReLU()
    a, b = base(left), base(right)
    c = shared(layers.Concatenate()([a, b]))
    d = shared(a)
    maps = Input((6, 6, 4))
    pooled = [layers.GlobalAveragePooling2D()(maps), layers.GlobalMaxPooling2D()(maps)]
    p, q = Model(maps, pooled, name="inner")(d)
    e = layers.GlobalAveragePooling2D()(c)
    return Model([left, right], layers.Concatenate()([p, q, e]))
