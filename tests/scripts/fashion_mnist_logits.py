"""Clothes by a dense network that ends in logits, and a model with a softmax around it."""

import keras
import numpy as np
from drawn import set_weights

fashion_mnist = keras.datasets.fashion_mnist
(train_images, train_labels), (test_images, test_labels) = fashion_mnist.load_data()
train_images = train_images / 255.0
test_images = test_images / 255.0

model = keras.Sequential(
    [
        keras.layers.Input(shape=(28, 28)),
        keras.layers.Flatten(),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10),
    ]
)
set_weights(model)
model.compile(
    optimizer="adam",
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(train_images, train_labels, epochs=2, shuffle=False, verbose=0)
test_loss, test_acc = model.evaluate(test_images, test_labels, verbose=2)

probability_model = keras.Sequential([model, keras.layers.Softmax()])
predictions = probability_model.predict(test_images, verbose=0)
img = np.expand_dims(test_images[1], 0)
predictions_single = probability_model.predict(img, verbose=0)

results = {
    "history": history.history,
    "test": [test_loss, test_acc],
    "labels": np.argmax(predictions, axis=1).tolist(),
    "single": predictions_single[0].tolist(),
}
