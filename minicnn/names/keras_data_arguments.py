"""Of files, data and reports: the arguments that Keras has or had and minicnn has not."""

from minicnn.names.asks_for_nothing import ANY, FALSE, FLOAT32, NEVER, NONE, TRUE, Arguments, each

DATA: dict[str, Arguments] = {
    # Files
    "save": {
        "overwrite": (TRUE, "An existing file is replaced: ask os.path.exists(filepath) before."),
        "include_optimizer": (TRUE, "Use optimizer=False."),
        **each(
            "save_format zipped options signatures",
            NONE,
            "There is one format, safetensors: leave it out.",
        ),
        "save_traces": (ANY, ""),
    },
    "save_weights": {
        "overwrite": (TRUE, "An existing file is replaced: ask os.path.exists(filepath) before."),
        **each(
            "save_format max_shard_size options",
            NONE,
            "There is one format, one safetensors file: leave it out.",
        ),
    },
    "load_weights": {
        "by_name": (ANY, ""),  # weights always are
        **each("options objects_to_skip", NONE, "skip_mismatch=True loads what fits."),
    },
    "load_model": {
        "safe_mode": (ANY, ""),  # nothing in a file is ever run
        "options": (NONE, "Files are read in one way: leave it out."),
    },
    # Data and reports
    "ImageDataGenerator": {
        "interpolation_order": ((1,), "All that moves pixels is bilinear, order 1: leave it out."),
        "dtype": (FLOAT32, "Pictures come as float32: leave it out."),
    },
    "ImageDataGenerator.fit": {
        "augment": (FALSE, "The mean is that of the pictures as they are: leave it out."),
        "rounds": (ANY, ""),  # of augmentation
        "seed": (ANY, ""),
    },
    "flow": {
        "save_to_dir": (NONE, "plots.augmentation_preview(...) shows what augmentation does."),
        **each("save_prefix save_format ignore_class_split", ANY, ""),
    },
    "flow_from_directory": {
        "save_to_dir": (NONE, "plots.augmentation_preview(...) shows what augmentation does."),
        **each("save_prefix save_format", ANY, ""),
        "keep_aspect_ratio": (
            FALSE,
            "data.from_directory cuts pictures to their size: use flow(x, y) on what it returns.",
        ),
    },
    "image_dataset_from_directory": {
        "pad_to_aspect_ratio": (FALSE, "Use crop_to_aspect_ratio=True, or squeeze pictures."),
        "data_format": ((None, "channels_last"), "minicnn is channels-last: leave it out."),
        "format": (("tf",), "There is one kind of Dataset: leave it out."),
    },
    "preprocess_input": {
        "data_format": ((None, "channels_last"), "minicnn is channels-last: leave it out."),
    },
    "cache": {"filename": (("",), "Batches are kept in memory: leave it out.")},
    "map": {
        **each("deterministic synchronous use_unbounded_threadpool name", ANY, ""),
    },
    "load_img": {
        "grayscale": (FALSE, "Use color_mode='grayscale'."),
        "keep_aspect_ratio": (
            FALSE,
            "data.from_directory and model.predict_image cut pictures to the shape.",
        ),
    },
    "img_to_array": {
        "data_format": ((None, "channels_last"), "minicnn is channels-last: leave it out."),
        "dtype": (FLOAT32, "Use img_to_array(img).astype(...)."),
    },
    "array_to_img": {
        "data_format": ((None, "channels_last"), "minicnn is channels-last: leave it out."),
        "dtype": (FLOAT32, "Levels are bytes in the end: leave it out."),
    },
    "save_img": {
        "data_format": ((None, "channels_last"), "minicnn is channels-last: leave it out."),
        **each("quality", NEVER, "Use array_to_img(x).save(path, quality=...)."),
    },
    "plot_model": {
        **each(
            "show_shapes show_dtype show_layer_names show_layer_activations rankdir "
            "show_trainable show_connectors splines",
            ANY,
            "",
        ),
        "layer_range": (NONE, "The whole model is drawn: leave it out."),
    },
    "from_directory": {
        **each("target_size", NEVER, "Use image_size=(H, W)."),
        **each(
            "validation_split subset seed shuffle", NONE, "Use data.split(x, y) on what it returns."
        ),
        **each("batch_size", NONE, "It returns arrays; fit(batch_size=...) makes batches of them."),
        **each(
            "label_mode class_mode",
            ("int",),
            "Labels are integers; utils.to_categorical(y) makes them one-hot.",
        ),
        **each("class_names classes", NONE, "Classes are the folders' names, sorted."),
        **each(
            "color_mode", ("rgb",), "Pictures come as RGB: x.mean(axis=-1, keepdims=True) is grey."
        ),
    },
    "to_categorical": {
        "nb_classes": (NEVER, "Use num_classes."),
        "dtype": (("float32",), "Use to_categorical(...).astype(...)."),
    },
    "classification_report": {
        "target_names": (NEVER, "Use class_names."),
        "output_dict": (FALSE, "Use classification_report(...).to_dict()."),
        "zero_division": (ANY, ""),
    },
}
