"""Arguments that Keras has or had and minicnn has not: owner -> argument -> (values that ask for
nothing, advice).

The owner is a class, whose subclasses have the arguments too, or a function or method. Keras'
default is always among the values that ask for nothing. ANY value does where the argument concerns
what is not there to be chosen.
"""

from typing import Any

ANY: Any = object()
Arguments = dict[str, tuple[Any, str]]

FLOAT32 = (None, "float32")
NONE, FALSE, TRUE = (None,), (False,), (True,)
NEVER = ()  # not an argument of Keras 3

DECAY = (
    "Regularizers are not there: an optimizer with weight_decay keeps weights small, such as "
    "AdamW(weight_decay=1e-4)."
)
CONSTRAINT = "Constraints are not there: weight_decay in the optimizer keeps weights small."
ONE_SHAPE = "Use input_shape=(32, 32, 3), the shape of one sample without the batch axis."
CLIP = "Gradients are clipped all together, by their common norm: use global_clipnorm=1.0."
BIAS = "Set other values with layer.set_weights([...]) after the model is built."


def each(names: str, harmless: Any, advice: str) -> Arguments:
    """The same for several arguments."""
    return {name: (harmless, advice) for name in names.split()}


WINDOW = each("subsample", NEVER, "Use strides.") | each("border_mode", NEVER, "Use padding.")
RUNNING = each(
    "workers use_multiprocessing max_queue_size", ANY, ""
)  # of a queue that is not there

INPUT: Arguments = {
    "batch_size": (NONE, "A model takes batches of any size: leave it out."),
    "sparse": ((None, False), "Pictures are dense arrays: leave it out."),
    "ragged": ((None, False), "All pictures of a batch have one size: leave it out."),
    "dtype": (
        FLOAT32,
        "A model has one type for all its layers: Model(inputs, outputs, dtype='float64').",
    ),
    "batch_shape": (NONE, "Use shape=(32, 32, 3), that of one sample without the batch axis."),
    "tensor": (NONE, "Use Input(shape)."),
    "optional": (FALSE, "Every input of a model is given: leave it out."),
}

