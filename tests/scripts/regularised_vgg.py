"""A VGG for CIFAR-10 as of 2017: L2 in every convolution, ELU, batch normalisation, RMSprop."""

from drawn import set_weights
from keras import regularizers
from keras.datasets import cifar10
from keras.layers import Activation, BatchNormalization, Conv2D, Dense, Flatten, Input, MaxPooling2D
from keras.models import Sequential
from keras.optimizers import RMSprop
from keras.utils import to_categorical

(x_train, y_train), (x_test, y_test) = cifar10.load_data()
x_train = x_train.astype("float32")
x_test = x_test.astype("float32")
mean = x_train.mean(axis=(0, 1, 2, 3))
std = x_train.std(axis=(0, 1, 2, 3))
x_train = (x_train - mean) / (std + 1e-7)
x_test = (x_test - mean) / (std + 1e-7)
num_classes = 10
y_train = to_categorical(y_train, num_classes)
y_test = to_categorical(y_test, num_classes)

weight_decay = 1e-4
model = Sequential()
model.add(Input(shape=x_train.shape[1:]))
model.add(Conv2D(8, (3, 3), padding="same", kernel_regularizer=regularizers.l2(weight_decay)))
model.add(Activation("elu"))
model.add(BatchNormalization())
model.add(Conv2D(8, (3, 3), padding="same", kernel_regularizer=regularizers.l2(weight_decay)))
model.add(Activation("elu"))
model.add(BatchNormalization())
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Conv2D(16, (3, 3), padding="same", kernel_regularizer=regularizers.L2(weight_decay)))
model.add(Activation("elu"))
model.add(BatchNormalization())
model.add(MaxPooling2D(pool_size=(4, 4)))
model.add(Flatten())
model.add(Dense(num_classes, activation="softmax", kernel_regularizer="l2"))
set_weights(model)

opt_rms = RMSprop(learning_rate=0.001)
model.compile(loss="categorical_crossentropy", optimizer=opt_rms, metrics=["accuracy"])
history = model.fit(
    x_train,
    y_train,
    batch_size=24,
    epochs=1,
    validation_data=(x_test, y_test),
    shuffle=False,
    verbose=0,
)
results = {"loss": history.history["loss"], "parameters": model.count_params()}
