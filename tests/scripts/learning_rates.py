"""Rates that change: by a schedule, by a function of the epoch, on a plateau."""

import keras
from drawn import pictures, set_weights
from keras import layers
from keras.callbacks import LearningRateScheduler, ReduceLROnPlateau
from keras.optimizers import SGD
from keras.optimizers.schedules import CosineDecay, ExponentialDecay

x, y = pictures(32)
x = x.astype("float32") / 255


def build_model():
    model = keras.models.Sequential()
    model.add(layers.Input((16, 16, 3)))
    model.add(layers.Conv2D(8, 3, padding="same", activation="relu"))
    model.add(layers.AveragePooling2D(4))
    model.add(layers.Flatten())
    model.add(layers.Dense(3, activation="softmax"))
    return set_weights(model)


def lr_schedule(epoch):
    lr = 0.05
    if epoch > 1:
        lr *= 0.1
    return lr


def train(optimizer, callbacks=None, epochs=3):
    model = build_model()
    model.compile(optimizer, loss="sparse_categorical_crossentropy")
    return model.fit(
        x, y, batch_size=16, epochs=epochs, callbacks=callbacks, shuffle=False, verbose=0
    ).history["loss"]


results = {
    "exponential": train(SGD(ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5, staircase=True))),
    "cosine": train(SGD(learning_rate=CosineDecay(0.1, 6), momentum=0.9)),
    "function": train(SGD(learning_rate=0.05), [LearningRateScheduler(lr_schedule)]),
    "plateau": train(
        SGD(learning_rate=0.05),
        [ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, min_delta=1.0, min_lr=0.001)],
        epochs=4,
    ),
}