ARGUMENTS: dict[str, Arguments] = {
    # Layers
    "Layer": {
        "dtype": (FLOAT32, "A model has one type for all its layers: Sequential(dtype='float64')."),
        "autocast": (ANY, ""),
        "data_format": (
            (None, "channels_last"),
            "minicnn is channels-last: leave it out, and turn pictures with x.transpose(0, 2, 3, "
            "1).",
        ),
        "dim_ordering": (
            ("tf",),
            "minicnn is channels-last: turn pictures with x.transpose(0, 2, 3, 1).",
        ),
        "weights": (NONE, "Use layer.set_weights([...]) after the model is built."),
        "bounding_box_format": (
            NONE,
            "There are no bounding boxes: minicnn classifies whole pictures.",
        ),
        **each("batch_input_shape batch_shape", NONE, ONE_SHAPE),
        **each("input_dim", NONE, "Use input_shape=(n,)."),
        **each(
            "kernel_regularizer bias_regularizer beta_regularizer gamma_regularizer", NONE, DECAY
        ),
        **each("W_regularizer b_regularizer", NEVER, DECAY),
        **each(
            "activity_regularizer",
            NONE,
            "Regularizers are not there: Dropout and weight_decay in the optimizer keep a network "
            "from overfitting.",
        ),
        **each(
            "kernel_constraint bias_constraint beta_constraint gamma_constraint", NONE, CONSTRAINT
        ),
        **each("W_constraint b_constraint", NEVER, CONSTRAINT),
        **each("bias_initializer beta_initializer moving_mean_initializer", ("zeros",), BIAS),
        **each("gamma_initializer moving_variance_initializer", ("ones",), BIAS),
        **each("lora_rank lora_alpha", NONE, "freeze() lets a part of a trained model train on."),
        **each("init", NEVER, "Use kernel_initializer."),
    },
    "Conv2D": {
        "groups": ((1,), "Grouped convolutions are not there: every filter sees all channels."),
        "nb_filter": (NEVER, "Use filters."),
        "bias": (NEVER, "Use use_bias."),
        **each("nb_row nb_col", NEVER, "Use kernel_size=(rows, columns)."),
        **WINDOW,
    },
    "Dense": {
        "output_dim": (NEVER, "Use units."),
        "bias": (NEVER, "Use use_bias."),
        "quantization_config": (NONE, "Weights are not quantized: leave it out."),
    },
    "Merge": each("inputs", NEVER, "Call the layer with them: Add()([x, y])."),
    "MaxPooling2D": WINDOW,
    "AveragePooling2D": WINDOW,
    "GlobalAveragePooling2D": each(
        "keepdims", FALSE, "The result is (N, C), ready for Dense: leave it out."
    ),
    "GlobalMaxPooling2D": each(
        "keepdims", FALSE, "The result is (N, C), ready for Dense: leave it out."
    ),
    "BatchNormalization": {
        "renorm": (FALSE, "Batch renormalization is not there: use larger batches."),
        "renorm_clipping": (NONE, "Batch renormalization is not there: use larger batches."),
        "virtual_batch_size": (
            NONE,
            "Statistics are those of the whole batch: use a smaller batch_size.",
        ),
        **each("renorm_momentum synchronized fused", ANY, ""),
    },
    "Dropout": {
        "noise_shape": (NONE, "Every number is dropped on its own: leave it out."),
        "p": (NEVER, "Use rate."),
    },
    "ReLU": {
        "negative_slope": ((0.0, 0), "Use LeakyReLU(negative_slope=...)."),
        "threshold": ((0.0, 0), "The threshold is 0: leave it out."),
    },
    "LeakyReLU": each("alpha", NEVER, "Use negative_slope."),
    "Normalization": each("invert", FALSE, "Undo it by hand: y * np.sqrt(variance) + mean."),
    "RandomLayer": each("factor", NONE, "The layer has arguments of its own for it: leave it out."),
    "Input": INPUT,
    "InputLayer": INPUT | each("input_tensor", NONE, "Use Input(shape)."),
    "Sequential": each("trainable", TRUE, "Use model.freeze() after the model is made."),
    # How to train
    "Optimizer": {
        "lr": (NEVER, "Use learning_rate."),
        "decay": (
            (0.0, 0),
            "Use learning_rate=schedules.ExponentialDecay(...) or CosineDecay(...).",
        ),
        "schedule_decay": (NEVER, "Use learning_rate=schedules.CosineDecay(...)."),
        "clipnorm": (NONE, CLIP),
        "clipvalue": (NONE, CLIP),
        "amsgrad": (FALSE, "AMSGrad is not there: leave it out."),
        "loss_scale_factor": (NONE, "float32 needs no scaling of the loss: leave it out."),
        "gradient_accumulation_steps": (
            NONE,
            "Every batch is a step: use a larger batch_size in fit.",
        ),
        "betas": (NEVER, "Use beta_1 and beta_2."),
        **each("name jit_compile", ANY, ""),
    },
    "LearningRateSchedule": each("name", ANY, ""),
    "CategoricalCrossentropy": {
        "axis": ((-1,), "Classes are the last axis: leave it out."),
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
    "Metric": each("dtype", FLOAT32, "Metrics are counted in double precision: leave it out."),
    "TopKCategoricalAccuracy": each(
        "from_sorted_ids", FALSE, "Predictions are (N, K): leave it out."
    ),
    "NamedInitializer": {
        "seed": (NONE, "The model's seed draws all weights: Sequential(seed=...)."),
        **each(
            "input_axes output_axes",
            NONE,
            "Kernels are (KH, KW, C, F) or (D, units): leave it out.",
        ),
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
    "add": each("rebuild", ANY, ""),
    "summary": {
        **each("line_length positions", NONE, "The table is as wide as its words: leave it out."),
        "show_trainable": (FALSE, "Look at [layer.trainable for layer in model.layers]."),
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
