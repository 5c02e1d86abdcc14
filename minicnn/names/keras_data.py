"""Names of Keras' data sets, and of what reads and prepares pictures."""

DATA: dict[str, list[tuple[str, str]]] = {
    "datasets": [
        (
            "boston_housing california_housing imdb reuters",
            "minicnn classifies pictures: use datasets.cifar10 or datasets.shapes.",
        ),
    ],
    "preprocessing": [
        ("text sequence timeseries", "minicnn classifies pictures: use preprocessing.image."),
    ],
    "preprocessing.image": [
        ("image_dataset_from_directory", "Use utils.image_dataset_from_directory."),
        ("DirectoryIterator", "ImageDataGenerator().flow_from_directory(path) makes it."),
        ("Iterator NumpyArrayIterator", "ImageDataGenerator().flow(x, y) makes it."),
        (
            "apply_affine_transform random_rotation random_shift random_shear random_zoom",
            "Use layers.RandomRotation and its like.",
        ),
        (
            "random_brightness apply_brightness_shift random_channel_shift",
            "Use layers.RandomBrightness and RandomContrast.",
        ),
        (
            "smart_resize",
            "data.from_directory and model.predict_image cut and scale pictures by themselves.",
        ),
    ],
    "interpolation": [
        ("lanczos3 lanczos5", "Use 'lanczos'."),
        ("area gaussian mitchellcubic", "Use 'box', 'bilinear' or 'bicubic'."),
    ],
    "resizing": [  # of image_dataset_from_directory
        (
            "bicubic lanczos3 lanczos5 area gaussian mitchellcubic",
            "Use 'bilinear' or 'nearest', or data.from_directory, which averages.",
        ),
    ],
    "class_mode": [
        (
            "multi_output raw",
            "Give labels of your own with flow(x, y), on pictures that data.read_image reads.",
        ),
    ],
    "color_mode": [
        ("rgba", "Pictures are put on white where they are transparent: use 'rgb'."),
        ("grey gray greyscale L", "Use 'grayscale'."),
    ],
}
