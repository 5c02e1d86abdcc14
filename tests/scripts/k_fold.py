"""Cross-validation: a new model for each fold."""

import numpy as np
from drawn import pictures, set_weights
from keras import layers, models

x, y = pictures(36)
x = x.astype("float32") / 255


def build_model():
    model = models.Sequential()
    model.add(layers.Input((16, 16, 3)))
    model.add(layers.Conv2D(8, (3, 3), activation="relu", padding="same"))
    model.add(layers.MaxPooling2D((4, 4)))
    model.add(layers.Flatten())
    model.add(layers.Dense(3, activation="softmax"))
    set_weights(model)
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


k = 3
num_val_samples = len(x) // k
all_scores, all_histories = [], []
for i in range(k):
    val_x = x[i * num_val_samples : (i + 1) * num_val_samples]
    val_y = y[i * num_val_samples : (i + 1) * num_val_samples]
    partial_x = np.concatenate([x[: i * num_val_samples], x[(i + 1) * num_val_samples :]], axis=0)
    partial_y = np.concatenate([y[: i * num_val_samples], y[(i + 1) * num_val_samples :]], axis=0)
    model = build_model()
    history = model.fit(
        partial_x,
        partial_y,
        validation_data=(val_x, val_y),
        epochs=2,
        batch_size=8,
        shuffle=False,
        verbose=0,
    )
    all_histories.append(history.history["val_loss"])
    all_scores.append(model.evaluate(val_x, val_y, verbose=0)[1])

results = {"scores": all_scores, "val_loss": all_histories, "mean": float(np.mean(all_scores))}
