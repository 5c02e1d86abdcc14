"""A picture and some numbers about it, in two branches."""

import keras
import numpy as np
from drawn import pictures, set_weights
from keras.layers import Concatenate, Conv2D, Dense, Flatten, Input, MaxPooling2D

x, y = pictures(32)
x = x.astype("float32") / 255
numbers = np.random.default_rng(3).standard_normal((32, 4)).astype("float32")

picture = Input(shape=(16, 16, 3), name="picture")
about = Input(shape=(4,), name="about")
a = Conv2D(8, 3, padding="same", activation="relu")(picture)
a = Flatten()(MaxPooling2D(4)(a))
b = Dense(8, activation="relu")(about)
z = Concatenate()([a, b])
outputs = Dense(3, activation="softmax", name="class")(z)
model = keras.Model(inputs=[picture, about], outputs=outputs)
set_weights(model)
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    [x[:24], numbers[:24]],
    y[:24],
    validation_data=([x[24:], numbers[24:]], y[24:]),
    epochs=2,
    batch_size=8,
    shuffle=False,
    verbose=0,
)
named = model.predict({"picture": x, "about": numbers}, verbose=0)

results = {"history": history.history, "named": named.sum(axis=0).tolist()}
