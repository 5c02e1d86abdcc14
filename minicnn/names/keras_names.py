"""Names that Keras' modules have, or once had, and minicnn's have not: module -> [(names, what to
use instead)].

A class and the string that names it, BinaryCrossentropy and "binary_crossentropy", are one word
here.
"""

Table = list[tuple[str, str]]

STACK = "Symbolic tensors come from Input(shape), and from layers that are called on them."
SOFTMAX = (
    "For two classes end in Dense(2, activation='softmax'), with 'sparse_categorical_crossentropy' "
    "and the same labels."
)
NO_NUMBERS = (
    "minicnn classifies and does not predict numbers: use 'sparse_categorical_crossentropy'."
)
FROM_COUNTS = (
    "report.classification_report(y_true, y_pred) has precision, recall and F1 of each class."
)
CONFUSION = "report.confusion_matrix(y_true, y_pred) has all counts."
DECAY = "Use an optimizer with weight_decay, such as optimizers.AdamW(weight_decay=1e-4)."
DATASETS = (
    "use datasets.cifar10 or datasets.shapes, or data.from_directory(path, (28, 28)) on a folder "
    "of its pictures."
)
FOLDER = (
    "Use data.from_directory(path, image_size), which returns x, y and class_names, and "
    "data.split(x, y)."
)
OBJECTS = (
    "Give objects: optimizers, losses, metrics and layers describe themselves with get_config()."
)

