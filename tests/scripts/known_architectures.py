"""Networks from keras.applications, without weights, as a whole and as a base."""

from keras import Input, Model, layers
from keras.applications import MobileNetV2, ResNet50

whole = ResNet50(weights=None, input_shape=(32, 32, 3), classes=10)
base_model = MobileNetV2(input_shape=(32, 32, 3), include_top=False, weights=None)
base_model.trainable = False
for layer in base_model.layers[-3:]:
    layer.trainable = True

inputs = Input(shape=(32, 32, 3))
x = base_model(inputs)
x = layers.GlobalAveragePooling2D()(x)
x = layers.Dropout(0.2)(x)
model = Model(inputs, layers.Dense(1, activation="sigmoid")(x))

results = {
    "whole": [whole.count_params(), len(whole.layers), whole.layers[-1].name],
    "names": [layer.name for layer in base_model.layers[1:]],
    "shape": list(base_model.output.shape),
    "parameters": model.count_params(),
    "weights": len(model.get_weights()),
}
