"""Names of what Keras' models are trained with."""

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
OBJECTS = (
    "Give objects: optimizers, losses, metrics and layers describe themselves with get_config()."
)

TRAINING: dict[str, list[tuple[str, str]]] = {
    "activations": [
        ("glu", "It halves the channels: multiply one half by the sigmoid of the other."),
        ("sparsemax", "Use 'softmax'."),
        ("threshold", "Use 'relu', or 'hard_shrink'."),
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
}