NAMES: dict[str, Table] = {
    "": [
        ("Functional", "Use Model(inputs, outputs)."),
        ("KerasTensor Function Operation Variable InputSpec", STACK),
        ("Layer", "Use layers.Layer."),
        ("Loss", "Use losses.CategoricalCrossentropy or losses.SparseCategoricalCrossentropy."),
        ("Metric", "Use metrics.Metric."),
        ("Optimizer", "Use optimizers.Optimizer."),
        ("Initializer", "An initializer is a function of (shape, rng, dtype)."),
        ("Regularizer regularizers", f"Regularizers are not there. {DECAY}"),
        ("constraints", f"Constraints are not there. {DECAY}"),
        (
            "activations",
            "Activations go by name: 'relu', 'relu6', 'leaky_relu', 'gelu', 'softmax'; or "
            "layers.ReLU() and its like.",
        ),
        (
            "applications",
            "Pretrained networks are not there: model.replace_head(classes) reuses a network of "
            "your own.",
        ),
        ("backend ops random", "There is no backend: arrays are NumPy's, everywhere."),
        (
            "src legacy wrappers",
            "There are no such parts here: import from minicnn.layers, minicnn.models and so on.",
        ),
        (
            "config device",
            "There is nothing to configure: everything runs on the CPU; set_threads(n) limits its "
            "threads.",
        ),
        (
            "distribution mixed_precision dtype_policies DTypePolicy FloatDTypePolicy",
            "Everything runs in float32 on the CPU.",
        ),
        ("distillation quantizers Quantizer", "It is not there."),
        ("export", "Use model.save(filepath) and models.load_model(filepath)."),
        ("visualization", "Use plots, and model.summary()."),
        (
            "name_scope StatelessScope SymbolicScope RematScope remat tree",
            "There is no graph of operations to be named or kept.",
        ),
        ("version", "Use __version__."),
        ("load_model", "Use models.load_model."),
        ("keras", "Use minicnn itself: import minicnn as keras."),
    ],
    "models": [
        ("Functional", "Use Model(inputs, outputs)."),
        ("clone_model", "Use copy.deepcopy(model), which copies the weights too."),
        ("save_model", "Use model.save(filepath)."),
        (
            "model_from_json model_from_yaml model_from_config",
            "A model's file holds its layers too: use load_model(filepath).",
        ),
    ],
    "activations": [
        ("sigmoid", SOFTMAX),
        (
            "elu celu selu mish silu swish softplus threshold tanh softsign hard_tanh hard_sigmoid",
            "Use 'relu', 'leaky_relu' or 'gelu'.",
        ),
        (
            "hard_shrink hard_silu hard_swish soft_shrink tanh_shrink squareplus sparse_plus",
            "Use 'relu', 'leaky_relu' or 'gelu'.",
        ),
        ("exponential glu log_sigmoid sparse_sigmoid", "Use 'relu', 'leaky_relu' or 'gelu'."),
        ("log_softmax sparsemax", "Use 'softmax'."),
        ("deserialize serialize get", "Activations go by name."),
    ],
    "losses": [
        ("binary_crossentropy binary_focal_crossentropy bce", f"It is not there. {SOFTMAX}"),
        ("hinge squared_hinge categorical_hinge", "Use 'sparse_categorical_crossentropy'."),
        (
            "categorical_focal_crossentropy",
            "Use 'categorical_crossentropy', with fit(class_weight=...) if classes are rare.",
        ),
        (
            "categorical_generalized_cross_entropy",
            "Use CategoricalCrossentropy(label_smoothing=0.1) for doubtful labels.",
        ),
        (
            "mean_squared_error mse mean_absolute_error mae mean_absolute_percentage_error mape",
            NO_NUMBERS,
        ),
        ("mean_squared_logarithmic_error msle huber log_cosh poisson", NO_NUMBERS),
        (
            "kl_divergence kullback_leibler_divergence kld",
            "Use 'categorical_crossentropy': it differs by a constant.",
        ),
        (
            "cosine_similarity circle ctc dice tversky",
            "minicnn classifies whole pictures: use 'sparse_categorical_crossentropy'.",
        ),
        (
            "categorical_crossentropy",
            "Use its name 'categorical_crossentropy', or CategoricalCrossentropy().",
        ),
        (
            "sparse_categorical_crossentropy",
            "Use its name 'sparse_categorical_crossentropy', or SparseCategoricalCrossentropy().",
        ),
        (
            "Loss",
            "Losses of your own are not there: use CategoricalCrossentropy or "
            "SparseCategoricalCrossentropy.",
        ),
        ("deserialize serialize", OBJECTS),
    ],
    "metrics": [
        (
            "Precision Recall F1 F1Score FBetaScore R2Score PrecisionAtRecall RecallAtPrecision",
            FROM_COUNTS,
        ),
        ("SensitivityAtSpecificity SpecificityAtSensitivity AUC", FROM_COUNTS),
        ("TruePositives TrueNegatives FalsePositives FalseNegatives", CONFUSION),
        ("IoU MeanIoU BinaryIoU OneHotIoU OneHotMeanIoU", CONFUSION),
        ("binary_accuracy", "Use 'accuracy'."),
        ("binary_crossentropy binary_focal_crossentropy", f"It is not there. {SOFTMAX}"),
        (
            "categorical_crossentropy sparse_categorical_crossentropy "
            "categorical_focal_crossentropy",
            "Give it to compile as loss: it is logged as 'loss'.",
        ),
        (
            "categorical_hinge hinge squared_hinge kl_divergence",
            "Use 'accuracy'; the loss is logged as well.",
        ),
        (
            "mean_squared_error mse mean_absolute_error mae mean_absolute_percentage_error mape",
            "minicnn classifies and does not predict numbers: use 'accuracy'.",
        ),
        (
            "mean_squared_logarithmic_error msle RootMeanSquaredError huber log_cosh LogCoshError "
            "poisson",
            "minicnn classifies and does not predict numbers: use 'accuracy'.",
        ),
        (
            "cosine_similarity PearsonCorrelation ConcordanceCorrelation",
            "minicnn classifies and does not predict numbers: use 'accuracy'.",
        ),
        (
            "Mean MeanMetricWrapper Sum",
            "Subclass Metric, with values(y_true, y_pred): one number per sample.",
        ),
        ("categorical_accuracy", "Use its name 'categorical_accuracy', or CategoricalAccuracy()."),
        (
            "sparse_categorical_accuracy",
            "Use its name 'sparse_categorical_accuracy', or SparseCategoricalAccuracy().",
        ),
        (
            "top_k_categorical_accuracy",
            "Use its name 'top_k_categorical_accuracy', or TopKCategoricalAccuracy(k).",
        ),
        ("sparse_top_k_categorical_accuracy", "Use SparseTopKCategoricalAccuracy(k)."),
        ("deserialize serialize", OBJECTS),
    ],
    "optimizers": [
        ("RMSprop", "RMSprop is not there: Adam() is the nearest to it."),
        ("Adadelta Adafactor Adagrad Adamax Ftrl Nadam ScheduleFreeAdamW", "Use Adam()."),
        ("Lamb Lion Muon", "Use AdamW()."),
        (
            "LossScaleOptimizer MultiOptimizer OptimizerMap",
            "One optimizer changes all weights: use Adam().",
        ),
        ("legacy", "Use Adam, AdamW and SGD."),
        ("deserialize serialize", OBJECTS),
    ],
    "schedules": [
        (
            "CosineDecayRestarts InverseTimeDecay PolynomialDecay",
            "Use CosineDecay, ExponentialDecay, OneCycle or PiecewiseConstantDecay, or subclass "
            "LearningRateSchedule.",
        ),
        ("deserialize serialize", OBJECTS),
    ],
    "callbacks": [
        ("TensorBoard RemoteMonitor", "Use CSVLogger, and plots.learning_curves(history)."),
        (
            "BackupAndRestore OrbaxCheckpoint",
            "Use fit(resume=folder), which goes on where a training was stopped.",
        ),
        ("ProgbarLogger", "Use fit(verbose=1)."),
        ("BaseLogger", "fit logs by itself: see History."),
    ],
    "history": [
        ("acc", "Use 'accuracy', the metric's name in compile."),
        ("val_acc", "Use 'val_accuracy', from the metric's name in compile."),
        ("lr", "Use 'learning_rate', which ReduceLROnPlateau logs."),
        ("val_loss", "Give fit a validation_split or validation_data."),
        (
            "val_accuracy",
            "Give fit a validation_split or validation_data, and compile metrics=['accuracy'].",
        ),
        ("accuracy", "Use compile(metrics=['accuracy'])."),
    ],
    "hooks": [  # of callbacks
        (
            "on_test_batch_begin on_test_batch_end",
            "Validation calls on_test_begin and on_test_end alone.",
        ),
        (
            "on_predict_begin on_predict_end on_predict_batch_begin on_predict_batch_end",
            "predict calls no callbacks.",
        ),
    ],
    "initializers": [
        (
            "glorot_normal he_uniform lecun_normal lecun_uniform variance_scaling",
            "Use 'he_normal' or 'glorot_uniform'.",
        ),
        (
            "GlorotNormal HeUniform LecunNormal LecunUniform VarianceScaling",
            "Use 'he_normal' or 'glorot_uniform'.",
        ),
        (
            "random_normal random_uniform truncated_normal normal uniform",
            "Use 'he_normal' or 'glorot_uniform', or a function of (shape, rng, dtype).",
        ),
        (
            "orthogonal OrthogonalInitializer identity IdentityInitializer STFT STFTInitializer",
            "Use a function of (shape, rng, dtype).",
        ),
        (
            "constant",
            "Use a function of (shape, rng, dtype), such as lambda shape, rng, dtype: "
            "np.full(shape, 0.1, dtype).",
        ),
        ("glorot_uniform", "Use its name 'glorot_uniform', or GlorotUniform()."),
        ("he_normal", "Use its name 'he_normal', or HeNormal()."),
        ("ones zeros", "Use its name, 'ones' or 'zeros'."),
        ("deserialize serialize", OBJECTS),
    ],
    "utils": [
        ("image_dataset_from_directory", FOLDER),
        (
            "audio_dataset_from_directory text_dataset_from_directory "
            "timeseries_dataset_from_array",
            "minicnn classifies pictures: see data.from_directory.",
        ),
        (
            "PyDataset Sequence",
            "Any class does that has __len__ and __getitem__ and gives batches (x, y).",
        ),
        ("load_img img_to_array", "Use preprocessing.image."),
        ("array_to_img save_img", "Use Pillow: Image.fromarray(x.astype('uint8'))."),
        ("plot_model model_to_dot", "Use plots.network(model)."),
        ("np_utils", "Use utils.to_categorical."),
        ("multi_gpu_model", "Everything runs on the CPU, on all its cores."),
        ("normalize", "Use x / 255, or layers.Rescaling(1 / 255) as the first layer."),
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
        ("clear_session", "Nothing is kept between models: leave it out."),
        (
            "CustomObjectScope custom_object_scope get_custom_objects register_keras_serializable "
            "get_registered_name "
            "get_registered_object serialize_keras_object deserialize_keras_object",
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
    "datasets": [
        ("mnist fashion_mnist", f"It is not there: {DATASETS}"),
        ("cifar100", "It is not there: use datasets.cifar10."),
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
