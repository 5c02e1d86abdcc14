"""Rare classes count more."""

import numpy as np
from drawn import pictures, set_weights
from keras.layers import Dense, Flatten, Input, Rescaling
from keras.models import Sequential

x, y = pictures(60)
keep = np.flatnonzero((y == 0) | (np.arange(60) % 4 == 0))
x, y = x[keep], y[keep]
counts = np.bincount(y)
class_weight = {k: len(y) / (len(counts) * n) for k, n in enumerate(counts)}

model = Sequential([Input((16, 16, 3)), Rescaling(1.0 / 255), Flatten(), Dense(3, "softmax")])
set_weights(model)
model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    x, y, epochs=3, batch_size=8, class_weight=class_weight, shuffle=False, verbose=0
)
results = {
    "counts": counts.tolist(),
    "history": history.history,
    "evaluate": model.evaluate(x, y, verbose=0, return_dict=True),
}
