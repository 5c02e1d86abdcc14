"""Augmentation as the first layers, in a model of their own: on in training, off in prediction."""

import keras
import numpy as np
from drawn import pictures, set_weights
from keras import layers

data_augmentation = keras.Sequential(
    [
        layers.Input((16, 16, 3)),
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(0.1),
        layers.RandomZoom(0.1),
    ]
)
model = keras.Sequential(
    [
        layers.Input((16, 16, 3)),
        data_augmentation,
        layers.Rescaling(1.0 / 255),
        layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.2),
        layers.Dense(3),
    ]
)
set_weights(model)
model.compile(
    optimizer="adam",
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
x, y = pictures(32)
before = model.evaluate(x, y, verbose=0)
scores = model.predict(x[:3], verbose=0)
changed = np.asarray(data_augmentation(x[:4].astype("float32"), training=True))
same = np.asarray(data_augmentation(x[:4].astype("float32"), training=False))
model.fit(x, y, validation_split=0.25, epochs=1, verbose=0)

results = {
    "before": before,
    "scores": scores.tolist(),
    "shape": list(changed.shape),
    "kept": bool((same == x[:4]).all()),
    "changed": bool((changed != x[:4]).any()),
}
