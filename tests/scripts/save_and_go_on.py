"""Save the best and the last, load them, go on."""

import keras
import numpy as np
from drawn import pictures, set_weights
from keras import layers
from keras.callbacks import CSVLogger, EarlyStopping, ModelCheckpoint
from keras.models import load_model

x, y = pictures(40)
x = x.astype("float32") / 255
model = keras.Sequential(
    [
        layers.Input((16, 16, 3)),
        layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
        layers.BatchNormalization(momentum=0.5),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
    ]
)
set_weights(model)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
first = model.fit(
    x[:32],
    y[:32],
    epochs=2,
    batch_size=16,
    validation_data=(x[32:], y[32:]),
    callbacks=[
        ModelCheckpoint("best.keras", monitor="val_loss", save_best_only=True),
        EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True),
        CSVLogger("log.csv"),
    ],
    shuffle=False,
    verbose=0,
)
model.save("last.keras")
model.save_weights("last.weights.h5")

again = load_model("last.keras")
same = np.array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
second = again.fit(
    x[:32], y[:32], epochs=3, initial_epoch=2, batch_size=16, shuffle=False, verbose=0
)
best = load_model("best.keras", compile=False)
model.load_weights("last.weights.h5")

with open("log.csv") as file:
    log = [line.split(",")[0] for line in file.read().splitlines()]

results = {
    "first": first.history,
    "second": second.history,
    "same": bool(same),
    "best": best.predict(x[:2], verbose=0).tolist(),
    "log": log,
}
