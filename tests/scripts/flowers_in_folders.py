"""Five kinds of flower in one folder: validation_split of the generator, categorical labels, grey
pictures, names of the predicted classes.
"""

import numpy as np
from drawn import folder, set_weights
from tensorflow.keras.layers import Activation, Conv2D, Dense, Flatten, Input, MaxPooling2D
from tensorflow.keras.models import Sequential
from tensorflow.keras.preprocessing.image import ImageDataGenerator

flowers = ["daisy", "dandelion", "rose", "sunflower", "tulip"]
data_dir = folder("flowers", flowers, each=10)
img_size = 16
batch_size = 10

datagen = ImageDataGenerator(rescale=1.0 / 255, validation_split=0.2)
train_generator = datagen.flow_from_directory(
    data_dir,
    target_size=(img_size, img_size),
    batch_size=batch_size,
    color_mode="grayscale",
    class_mode="categorical",
    subset="training",
    shuffle=False,
)
validation_generator = datagen.flow_from_directory(
    data_dir,
    target_size=(img_size, img_size),
    batch_size=batch_size,
    color_mode="grayscale",
    class_mode="categorical",
    subset="validation",
    shuffle=False,
)

model = Sequential()
model.add(Input((img_size, img_size, 1)))
model.add(Conv2D(8, (3, 3), padding="same"))
model.add(Activation("relu"))
model.add(MaxPooling2D((2, 2)))
model.add(Flatten())
model.add(Dense(train_generator.num_classes))
model.add(Activation("softmax"))
set_weights(model)
model.compile(optimizer="sgd", loss="categorical_crossentropy", metrics=["accuracy"])
hist = model.fit(
    train_generator, epochs=2, validation_data=validation_generator, shuffle=False, verbose=0
)
scores = model.evaluate(validation_generator, verbose=0)

pred = model.predict(validation_generator, verbose=0)
predicted_class_indices = np.argmax(pred, axis=1)
labels = dict((v, k) for k, v in train_generator.class_indices.items())
predictions = [labels[k] for k in predicted_class_indices]

results = {
    "history": hist.history,
    "scores": scores,
    "names": predictions,
    "files": validation_generator.filenames,
    "true": validation_generator.classes.tolist(),
    "probabilities": pred.tolist(),
}
