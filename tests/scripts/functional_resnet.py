"""A residual network in the functional way: shortcuts, L2 regularisation, He initialisation."""

from drawn import pictures, set_weights
from keras.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    Input,
    add,
)
from keras.models import Model
from keras.optimizers import SGD
from keras.regularizers import l2
from keras.utils import to_categorical


def resnet_layer(inputs, num_filters=8, kernel_size=3, strides=1, activation="relu"):
    x = Conv2D(
        num_filters,
        kernel_size=kernel_size,
        strides=strides,
        padding="same",
        kernel_initializer="he_normal",
        kernel_regularizer=l2(1e-4),
    )(inputs)
    x = BatchNormalization()(x)
    if activation is not None:
        x = Activation(activation)(x)
    return x


def resnet_v1(input_shape, num_res_blocks, num_classes):
    num_filters = 8
    inputs = Input(shape=input_shape)
    x = resnet_layer(inputs=inputs)
    for stack in range(2):
        for res_block in range(num_res_blocks):
            strides = 2 if stack > 0 and res_block == 0 else 1
            y = resnet_layer(inputs=x, num_filters=num_filters, strides=strides)
            y = resnet_layer(inputs=y, num_filters=num_filters, activation=None)
            if stack > 0 and res_block == 0:
                x = resnet_layer(
                    inputs=x,
                    num_filters=num_filters,
                    kernel_size=1,
                    strides=strides,
                    activation=None,
                )
            x = add([x, y])
            x = Activation("relu")(x)
        num_filters *= 2
    x = AveragePooling2D(pool_size=8)(x)
    y = Flatten()(x)
    outputs = Dense(num_classes, activation="softmax", kernel_initializer="he_normal")(y)
    return Model(inputs=inputs, outputs=outputs)


x_train, y_train = pictures(32)
x_train = x_train.astype("float32") / 255
x_train -= x_train.mean(axis=0)
y_train = to_categorical(y_train, 3)

model = resnet_v1(input_shape=x_train.shape[1:], num_res_blocks=1, num_classes=3)
set_weights(model)
model.compile(
    loss="categorical_crossentropy",
    optimizer=SGD(learning_rate=0.02, momentum=0.9, nesterov=True),
    metrics=["accuracy"],
)
history = model.fit(x_train, y_train, batch_size=16, epochs=2, shuffle=False, verbose=0)

results = {
    "parameters": model.count_params(),
    "layers": [layer.name for layer in model.layers],
    "loss": history.history["loss"],
    "evaluate": model.evaluate(x_train, y_train, verbose=0),
}
