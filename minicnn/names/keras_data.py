"""Names of Keras' data sets, and of what reads and prepares pictures."""

FOLDER = (
    "Use data.from_directory(path, image_size), which returns x, y and class_names, and "
    "data.split(x, y)."
)

DATA: dict[str, list[tuple[str, str]]] = {
    "datasets": [
        (
            "boston_housing california_housing imdb reuters",
            "minicnn classifies pictures: use datasets.cifar10 or datasets.shapes.",
        ),
    ],
    "preprocessing": [
        ("image_dataset_from_directory", FOLDER),
        ("text sequence timeseries", "minicnn classifies pictures: use preprocessing.image."),
    ],
    "preprocessing.image": [
        ("image_dataset_from_directory DirectoryIterator", FOLDER),
        ("Iterator NumpyArrayIterator", "ImageDataGenerator().flow(x, y) makes it."),
        ("array_to_img save_img", "Use Pillow: Image.fromarray(x.astype('uint8'))."),
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
    "color_mode": [
        ("rgba", "Pictures are put on white where they are transparent: use 'rgb'."),
        ("grey gray greyscale L", "Use 'grayscale'."),
    ],
}
