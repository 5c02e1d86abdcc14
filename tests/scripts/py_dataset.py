"""Batches made by a class of one's own."""

import math

import keras
import numpy as np
from drawn import pictures, set_weights
from keras import layers


class PictureSequence(keras.utils.PyDataset):
    def __init__(self, x_set, y_set, batch_size, **kwargs):
        super().__init__(**kwargs)
        self.x, self.y = x_set, y_set
        self.batch_size = batch_size

    def __len__(self):
        return math.ceil(len(self.x) / self.batch_size)

    def __getitem__(self, idx):
        low = idx * self.batch_size
        high = min(low + self.batch_size, len(self.x))
        return self.x[low:high] / np.float32(255), self.y[low:high]

    def on_epoch_end(self):
        print("end of epoch")


x, y = pictures(40)
train = PictureSequence(x[:28], y[:28], 8)
validation = PictureSequence(x[28:], y[28:], 5)
model = keras.Sequential(
    [
        layers.Input((16, 16, 3)),
        layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(4),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
    ]
)
set_weights(model)
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(train, epochs=2, validation_data=validation, shuffle=False, verbose=0)

results = {
    "history": history.history,
    "evaluate": model.evaluate(validation, verbose=0),
    "predict": model.predict(validation, verbose=0).sum(axis=0).tolist(),
}
