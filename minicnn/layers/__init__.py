"""The layers, one file each, to be read: formula, shapes, forward, backward, a hop to a kernel."""

from minicnn.layers import arithmetic  # noqa: F401  what symbolic tensors do with + - * /
from minicnn.layers.activation import Activation
from minicnn.layers.augmentation.random_brightness import RandomBrightness
from minicnn.layers.augmentation.random_contrast import RandomContrast
from minicnn.layers.augmentation.random_crop import RandomCrop
from minicnn.layers.augmentation.random_erasing import RandomErasing
from minicnn.layers.augmentation.random_flip import RandomFlip
from minicnn.layers.augmentation.random_rotation import RandomRotation
from minicnn.layers.augmentation.random_translation import RandomTranslation
from minicnn.layers.augmentation.random_zoom import RandomZoom
from minicnn.layers.average_pooling2d import AveragePooling2D
from minicnn.layers.base import Layer
from minicnn.layers.base_merge import Merge
from minicnn.layers.batch_normalization import BatchNormalization
from minicnn.layers.center_crop import CenterCrop
from minicnn.layers.conv2d import Conv2D
from minicnn.layers.conv2d_transpose import Conv2DTranspose
from minicnn.layers.cropping2d import Cropping2D
from minicnn.layers.dense import Dense
from minicnn.layers.depthwise_conv2d import DepthwiseConv2D
from minicnn.layers.dropout import Dropout
from minicnn.layers.elu import ELU
from minicnn.layers.flatten import Flatten
from minicnn.layers.gaussian_dropout import GaussianDropout
from minicnn.layers.gaussian_noise import GaussianNoise
from minicnn.layers.gelu import GELU
from minicnn.layers.global_average_pooling2d import GlobalAveragePooling2D
from minicnn.layers.global_max_pooling2d import GlobalMaxPooling2D
from minicnn.layers.group_normalization import GroupNormalization
from minicnn.layers.identity import Identity
from minicnn.layers.input import Input, InputLayer
from minicnn.layers.layer_normalization import LayerNormalization
from minicnn.layers.leaky_relu import LeakyReLU
from minicnn.layers.local_response_normalization import LocalResponseNormalization
from minicnn.layers.max_pooling2d import MaxPooling2D
from minicnn.layers.merging import (
    Add,
    Average,
    Concatenate,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    maximum,
    minimum,
    multiply,
    subtract,
)
from minicnn.layers.normalization import Normalization
from minicnn.layers.permute import Permute
from minicnn.layers.prelu import PReLU
from minicnn.layers.relu import ReLU
from minicnn.layers.rescaling import Rescaling
from minicnn.layers.reshape import Reshape
from minicnn.layers.resizing import Resizing
from minicnn.layers.separable_conv2d import SeparableConv2D
from minicnn.layers.softmax import Softmax
from minicnn.layers.spatial_dropout2d import SpatialDropout2D
from minicnn.layers.up_sampling2d import UpSampling2D
from minicnn.layers.zero_padding2d import ZeroPadding2D
from minicnn.names import missing_from

# the aliases that Keras has
AvgPool2D, MaxPool2D = AveragePooling2D, MaxPooling2D
GlobalAvgPool2D, GlobalMaxPool2D = GlobalAveragePooling2D, GlobalMaxPooling2D
Convolution2D, Convolution2DTranspose = Conv2D, Conv2DTranspose
SeparableConvolution2D = SeparableConv2D

__all__ = [
    "Activation",
    "Add",
    "Average",
    "AveragePooling2D",
    "AvgPool2D",
    "BatchNormalization",
    "CenterCrop",
    "Concatenate",
    "Conv2D",
    "Cropping2D",
    "Conv2DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "ELU",
    "Flatten",
    "GELU",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling2D",
    "GlobalAvgPool2D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling2D",
    "Identity",
    "GroupNormalization",
    "Input",
    "InputLayer",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "LocalResponseNormalization",
    "MaxPool2D",
    "MaxPooling2D",
    "Maximum",
    "Merge",
    "Minimum",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomErasing",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Resizing",
    "SeparableConv2D",
    "SeparableConvolution2D",
    "Softmax",
    "SpatialDropout2D",
    "Subtract",
    "UpSampling2D",
    "ZeroPadding2D",
    "add",
    "average",
    "concatenate",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]

# The closed vocabulary of model files: a file names a layer by its class, and nothing else can be
# named.
LAYERS: dict[str, type[Layer]] = {
    name: value
    for name, value in list(globals().items())
    if name in __all__ and isinstance(value, type) and value not in (Layer, Merge)
}

# those that slide kernels over pictures, and make pictures of filters
CONVOLUTIONS = (Conv2D, DepthwiseConv2D, SeparableConv2D, Conv2DTranspose)

__getattr__ = missing_from(__name__, "layers", __all__)
