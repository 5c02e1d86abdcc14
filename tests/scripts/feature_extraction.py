"""Features from the middle of a network, predicted once, and a classifier on them."""

import numpy as np
from drawn import pictures, set_weights
from keras import Model, Sequential, layers

base = Sequential(
    [
        layers.Input((16, 16, 3)),
        layers.Conv2D(8, 3, activation="relu", padding="same", name="block1_conv"),
        layers.MaxPooling2D(name="block1_pool"),
        layers.Conv2D(16, 3, activation="relu", padding="same", name="block2_conv"),
        layers.MaxPooling2D(name="block2_pool"),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ]
)
set_weights(base)
for layer in base.layers:
    layer.trainable = False

conv_base = Model(inputs=base.inputs, outputs=base.get_layer("block2_pool").output)
x, y = pictures(36)
x = x.astype("float32") / 255


def extract_features(images, batch_size=12):
    features = np.zeros((len(images), 4, 4, 16))
    for i in range(0, len(images), batch_size):
        features[i : i + batch_size] = conv_base.predict(images[i : i + batch_size], verbose=0)
    return features


features = np.reshape(extract_features(x), (len(x), 4 * 4 * 16))
model = Sequential()
model.add(layers.Input((4 * 4 * 16,)))
model.add(layers.Dense(16, activation="relu"))
model.add(layers.Dense(3, activation="softmax"))
set_weights(model, seed=1)
model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["acc"])
history = model.fit(
    features[:24],
    y[:24],
    epochs=3,
    batch_size=8,
    validation_data=(features[24:], y[24:]),
    shuffle=False,
    verbose=0,
)
results = {"history": history.history, "features": float(features.sum())}
