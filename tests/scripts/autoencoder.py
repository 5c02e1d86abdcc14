"""Pictures from noise: an autoencoder with UpSampling2D, and one with Conv2DTranspose."""

import keras
import numpy as np
from drawn import pictures, set_weights
from keras import layers
from keras.models import Model

x_train, _ = pictures(32, channels=1)
x_train = x_train.astype("float32") / 255.0
noise = np.random.default_rng(0).normal(size=x_train.shape).astype("float32")
noisy = np.clip(x_train + 0.1 * noise, 0.0, 1.0)


def upsampled(x):
    x = layers.UpSampling2D((2, 2))(x)
    return layers.Conv2D(8, (3, 3), activation="relu", padding="same")(x)


def transposed(x):
    return layers.Conv2DTranspose(8, (3, 3), strides=2, activation="relu", padding="same")(x)


def train(up, loss):
    input_img = layers.Input(shape=(16, 16, 1))
    x = layers.Conv2D(8, (3, 3), activation="relu", padding="same")(input_img)
    encoded = layers.MaxPooling2D((2, 2), padding="same")(x)
    x = up(encoded)
    decoded = layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x)
    autoencoder = Model(input_img, decoded)
    set_weights(autoencoder)
    autoencoder.compile(optimizer="adam", loss=loss)
    history = autoencoder.fit(
        noisy,
        x_train,
        epochs=2,
        batch_size=16,
        validation_data=(noisy[:8], x_train[:8]),
        shuffle=False,
        verbose=0,
    )
    return history.history | {"sum": float(autoencoder.predict(noisy, verbose=0).mean())}


results = {
    "upsampled": train(upsampled, "mse"),
    "transposed": train(transposed, keras.losses.MeanSquaredError()),
    "crossentropy": train(upsampled, "binary_crossentropy"),
}
