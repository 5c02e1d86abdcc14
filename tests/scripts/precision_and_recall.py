"""A binary classifier by its precision, recall and area under the curve."""

import keras
from drawn import pictures, set_weights
from keras import layers
from keras.callbacks import EarlyStopping

x, y = pictures(48, classes=2)
x = x.astype("float32") / 255
METRICS = [
    keras.metrics.BinaryAccuracy(name="accuracy"),
    keras.metrics.Precision(name="precision"),
    keras.metrics.Recall(name="recall"),
    keras.metrics.AUC(name="auc"),
]
model = keras.Sequential(
    [
        layers.Input((16, 16, 3)),
        layers.Flatten(),
        layers.Dense(8, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ]
)
set_weights(model)
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.01),
    loss=keras.losses.BinaryCrossentropy(),
    metrics=METRICS,
)
early_stopping = EarlyStopping(
    monitor="val_auc", verbose=0, patience=10, mode="max", restore_best_weights=True
)
history = model.fit(
    x[:36],
    y[:36],
    batch_size=12,
    epochs=2,
    callbacks=[early_stopping],
    validation_data=(x[36:], y[36:]),
    shuffle=False,
    verbose=0,
)
results = {
    "history": history.history,
    "evaluate": model.evaluate(x[36:], y[36:], verbose=0, return_dict=True),
}
