"""Cats and dogs: two folders, generators, a binary head, RMSprop, steps."""

from drawn import folder, set_weights
from tensorflow.keras import layers, models, optimizers
from tensorflow.keras.preprocessing.image import ImageDataGenerator

train_dir = folder("cats_and_dogs/train", ["cats", "dogs"], each=16)
validation_dir = folder("cats_and_dogs/validation", ["cats", "dogs"], each=8, seed=1)

model = models.Sequential()
model.add(layers.Input((16, 16, 3)))
model.add(layers.Conv2D(8, (3, 3), activation="relu"))
model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Conv2D(16, (3, 3), activation="relu"))
model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Flatten())
model.add(layers.Dense(16, activation="relu"))
model.add(layers.Dense(1, activation="sigmoid"))
set_weights(model)

model.compile(
    loss="binary_crossentropy",
    optimizer=optimizers.RMSprop(learning_rate=1e-4),
    metrics=["acc"],
)

train_datagen = ImageDataGenerator(rescale=1.0 / 255)
test_datagen = ImageDataGenerator(rescale=1.0 / 255)

train_generator = train_datagen.flow_from_directory(
    train_dir, target_size=(16, 16), batch_size=8, class_mode="binary", shuffle=False
)
validation_generator = test_datagen.flow_from_directory(
    validation_dir, target_size=(16, 16), batch_size=8, class_mode="binary", shuffle=False
)
for data_batch, labels_batch in train_generator:
    print("data batch shape:", data_batch.shape)
    print("labels batch shape:", labels_batch.shape)
    break
train_generator.reset()

history = model.fit(
    train_generator,
    steps_per_epoch=train_generator.samples // train_generator.batch_size,
    epochs=2,
    validation_data=validation_generator,
    validation_steps=validation_generator.samples // validation_generator.batch_size,
    shuffle=False,
    verbose=0,
)
acc = history.history["acc"]
val_acc = history.history["val_acc"]
loss = history.history["loss"]
val_loss = history.history["val_loss"]

results = {
    "classes": train_generator.class_indices,
    "batch": [list(data_batch.shape), list(labels_batch.shape)],
    "acc": acc,
    "val_acc": val_acc,
    "loss": loss,
    "val_loss": val_loss,
    "predictions": model.predict(validation_generator, verbose=0)[:, 0].tolist(),
}
