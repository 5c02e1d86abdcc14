"""Other optimizers, clipped gradients, constraints, initial weights and losses by function."""

import keras
from drawn import pictures, set_weights
from keras import layers, optimizers
from keras.constraints import MaxNorm
from keras.initializers import Constant, RandomNormal, TruncatedNormal
from keras.losses import categorical_crossentropy
from keras.utils import to_categorical

x, y = pictures(32)
x = x.astype("float32") / 255
y = to_categorical(y)


def train(optimizer):
    model = keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Conv2D(
                8,
                3,
                padding="same",
                activation="relu",
                kernel_initializer=TruncatedNormal(stddev=0.05),
                bias_initializer=Constant(0.1),
                kernel_constraint=MaxNorm(2.0),
            ),
            layers.MaxPooling2D(4),
            layers.Flatten(),
            layers.Dense(3, activation="softmax", kernel_initializer=RandomNormal(stddev=0.01)),
        ]
    )
    assert (
        abs(model.get_weights()[1] - 0.1).max() < 1e-6 and abs(model.get_weights()[2]).max() < 0.1
    )
    set_weights(model)
    model.compile(loss=categorical_crossentropy, optimizer=optimizer, metrics=["accuracy"])
    return model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0).history["loss"]


results = {
    "nadam": train(optimizers.Nadam(learning_rate=0.002)),
    "adagrad": train(optimizers.Adagrad(0.01)),
    "adadelta": train(optimizers.Adadelta(1.0)),
    "adamax": train("adamax"),
    "clipnorm": train(optimizers.SGD(learning_rate=0.1, momentum=0.9, clipnorm=0.5)),
    "clipvalue": train(optimizers.SGD(learning_rate=0.1, clipvalue=0.01)),
    "rmsprop": train(optimizers.RMSprop(0.001, rho=0.8, momentum=0.5)),
}
