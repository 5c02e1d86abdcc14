"""Folders as data sets: a validation split, names of classes, map, cache and prefetch."""

import keras
import numpy as np
from drawn import folder, set_weights
from keras import layers

data_dir = folder("pets", ["Cat", "Dog"], each=15)
image_size = (16, 16)
batch_size = 32

train_ds = keras.utils.image_dataset_from_directory(
    data_dir,
    validation_split=0.2,
    subset="training",
    seed=1337,
    image_size=image_size,
    batch_size=batch_size,
)
val_ds = keras.utils.image_dataset_from_directory(
    data_dir,
    validation_split=0.2,
    subset="validation",
    seed=1337,
    image_size=image_size,
    batch_size=batch_size,
)
class_names = train_ds.class_names
files = val_ds.file_paths
for images, labels in train_ds.take(1):
    shapes = [list(images.shape), list(labels.shape)]

train_ds = train_ds.map(lambda x, y: (x / 255.0, y)).cache().shuffle(1000).prefetch(buffer_size=2)
val_ds = val_ds.map(lambda x, y: (x / 255.0, y)).cache().prefetch(buffer_size=2)

model = keras.Sequential(
    [
        keras.Input(shape=image_size + (3,)),
        layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(len(class_names)),
    ]
)
set_weights(model)
model.compile(
    optimizer="sgd",
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(train_ds, validation_data=val_ds, epochs=3, verbose=0)

img = keras.utils.load_img(files[0], target_size=image_size)
img_array = keras.utils.img_to_array(img)
img_array = np.expand_dims(img_array, 0)

results = {
    "classes": list(class_names),
    "files": [file.replace("\\", "/") for file in files],
    "shapes": shapes,
    "history": history.history,  # one batch an epoch: its order does not matter
    "single": model.predict(img_array / 255.0, verbose=0)[0].tolist(),
}
