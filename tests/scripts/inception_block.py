"""Blocks of four branches, concatenated, as in GoogLeNet."""

import keras
from drawn import pictures, set_weights
from keras import layers


def inception(x, f1, f3_in, f3, f5_in, f5, proj, name):
    branch1 = layers.Conv2D(f1, 1, padding="same", activation="relu", name=name + "_1x1")(x)
    branch3 = layers.Conv2D(f3_in, 1, padding="same", activation="relu")(x)
    branch3 = layers.Conv2D(f3, 3, padding="same", activation="relu", name=name + "_3x3")(branch3)
    branch5 = layers.Conv2D(f5_in, 1, padding="same", activation="relu")(x)
    branch5 = layers.Conv2D(f5, 5, padding="same", activation="relu", name=name + "_5x5")(branch5)
    pool = layers.MaxPooling2D((3, 3), strides=(1, 1), padding="same")(x)
    pool = layers.Conv2D(proj, 1, padding="same", activation="relu")(pool)
    return layers.concatenate([branch1, branch3, branch5, pool], axis=3, name=name)


inputs = keras.Input((16, 16, 3))
x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
x = inception(x, 4, 4, 8, 2, 4, 4, "inception_3a")
x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
x = inception(x, 4, 4, 8, 2, 4, 4, "inception_3b")
x = layers.GlobalAveragePooling2D()(x)
outputs = layers.Dense(3, activation="softmax")(x)
model = keras.Model(inputs, outputs, name="googlenet")
set_weights(model)

x_train, y_train = pictures(32)
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_train / 255.0, y_train, batch_size=16, epochs=2, shuffle=False, verbose=0)
results = {
    "history": history.history,
    "shape": list(model.get_layer("inception_3b").output.shape),
    "probabilities": model.predict(x_train[:4] / 255.0, verbose=0).tolist(),
}
