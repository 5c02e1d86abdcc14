"""Attributes and methods that Keras' classes have, or once had, and minicnn's have not: class ->
[(names, advice)].
"""

EIGHT_BITS = "Use minicnn.quantize.quantized(model, x)."
NO_GRAPH = (
    "Nothing is traced or transformed: forward and backward are plain methods on NumPy arrays."
)
WHOLE = "model.save(filepath) writes all of a model, models.load_model(filepath) reads it."
CONFIG = "Use the class itself: type(it)(**it.get_config())."

ATTRIBUTES: dict[str, list[tuple[str, str]]] = {
    "Model": [
        ("fit_generator", "Use fit(generator, epochs=...)."),
        ("evaluate_generator", "Use evaluate."),
        ("predict_generator", "Use predict."),
        ("predict_classes", "Use predict(x).argmax(axis=-1)."),
        ("predict_proba predict_step", "Use predict(x)."),
        ("to_yaml", "Use to_json()."),
        ("build_from_config get_build_config", WHOLE),
        ("compile_from_config get_compile_config", WHOLE),
        (
            "load_own_variables save_own_variables",
            "Use save_weights(filepath) and load_weights(filepath).",
        ),
        ("get_state_tree set_state_tree", "Use get_weights() and set_weights(weights)."),
        ("pop", "Use replace_head(classes), or Sequential(model.layers[:-1])."),
        (
            "add_loss",
            "There is one loss, compile's, and penalties on weights: kernel_regularizer='l2'.",
        ),
        ("add_metric", "Metrics go into compile: subclass metrics.Metric for one of your own."),
        (
            "add_weight add_variable",
            "Weights belong to layers: subclass layers.Layer, with add_param in setup.",
        ),
        ("call", "Use forward(x), or model(x)."),
        ("get_metrics_result", "Use evaluate(x, y, return_dict=True)."),
        (
            "metrics_variables reset_metrics reset_states",
            "fit and evaluate begin anew by themselves.",
        ),
        ("compute_loss compute_loss_and_updates", "Use loss_and_gradients(x, y)."),
        ("compute_metrics", "Use evaluate(x, y)."),
        (
            "compute_output_shape compute_output_spec",
            "Use build((None, H, W, C)), then output_shape.",
        ),
        ("compute_dtype dtype_policy variable_dtype input_dtype", "Use dtype."),
        ("compute_mask supports_masking input_spec path", NO_GRAPH),
        (
            "make_predict_function make_test_function make_train_function jit_compile run_eagerly "
            "jax_state_sync",
            NO_GRAPH,
        ),
        ("stateless_call stateless_compute_loss symbolic_call rematerialized_call", NO_GRAPH),
        (
            "quantize quantization_mode quantized_build quantized_call "
            "get_quantization_layer_structure",
            EIGHT_BITS,
        ),
    ],
    "Layer": [
        ("kernel bias gamma beta moving_mean moving_variance", "Its weights are those in weights."),
        (
            "add_weight add_variable",
            "Use add_param(name, shape, initializer) in setup(input_shape).",
        ),
        ("call", "Use forward(x, training=...)."),
        (
            "compute_output_shape compute_output_spec",
            "build(input_shape) returns the shape of one output.",
        ),
        ("get_build_config build_from_config", CONFIG),
        (
            "add_loss",
            "There is one loss, compile's, and penalties on weights: kernel_regularizer='l2'.",
        ),
        ("add_metric metrics metrics_variables", "Metrics go into compile."),
        ("load_own_variables save_own_variables", "Use get_weights() and set_weights(weights)."),
        ("compute_dtype dtype_policy variable_dtype input_dtype", "Use dtype."),
        ("compute_mask supports_masking input_spec path", NO_GRAPH),
        ("stateless_call symbolic_call rematerialized_call", NO_GRAPH),
        ("quantize quantization_mode quantized_build quantized_call", EIGHT_BITS),
    ],
    "Variable": [
        ("value", "Use numpy()."),
        (
            "constraint initializer regularizer",
            "Use the layer's own: kernel_initializer and so on, constraints and regularizers.",
        ),
        ("aggregation autocast handle overwrite_with_gradient synchronization", NO_GRAPH),
    ],
    "Optimizer": [
        ("lr", "Use learning_rate."),
        ("decay", "Use learning_rate=schedules.ExponentialDecay(...) or CosineDecay(...)."),
        (
            "apply apply_gradients minimize update_step stateless_apply",
            "Use step(model.parameters()).",
        ),
        (
            "variables weights get_weights set_weights load_own_variables save_own_variables",
            "Use slots, by parameter.",
        ),
        (
            "add_optimizer_variables add_variable add_variable_from_reference add_slot",
            "Use slot_names, and slots in update.",
        ),
        ("assign assign_add assign_sub", "Arrays change in place: value[...] = new."),
        ("build", "Slots are made by the first step."),
        ("exclude_from_weight_decay", "weight_decay acts on all weights that train."),
        ("scale_loss", "float32 needs no scaling of the loss."),
    ],
    "Loss": [
        ("call", "Use loss(y_true, y_pred)."),
        ("dtype", "A loss is computed in double precision."),
    ],
    "Metric": [
        ("reset_states", "Use reset()."),
        (
            "add_weight add_variable variables",
            "Keep sums in attributes, self.total = 0.0 in reset(); those of a mean are in total "
            "and count.",
        ),
        (
            "stateless_reset_state stateless_result stateless_update_state",
            "Use reset(), update(y_true, y_pred), result().",
        ),
        ("dtype", "A metric is computed in double precision."),
    ],
    "ImageDataGenerator": [
        ("flow_from_dataframe", "Read the pictures with data.read_image, then use flow(x, y)."),
        (
            "apply_transform get_random_transform random_transform standardize",
            "next(flow(x)) is a batch that is changed.",
        ),
    ],
    "Dataset": [
        ("batch rebatch", "It has batches already: give their batch_size where it is made."),
        (
            "unbatch",
            "fit takes batches: for x, y in dataset goes through them, data.from_directory returns "
            "arrays.",
        ),
        ("repeat", "fit(epochs=...) goes through it again and again."),
        ("filter shard window", "Choose pictures before, by folders or data.from_directory."),
        (
            "concatenate zip from_tensor_slices from_generator interleave flat_map range",
            "Write a class with __len__ and __getitem__, as utils.PyDataset.",
        ),
        ("as_numpy_iterator", "Batches are NumPy arrays: use iter(dataset)."),
        ("element_spec", "Use dataset[0]: batches are NumPy arrays."),
        ("apply scan reduce enumerate", "Use map(f), or for x, y in dataset."),
        ("with_options options padded_batch ragged_batch save snapshot", "Leave it out."),
    ],
    "Flow": [
        ("samples", "Use n."),
        ("next", "Use next(flow)."),
        ("class_indices classes num_classes labels", "The labels are flow.y."),
        ("filenames filepaths", "A flow knows arrays, no files."),
        ("image_shape target_size", "Use flow.x.shape[1:]."),
        ("total_batches_seen batch_index", "Use flow.epoch, and len(flow) batches in each."),
    ],
}
