"""Names of Keras' networks."""

THERE = "ResNet50, MobileNetV2 and EfficientNetB0 are, and ResNet20 and others."
VARIANTS = {
    "ConvNeXt": "Tiny Small Base Large XLarge",
    "DenseNet": "121 169 201",
    "EfficientNet": "B1 B2 B3 B4 B5 B6 B7 V2B0 V2B1 V2B2 V2B3 V2S V2M V2L",
    "MobileNet": "V3Large V3Small",
    "NASNet": "Large Mobile",
    "ResNet": "101 101V2 152 152V2 50V2",
    "VGG": "16 19",
}
NETWORKS = " ".join(
    f"{family}{variant}" for family, variants in VARIANTS.items() for variant in variants.split()
)

APPLICATIONS: dict[str, list[tuple[str, str]]] = {
    "applications": [
        (
            f"{NETWORKS} MobileNet InceptionResNetV2 InceptionV3 Xception",
            f"It is not there: {THERE}",
        ),
        (
            "convnext densenet efficientnet_v2 mobilenet_v3 nasnet resnet_v2 vgg",
            f"It is not there: {THERE}",
        ),
        (
            "imagenet_utils",
            "Use applications.mobilenet_v2, resnet50 or efficientnet, which have preprocess_input.",
        ),
        (
            "decode_predictions",
            "ImageNet's names do not come with minicnn: predict(x).argmax(axis=-1) are numbers of "
            "classes, and predict_image names those of a model's class_names.",
        ),
    ],
}
