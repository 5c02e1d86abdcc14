"""Many activations, as layers, by name and as functions."""

import keras
from drawn import pictures, set_weights
from keras import activations, layers
from keras.layers import ELU, Activation, LeakyReLU, PReLU

x, y = pictures(32)
x = x.astype("float32") / 127.5 - 1
y = keras.utils.to_categorical(y, 3)


def train(*middle):
    model = keras.Sequential()
    model.add(layers.Input((16, 16, 3)))
    model.add(layers.Conv2D(8, 3, padding="same"))
    for layer in middle:
        model.add(layer)
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(3, activation="softmax"))
    set_weights(model)
    model.compile("sgd", "categorical_crossentropy")
    return model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0).history["loss"]


results = {
    "PReLU": train(PReLU(shared_axes=[1, 2])),
    "ELU": train(ELU(alpha=0.7)),
    "LeakyReLU": train(LeakyReLU(negative_slope=0.1)),
    "function": train(Activation(activations.tanh)),
} | {
    name: train(Activation(name))
    for name in (
        "elu selu swish gelu tanh sigmoid softplus softsign hard_sigmoid mish relu6"
    ).split()
}
