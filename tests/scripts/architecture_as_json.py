"""An architecture written down and made again, cloned, and its configuration."""

import json

import keras
from drawn import pictures, set_weights
from keras import layers
from keras.models import clone_model, model_from_json

model = keras.Sequential(
    [
        layers.Input((16, 16, 3)),
        layers.Conv2D(8, 3, padding="same", activation="relu", name="conv"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, activation="softmax", name="answer"),
    ],
    name="written",
)
set_weights(model)
x, _ = pictures(4)
x = x / 255.0
expected = model.predict(x, verbose=0)

with open("model.json", "w") as file:
    file.write(model.to_json())
with open("model.json") as file:
    again = model_from_json(file.read())
again.set_weights(model.get_weights())
clone = clone_model(model)
clone.set_weights(model.get_weights())
third = keras.Sequential.from_config(model.get_config())
third.set_weights(model.get_weights())

results = {
    "expected": expected.tolist(),
    "names": [layer.name for layer in again.layers],
    "equal": [bool((m.predict(x, verbose=0) == expected).all()) for m in (again, clone, third)],
    "is_json": isinstance(json.loads(model.to_json()), dict),
}
