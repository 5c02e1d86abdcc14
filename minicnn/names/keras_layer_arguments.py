"""Of layers and stacks of them: the arguments that Keras has or had and minicnn has not."""

from minicnn.names.asks_for_nothing import ANY, FALSE, FLOAT32, NEVER, NONE, TRUE, Arguments, each

ONE_SHAPE = "Use input_shape=(32, 32, 3), the shape of one sample without the batch axis."

WINDOW = each("subsample", NEVER, "Use strides.") | each("border_mode", NEVER, "Use padding.")

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

LAYERS: dict[str, Arguments] = {
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
        **each("W_regularizer", NEVER, "Use kernel_regularizer."),
        **each("b_regularizer", NEVER, "Use bias_regularizer."),
        **each("W_constraint", NEVER, "Use kernel_constraint."),
        **each("b_constraint", NEVER, "Use bias_constraint."),
        **each(
            "activity_regularizer",
            NONE,
            "Penalties are on weights, not on outputs: use kernel_regularizer, or Dropout.",
        ),
        **each("lora_rank lora_alpha", NONE, "freeze() lets a part of a trained model train on."),
        **each("init", NEVER, "Use kernel_initializer."),
    },
    "Conv2D": {
        "nb_filter": (NEVER, "Use filters."),
        "bias": (NEVER, "Use use_bias."),
        **each("nb_row nb_col", NEVER, "Use kernel_size=(rows, columns)."),
        **WINDOW,
    },
    "DepthwiseConv2D": WINDOW,
    "SeparableConv2D": WINDOW,
    "Conv2DTranspose": WINDOW,
    "LayerNormalization": each(
        "rms_scaling", FALSE, "Scaling without centring is not there: leave it out."
    ),
    "Dense": {
        "output_dim": (NEVER, "Use units."),
        "bias": (NEVER, "Use use_bias."),
        "quantization_config": (NONE, "Weights are not quantized: leave it out."),
    },
    "Merge": each("inputs", NEVER, "Call the layer with them: Add()([x, y])."),
    "MaxPooling2D": WINDOW,
    "AveragePooling2D": WINDOW,
    "BatchNormalization": {
        "renorm": (FALSE, "Batch renormalization is not there: use larger batches."),
        "renorm_clipping": (NONE, "Batch renormalization is not there: use larger batches."),
        "virtual_batch_size": (
            NONE,
            "Statistics are those of the whole batch: use a smaller batch_size.",
        ),
        **each("renorm_momentum synchronized fused", ANY, ""),
    },
    "Dropout": each("p", NEVER, "Use rate."),
    "GaussianNoise": each("sigma", NEVER, "Use stddev."),
    "Resizing": {
        "pad_to_aspect_ratio": (
            FALSE,
            "Add ZeroPadding2D before it, or use crop_to_aspect_ratio=True, which cuts instead.",
        ),
        "antialias": (FALSE, "data.fit_image makes pictures smaller without aliasing."),
        "fill_mode": (("constant",), "Nothing is filled: leave it out."),
        "fill_value": ((0.0, 0), "Nothing is filled: leave it out."),
    },
    "celu": {"alpha": ((1.0, 1), "ELU(alpha) is near it where alpha is not 1.")},
    "soft_shrink": {"threshold": ((0.5,), "It is 0.5: subtract clip(x, -t, t) in a layer.")},
    "hard_shrink": {"threshold": ((0.5,), "It is 0.5: use ReLU(threshold=...).")},
    "squareplus": {"b": ((4, 4.0), "It is 4: leave it out.")},
    "LeakyReLU": each("alpha", NEVER, "Use negative_slope."),
    "Normalization": each("invert", FALSE, "Undo it by hand: y * np.sqrt(variance) + mean."),
    "RandomLayer": each("factor", NONE, "The layer has arguments of its own for it: leave it out."),
    "Input": INPUT,
    "InputLayer": INPUT | each("input_tensor", NONE, "Use Input(shape)."),
    "Sequential": each("trainable", TRUE, "Use model.freeze() after the model is made."),
}
