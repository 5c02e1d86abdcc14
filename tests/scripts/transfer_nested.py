"""Transfer: a trained base as a layer of a new model, frozen first, then trained on slowly."""

import keras
from drawn import pictures, set_weights
from keras import layers

x_old, y_old = pictures(32, classes=4)
x_new, y_new = pictures(32, classes=2, seed=5)

inputs = keras.Input(shape=(16, 16, 3))
x = layers.Rescaling(1.0 / 255)(inputs)
x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
x = layers.BatchNormalization()(x)
x = layers.MaxPooling2D()(x)
x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
base_model = keras.Model(inputs, x, name="base")
set_weights(base_model)

base_model.trainable = False
inputs = keras.Input(shape=(16, 16, 3))
x = base_model(inputs, training=False)
x = layers.GlobalAveragePooling2D()(x)
outputs = layers.Dense(1)(x)
model = keras.Model(inputs, outputs)
set_weights(model, seed=1)
model.summary()

model.compile(
    optimizer=keras.optimizers.Adam(),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy()],
)
frozen = model.fit(x_new, y_new, batch_size=16, epochs=2, shuffle=False, verbose=0)
scores = model.predict(x_new[:5], verbose=0)[:, 0]

base_model.trainable = True
model.compile(
    optimizer=keras.optimizers.Adam(1e-5),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy()],
)
tuned = model.fit(x_new, y_new, batch_size=16, epochs=1, shuffle=False, verbose=0)

results = {
    "frozen": frozen.history,
    # not its values: Keras 3.15 normalises by the batch here, in spite of training=False
    "tuned": sorted(tuned.history),
    "layers": [layer.name for layer in model.layers[1:]],
    "scores": scores.tolist(),
}
