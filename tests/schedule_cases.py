"""A training whose numbers Keras and PyTorch have computed too."""

import json

from golden import make_training as golden

from minicnn import Input, Sequential, layers, optimizers

EXPECTED = json.loads(golden.GOLDEN.read_text())


def softmax_layer(dtype: str = "float64", seed: int = 0) -> Sequential:
    return Sequential([Input((4,)), layers.Dense(3, activation="softmax")], dtype=dtype, seed=seed)


def trained(
    optimizer: optimizers.Optimizer, watchers=None, epochs: int = 2, **options
) -> Sequential:
    model = softmax_layer()
    model.compile(optimizer, "sparse_categorical_crossentropy")
    (x, y), validation = golden.data()
    model.fit(
        x,
        y,
        batch_size=5,
        epochs=epochs,
        callbacks=watchers,
        validation_data=validation,
        verbose=0,
        **options,
    )
    return model
