"""Where a network looks: a model with the last feature maps as a second output."""

import keras
import numpy as np
from drawn import pictures, set_weights
from keras import layers

inputs = keras.Input(shape=(16, 16, 3))
x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
x = layers.MaxPooling2D()(x)
x = layers.Conv2D(16, 3, padding="same", activation="relu", name="last_conv")(x)
x = layers.GlobalAveragePooling2D()(x)
outputs = layers.Dense(3, activation="softmax", name="predictions")(x)
model = keras.Model(inputs, outputs)
set_weights(model)

x, y = pictures(32)
x = x.astype("float32") / 255
model.compile("sgd", "sparse_categorical_crossentropy")
model.fit(x, y, batch_size=16, epochs=1, shuffle=False, verbose=0)

last_conv_layer_name = "last_conv"
grad_model = keras.models.Model(
    model.inputs, [model.get_layer(last_conv_layer_name).output, model.output]
)
maps, predictions = grad_model.predict(x[:4], verbose=0)
kernel = model.get_layer("predictions").get_weights()[0]
best = predictions.argmax(axis=1)
heat = np.stack([maps[i] @ kernel[:, k] for i, k in enumerate(best)])
heat = np.maximum(heat, 0) / max(heat.max(), 1e-6)

results = {
    "shape": list(maps.shape),
    "best": best.tolist(),
    "heat": heat.mean(axis=(1, 2)).tolist(),
    "probabilities": predictions.tolist(),
}
