"""CIFAR-100's twenty kinds by a small VGG, with the best five as a metric."""

import keras
from drawn import set_weights
from keras.datasets import cifar100
from keras.layers import BatchNormalization, Conv2D, Dense, Flatten, MaxPooling2D
from keras.metrics import SparseTopKCategoricalAccuracy
from keras.models import Sequential

(x_train, y_train), (x_test, y_test) = cifar100.load_data(label_mode="coarse")
x_train = x_train.astype("float32") / 255.0
x_test = x_test.astype("float32") / 255.0

model = Sequential()
model.add(keras.Input(shape=x_train.shape[1:]))
model.add(Conv2D(8, (3, 3), padding="same", activation="relu", name="conv1"))
model.add(BatchNormalization(momentum=0.8))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Conv2D(16, (3, 3), padding="same", activation="relu", name="conv2"))
model.add(MaxPooling2D(pool_size=(4, 4)))
model.add(Flatten())
model.add(Dense(20, activation="softmax"))
set_weights(model)

model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.01, momentum=0.9),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy", SparseTopKCategoricalAccuracy(k=5, name="top5")],
)
history = model.fit(
    x_train,
    y_train,
    batch_size=16,
    epochs=2,
    validation_data=(x_test, y_test),
    shuffle=False,
    verbose=0,
)
results = {"history": history.history, "layers": [layer.name for layer in model.layers]}
