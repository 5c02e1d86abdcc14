"""Networks that are known by name, untrained: `applications.ResNet20(classes=10)` is a Model.

Those that Keras has too, ResNet50, MobileNetV2 and EfficientNetB0, have its layers, names, weights
and arguments, and each a part of its name with preprocess_input, which pixels.py writes out.
"""

from minicnn.applications import efficientnet, mobilenet_v2, resnet, resnet50
from minicnn.models.zoo.documented import DocumentedCNN, SmallCNN
from minicnn.models.zoo.efficientnet import EfficientNetB0
from minicnn.models.zoo.inception import SmallInception
from minicnn.models.zoo.mobilenet_v2 import MobileNetV2, SmallMobileNetV2
from minicnn.models.zoo.resnet import ResNet18, ResNet20, ResNet32, ResNet56
from minicnn.models.zoo.resnet50 import ResNet50
from minicnn.models.zoo.squeeze import SEResNet20
from minicnn.models.zoo.vgg import ConvolutionalCNN, LargeCNN
from minicnn.names import missing_from

__all__ = [
    "ConvolutionalCNN",
    "DocumentedCNN",
    "EfficientNetB0",
    "LargeCNN",
    "MobileNetV2",
    "ResNet18",
    "ResNet20",
    "ResNet32",
    "ResNet50",
    "ResNet56",
    "SEResNet20",
    "SmallCNN",
    "SmallInception",
    "SmallMobileNetV2",
    "efficientnet",
    "mobilenet_v2",
    "resnet",
    "resnet50",
]

__getattr__ = missing_from(__name__, "applications", __all__)
