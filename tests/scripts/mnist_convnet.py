"""A small convnet on MNIST, with dropout."""

import keras
import numpy as np
from drawn import set_weights
from keras import layers

num_classes = 10
input_shape = (28, 28, 1)

(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train = x_train.astype("float32") / 255
x_test = x_test.astype("float32") / 255
x_train = np.expand_dims(x_train, -1)
x_test = np.expand_dims(x_test, -1)
print("x_train shape:", x_train.shape)

y_train = keras.utils.to_categorical(y_train, num_classes)
y_test = keras.utils.to_categorical(y_test, num_classes)

model = keras.Sequential(
    [
        keras.Input(shape=input_shape),
        layers.Conv2D(8, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Conv2D(16, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(num_classes, activation="softmax"),
    ]
)
model.summary()
set_weights(model)
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
before = model.evaluate(x_test, y_test, verbose=0)

history = model.fit(x_train, y_train, batch_size=16, epochs=1, validation_split=0.25, verbose=0)
score = model.evaluate(x_test, y_test, verbose=0)
print("Test loss:", score[0])
print("Test accuracy:", score[1])

results = {
    "before": before,  # with dropout, what comes after training is not defined
    "parameters": model.count_params(),
    "history": sorted(history.history),
    "metrics": len(score),
}
