"""Draws the pictures of docs/explain.md: `python docs/make_explain_pictures.py`, some minutes of
training.

CIFAR-10 is found as by datasets.cifar10.load_data(): MINICNN_DATA names a file of one's own.
"""

import io
from pathlib import Path

from PIL import Image

from minicnn import Input, Sequential, callbacks, datasets, explain, layers, plots

PICTURES = Path(__file__).resolve().parent / "pictures"
SHOWN = 14  # of the test pictures


def trained(x, y) -> Sequential:
    """The network of the page."""
    stack = [Input((32, 32, 3)), layers.Rescaling(1 / 255)]
    for filters in (32, 64):
        stack.append(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        stack += [layers.BatchNormalization(warmup=True), layers.MaxPooling2D()]
    stack.append(layers.Conv2D(128, 3, padding="same", activation="relu"))
    stack += [
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.3),
        layers.Dense(10, activation="softmax"),
    ]
    model = Sequential(stack, class_names=datasets.cifar10.CLASS_NAMES, seed=0)
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    model.fit(x, y, batch_size=64, epochs=12, callbacks=[callbacks.Doctor()])
    return model


def save(plot: plots.Plot, name: str) -> None:
    """Write a PNG in 256 colours, a fraction of the size."""
    whole = io.BytesIO()
    plot.figure.savefig(whole, dpi=100, facecolor="white")
    Image.open(whole).convert("RGB").quantize(256).save(
        PICTURES / f"explain_{name}.png", optimize=True
    )
    print(plot.to_text(), "\n")


def main() -> None:
    """Train and draw."""
    (x_train, y_train), (x_test, y_test) = datasets.cifar10.load_data()
    model = trained(x_train[:20000], y_train[:20000])
    print("test accuracy", model.evaluate(x_test, y_test, return_dict=True)["accuracy"])
    picture = x_test[SHOWN]
    maps = [
        look(model, picture) for look in (explain.grad_cam, explain.saliency, explain.occlusion)
    ]
    save(plots.heat_overlay(maps), "where")
    save(explain.activations(model, picture).plot(), "layers")
    save(explain.filters(model).plot(), "filters")
    save(explain.im2col(picture).plot(), "im2col")


if __name__ == "__main__":
    main()
