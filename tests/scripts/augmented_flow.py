"""CIFAR-10 with ImageDataGenerator: means measured by fit, batches by flow, steps by hand."""

from drawn import set_weights
from tensorflow.keras.callbacks import LearningRateScheduler, ModelCheckpoint
from tensorflow.keras.datasets import cifar10
from tensorflow.keras.layers import (
    Activation,
    Conv2D,
    Dense,
    Flatten,
    Input,
    MaxPooling2D,
    Rescaling,
)
from tensorflow.keras.models import Sequential
from tensorflow.keras.optimizers import SGD
from tensorflow.keras.preprocessing.image import ImageDataGenerator
from tensorflow.keras.utils import to_categorical

batch_size = 16
(x_train, y_train), (x_test, y_test) = cifar10.load_data()
y_train = to_categorical(y_train, 10)
y_test = to_categorical(y_test, 10)
x_train = x_train.astype("float32")
x_test = x_test.astype("float32")

model = Sequential()
model.add(Input(shape=x_train.shape[1:]))
model.add(Rescaling(1.0 / 64))
model.add(Conv2D(8, (3, 3), padding="same"))
model.add(Activation("relu"))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Flatten())
model.add(Dense(10))
model.add(Activation("softmax"))
set_weights(model)
model.compile(
    loss="categorical_crossentropy",
    optimizer=SGD(learning_rate=0.01, momentum=0.9, nesterov=True),
    metrics=["accuracy"],
)

datagen = ImageDataGenerator(featurewise_center=True)
datagen.fit(x_train)
changed = ImageDataGenerator(rotation_range=15, width_shift_range=0.1, horizontal_flip=True)
batch = next(changed.flow(x_train, y_train, batch_size=batch_size))


def scheduler(epoch):
    return 0.01 if epoch < 1 else 0.001


history = model.fit(
    datagen.flow(x_train, y_train, batch_size=batch_size, shuffle=False),
    steps_per_epoch=len(x_train) // batch_size,
    epochs=2,
    validation_data=datagen.flow(x_test, y_test, batch_size=8, shuffle=False),
    callbacks=[
        LearningRateScheduler(scheduler),
        ModelCheckpoint("weights.{epoch:02d}.keras", monitor="val_accuracy"),
    ],
    shuffle=False,
    verbose=0,
)
score = model.evaluate(datagen.flow(x_test, y_test, shuffle=False), verbose=0)

results = {
    "history": history.history,
    "score": score,
    "batch": [list(part.shape) for part in batch],
    "predictions": model.predict(datagen.flow(x_test, shuffle=False), verbose=0).tolist(),
}
