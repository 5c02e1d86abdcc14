"""Of what trains a model, and of what a model does: the arguments that Keras has or had and minicnn
has not.
"""

from minicnn.names.asks_for_nothing import ANY, FALSE, FLOAT32, NEVER, NONE, TRUE, Arguments, each

# of a queue that is not there
RUNNING = each("workers use_multiprocessing max_queue_size", ANY, "")

AXIS: Arguments = {"axis": ((-1,), "Outputs are the last axis: leave it out.")}

TRAINING: dict[str, Arguments] = {
    "Optimizer": {
        "lr": (NEVER, "Use learning_rate."),
        "decay": (
            (0.0, 0),
            "Use learning_rate=schedules.ExponentialDecay(...) or CosineDecay(...).",
        ),
        "schedule_decay": (NEVER, "Use learning_rate=schedules.CosineDecay(...)."),
        "loss_scale_factor": (NONE, "float32 needs no scaling of the loss: leave it out."),
        "gradient_accumulation_steps": (
            NONE,
            "Every batch is a step: use a larger batch_size in fit.",
        ),
        "betas": (NEVER, "Use beta_1 and beta_2."),
        **each("name jit_compile", ANY, ""),
    },
    "LearningRateSchedule": each("name", ANY, ""),
    "Loss": {
        **AXIS,
        "reduction": (
            ("sum_over_batch_size", "auto"),
            "The loss of a batch is the mean over its samples: leave it out.",
        ),
        "dtype": (FLOAT32, "A model has one type: Sequential(dtype='float64')."),
    },
    "SparseCategoricalCrossentropy": {
        "ignore_class": (NONE, "Give those samples the weight 0: fit(sample_weight=...)."),
        "label_smoothing": (
            (0.0, 0),
            "Use CategoricalCrossentropy(label_smoothing=...), with utils.to_categorical(y).",
        ),
    },
    **dict.fromkeys(
        "binary_crossentropy binary_focal_crossentropy categorical_crossentropy "
        "categorical_focal_crossentropy cosine_similarity".split(),
        AXIS,
    ),
    "sparse_categorical_crossentropy": AXIS
    | each("ignore_class", NONE, "Give those samples the weight 0: fit(sample_weight=...)."),
    "Metric": {
        **AXIS,
        **each("dtype", FLOAT32, "Metrics are counted in double precision: leave it out."),
    },
    "AUC": {
        "multi_label": (FALSE, "Outputs are counted together: leave it out."),
        **each("num_labels label_weights", NONE, "Outputs are counted together: leave it out."),
    },
    **dict.fromkeys(
        ["TopKCategoricalAccuracy", "sparse_top_k_categorical_accuracy"],
        each("from_sorted_ids", FALSE, "Predictions are (N, K): leave it out."),
    ),
    "VarianceScaling": each(
        "input_axes output_axes", NONE, "Kernels are (KH, KW, C, F) or (D, units): leave it out."
    ),
    "TensorBoard": {
        **each("write_graph write_steps_per_second embeddings_metadata profile_batch", ANY, ""),
        "write_images": (FALSE, "plots.filters(explain.filters(model)) draws kernels."),
        "update_freq": (("epoch",), "Every epoch is written: leave it out."),
        "embeddings_freq": ((0,), "Embeddings are not written: leave it out."),
    },
    "ReduceLROnPlateau": {
        "epsilon": (NEVER, "Use min_delta."),
        "baseline": (NONE, "EarlyStopping(baseline=...) has one."),
    },
    "ModelCheckpoint": {
        "period": ((1,), "Use save_freq, 'epoch' or a number of batches."),
        "options": (NONE, "Files are written in one way: leave it out."),
    },
    "CallbackList": each(
        "add_history add_progbar", FALSE, "fit adds its own History and progress bar."
    ),
    # What a model does
    "clone_model": {
        "input_tensors": (NONE, "Call the clone on them: models.clone_model(model)(tensor)."),
        "call_function": (NONE, "Build the other model with Model(inputs, outputs)."),
        "recursive": (FALSE, "Models inside are always cloned layer by layer: leave it out."),
        "kwargs": (NONE, "Leave it out."),
    },
    "add": each("rebuild", ANY, ""),
    "summary": {
        **each("line_length positions", NONE, "The table is as wide as its words: leave it out."),
        "layer_range": (NONE, "The whole model is shown: leave it out."),
    },
    "compile": {
        **each("run_eagerly jit_compile auto_scale_loss", ANY, ""),
        "steps_per_execution": ((1, None), "Every batch is a step of its own: leave it out."),
        "loss_weights": (NONE, "There is one loss: leave it out."),
        "weighted_metrics": (
            (None, []),
            "Metrics are means over samples, not weighted: use metrics.",
        ),
        **each(
            "sample_weight_mode target_tensors",
            NONE,
            "Samples have one weight each: fit(sample_weight=...).",
        ),
    },
    "fit": {
        **RUNNING,
        "nb_epoch": (NEVER, "Use epochs."),
        "samples_per_epoch": (NEVER, "An epoch is all of x, or all len(x) batches of a source."),
    },
    "train_on_batch": each(
        "reset_metrics", TRUE, "The numbers are those of this batch: leave it out."
    ),
    "evaluate": {
        **RUNNING,
        "callbacks": (NONE, "evaluate calls no callbacks: leave it out."),
    },
    "predict": {
        **RUNNING,
        "callbacks": (NONE, "predict calls no callbacks: leave it out."),
    },
}
