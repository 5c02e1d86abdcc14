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
        ("deserialize", "Use activations.get."),
    ],
    "losses": [
        (
            "categorical_generalized_cross_entropy",
            "Use CategoricalCrossentropy(label_smoothing=0.1) for doubtful labels.",
        ),
        (
            "circle ctc dice tversky",
            "It is not there: derive it, and write a function that returns (losses, gradient).",
        ),
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
        ("Ftrl", "It is for sparse linear models: use Adagrad(), of which it is a relative."),
        ("Adafactor ScheduleFreeAdamW", "Use Adam()."),
        ("Lamb Muon", "Use AdamW()."),
        (
            "LossScaleOptimizer MultiOptimizer OptimizerMap",
            "One optimizer changes all weights: use Adam().",
        ),
        ("legacy", "Use the optimizers themselves: Adam, SGD, RMSprop ..."),
    ],
    "schedules": [
        (
            "CosineDecayRestarts InverseTimeDecay PolynomialDecay",
            "Use CosineDecay, ExponentialDecay, OneCycle or PiecewiseConstantDecay, or subclass "
            "LearningRateSchedule.",
        ),
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
        ("STFT STFTInitializer stft", "It is there for sound: use another, such as Orthogonal."),
        ("deserialize serialize", OBJECTS),
    ],
    "regularizers": [
        (
            "OrthogonalRegularizer orthogonal_regularizer",
            "Use L1, L2 or L1L2, and initializers.Orthogonal to begin with.",
        ),
        ("l1l2", "Use 'l1_l2', or L1L2(l1=0.01, l2=0.01)."),
        ("deserialize serialize", OBJECTS),
    ],
    "constraints": [
        ("deserialize serialize", OBJECTS),
    ],
}
