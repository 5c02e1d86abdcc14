"""The networks that the command line knows by name, for pictures of any size from 0 to 255."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from minicnn import applications
from minicnn.cli.choices import DOCUMENTED
from minicnn.layers import Input, Layer, Rescaling
from minicnn.models.model import Model

Size = tuple[int, int]

BUILDERS: dict[str, Callable[..., Model]] = {
    DOCUMENTED: applications.DocumentedCNN,
    "small": applications.SmallCNN,
    "large": applications.LargeCNN,
    "convolutional": applications.ConvolutionalCNN,
    "resnet20": applications.ResNet20,
    "resnet32": applications.ResNet32,
    "resnet56": applications.ResNet56,
    "seresnet20": applications.SEResNet20,
    "inception": applications.SmallInception,
    "small_mobilenetv2": applications.SmallMobileNetV2,
    "resnet18": applications.ResNet18,
    "resnet50": applications.ResNet50,
    "mobilenetv2": applications.MobileNetV2,
    "efficientnetb0": applications.EfficientNetB0,
}
WITH_DROPOUT = (DOCUMENTED, "small", "large", "convolutional")  # which a recipe chooses
# those of keras.applications, whose weights= is "imagenet" there
KERAS = ("resnet50", "mobilenetv2", "efficientnetb0")
TAKES_BYTES = ("efficientnetb0",)  # has a Rescaling of its own


def network(
    class_names: Sequence[str] | None = None,
    augmentation: Iterable[Layer] = (),
    seed: int = 0,
    *,
    name: str = DOCUMENTED,
    size: Size = (32, 32),
    dropout: float = 0.5,
    **arguments: Any,
) -> Model:
    """A network for pictures (H, W) = size from 0 to 255, by its name; arguments are its own.

    Raises ValueError for pictures that are too small for it.
    """
    x = Input((*size, 3))
    scaling = () if name in TAKES_BYTES else (Rescaling(1 / 255),)
    for layer in (*augmentation, *scaling):
        x = layer(x)
    own = arguments | ({"dropout": dropout} if name in WITH_DROPOUT else {})
    return BUILDERS[name](
        input_tensor=x,
        classes=10 if class_names is None else len(class_names),
        class_names=class_names,
        seed=seed,
        **own | ({"weights": None} if name in KERAS else {}),
    )


def named(name: str, size: Size | None = None) -> Model:
    """The network of that name as it is for CIFAR-10, or one of Keras' as it is there, for pictures
    (H, W) = size.
    """
    if name not in KERAS:
        return network(name=name, size=size or (32, 32))
    return BUILDERS[name](weights=None, seed=0, input_shape=None if size is None else (*size, 3))
