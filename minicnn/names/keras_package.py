"""Names of Keras' package, of its models and its helpers."""

STACK = "Symbolic tensors come from Input(shape), and from layers that are called on them."

PACKAGE: dict[str, list[tuple[str, str]]] = {
    "": [
        ("Functional", "Use Model(inputs, outputs)."),
        ("KerasTensor Function Operation Variable InputSpec", STACK),
        ("Layer", "Use layers.Layer."),
        ("Loss", "Use losses.CategoricalCrossentropy or losses.SparseCategoricalCrossentropy."),
        ("Metric", "Use metrics.Metric."),
        ("Optimizer", "Use optimizers.Optimizer."),
        ("Initializer", "Use initializers.Initializer."),
        ("Regularizer", "Use regularizers.Regularizer."),
        ("Constraint", "Use constraints.Constraint."),
        ("ops random", "There is no backend: arrays are NumPy's, everywhere."),
        (
            "src api legacy objectives",
            "There are no such parts here: import from minicnn.layers, minicnn.models and so on.",
        ),
        ("wrappers", "Use minicnn.sklearn.CNNClassifier, a classifier for scikit-learn."),
        (
            "config device",
            "There is nothing to configure: everything runs on the CPU; set_threads(n) limits its "
            "threads.",
        ),
        (
            "distribution mixed_precision dtype_policies DTypePolicy FloatDTypePolicy",
            "Everything runs in float32 on the CPU.",
        ),
        ("distillation", "It is not there."),
        ("quantizers Quantizer", "Use minicnn.quantize.quantized(model, x)."),
        ("export", "Use model.export(filepath)."),
        ("visualization", "Use plots, and model.summary()."),
        (
            "name_scope StatelessScope SymbolicScope RematScope remat tree",
            "There is no graph of operations to be named or kept.",
        ),
        ("version", "Use __version__."),
        ("load_model", "Use models.load_model."),
        ("keras", "Use minicnn itself: import minicnn as keras."),
    ],
    "engine": [  # where Keras 2 kept what models and layers are; here it runs them
        (
            "topology training sequential base_layer input_layer network",
            "Use layers.Layer, layers.Input, Model and Sequential.",
        ),
    ],
    "saving": [
        ("save_model", "Use model.save(filepath)."),
        ("save_weights load_weights", "Use model.save_weights(filepath), model.load_weights."),
        ("KerasFileEditor", "Files are safetensors, which the package safetensors opens."),
        (
            "CustomObjectScope custom_object_scope get_custom_objects register_keras_serializable "
            "get_registered_name get_registered_object serialize_keras_object "
            "deserialize_keras_object",
            "Use models.load_model(filepath, custom_objects={'MyLayer': MyLayer}).",
        ),
    ],
    "models": [
        ("Functional", "Use Model(inputs, outputs)."),
        ("save_model", "Use model.save(filepath)."),
        (
            "model_from_yaml",
            "Use model_from_json(text), or load_model(filepath), which holds the weights too.",
        ),
    ],
    "utils": [
        (
            "audio_dataset_from_directory text_dataset_from_directory "
            "timeseries_dataset_from_array",
            "minicnn classifies pictures: see data.from_directory.",
        ),
        ("model_to_dot", "Use plots.network(model)."),
        ("np_utils", "Use utils.to_categorical."),
        ("vis_utils", "Use utils.plot_model."),
        ("data_utils", "Use utils.PyDataset."),
        ("generic_utils layer_utils io_utils", "Use utils itself, and model.summary()."),
        ("multi_gpu_model", "Everything runs on the CPU, on all its cores."),
        ("split_dataset", "Use data.split(x, y)."),
        ("get_file", "Use urllib.request.urlretrieve(url, path)."),
        (
            "pad_sequences FeatureSpace bounding_boxes",
            "minicnn classifies pictures: it is not there.",
        ),
        (
            "Progbar enable_interactive_logging disable_interactive_logging "
            "is_interactive_logging_enabled",
            "Use fit(verbose=...).",
        ),
        (
            "CustomObjectScope custom_object_scope get_custom_objects register_keras_serializable "
            "get_registered_name get_registered_object serialize_keras_object "
            "deserialize_keras_object",
            "Use models.load_model(filepath, custom_objects={'MyLayer': MyLayer}).",
        ),
        (
            "Config get_source_inputs is_keras_tensor standardize_dtype legacy",
            "There is no graph of operations here.",
        ),
        (
            "pack_x_y_sample_weight unpack_x_y_sample_weight",
            "Use a tuple (x, y) or (x, y, sample_weight).",
        ),
    ],
}
