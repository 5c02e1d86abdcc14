"""Samples that count differently, in training, in validation and in evaluation."""

import keras
import numpy as np
from drawn import pictures, set_weights
from keras import layers

x, y = pictures(40)
x = x.astype("float32") / 255
weights = np.linspace(0.1, 3.0, len(x))
model = keras.Sequential(
    [layers.Input((16, 16, 3)), layers.Flatten(), layers.Dense(3, activation="softmax")]
)
set_weights(model)
model.compile("sgd", "sparse_categorical_crossentropy")
history = model.fit(
    x[:30],
    y[:30],
    sample_weight=weights[:30],
    batch_size=10,
    epochs=2,
    validation_data=(x[30:], y[30:], weights[30:]),
    shuffle=False,
    verbose=0,
)
results = {
    "history": history.history,
    "evaluate": model.evaluate(x, y, sample_weight=weights, verbose=0),
    "batch": float(model.train_on_batch(x[:8], y[:8], sample_weight=weights[:8])),
}
