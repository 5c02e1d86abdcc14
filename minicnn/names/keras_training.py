"""Names of what Keras' models are trained with."""

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
            "R2Score PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity "
            "SpecificityAtSensitivity PearsonCorrelation ConcordanceCorrelation "
            "pearson_correlation concordance_correlation",
            "Subclass Metric, with update, result and reset, or measure predict(x) afterwards.",
        ),
        ("F1", "Use F1Score(average='macro')."),
        ("IoU MeanIoU BinaryIoU OneHotIoU OneHotMeanIoU", CONFUSION),
        (
            "Mean MeanMetricWrapper Sum",
            "Subclass Metric, with values(y_true, y_pred): one number per sample.",
        ),
    ],
    "optimizers": [
        ("Ftrl", "It is for sparse linear models: use Adagrad(), of which it is a relative."),
        ("Adafactor ScheduleFreeAdamW", "Use Adam()."),
        ("Lamb", "Use AdamW()."),
        ("LossScaleOptimizer", "Nothing here is computed in half precision: use Adam()."),
        ("legacy", "Use the optimizers themselves: Adam, SGD, RMSprop ..."),
    ],
    "schedules": [
        (
            "CosineDecayRestarts InverseTimeDecay",
            "Use CosineDecay, ExponentialDecay, OneCycle, PiecewiseConstantDecay or "
            "PolynomialDecay, or subclass LearningRateSchedule.",
        ),
    ],
    "callbacks": [
        ("RemoteMonitor", "Use CSVLogger, and plots.learning_curves(history)."),
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
