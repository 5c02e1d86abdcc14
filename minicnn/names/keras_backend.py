"""Names of keras.backend, of which few are there."""

NUMPY = "There is no backend: use numpy for arrays, and layers for symbolic tensors."

BACKEND: dict[str, list[tuple[str, str]]] = {
    "backend": [
        (
            "set_value batch_set_value update update_add update_sub",
            "Use optimizer.learning_rate = value, or layer.kernel.assign(values).",
        ),
        (
            "get_value batch_get_value eval",
            "Use float(optimizer.learning_rate), or layer.get_weights().",
        ),
        ("count_params", "Use model.count_params(), or weight.shape."),
        ("int_shape", "Use tensor.shape, or model.output_shape."),
        ("function", "Use Model(inputs, outputs).predict(x)."),
        (
            "gradients stop_gradient",
            "Nothing is differentiated by itself: explain has gradients, model.loss_and_gradients "
            "too.",
        ),
        ("learning_phase set_learning_phase", "Use model(x, training=True)."),
        (
            "set_floatx set_epsilon set_image_data_format set_image_dim_ordering "
            "image_dim_ordering",
            "There is nothing to be set: leave it out. Models compute in float32, and pictures are "
            "(N, H, W, C).",
        ),
        (
            "get_session set_session tensorflow_backend reset_uids get_uid name_scope placeholder "
            "manual_variable_initialization",
            "There is no session and no graph: leave it out.",
        ),
        ("backend", "There is no backend: arrays are NumPy's, everywhere."),
        (
            "abs all any arange argmax argmin batch_dot batch_flatten batch_normalization "
            "bias_add cast cast_to_floatx clip concatenate constant cos cumprod cumsum dot dtype "
            "equal exp expand_dims eye flatten foldl foldr gather greater greater_equal in_top_k "
            "l2_normalize less less_equal log map_fn max maximum mean min minimum "
            "moving_average_update ndim not_equal one_hot ones ones_like permute_dimensions pow "
            "prod random_bernoulli random_normal random_uniform repeat repeat_elements reshape "
            "reverse round shape sign sin sqrt square squeeze stack std sum switch tile transpose "
            "truncated_normal var variable zeros zeros_like is_float_dtype is_int_dtype "
            "is_keras_tensor is_sparse result_type standardize_dtype to_dense",
            NUMPY,
        ),
        (
            "binary_crossentropy binary_focal_crossentropy categorical_crossentropy "
            "categorical_focal_crossentropy sparse_categorical_crossentropy ctc_batch_cost",
            "Use losses.",
        ),
        (
            "elu hard_sigmoid relu sigmoid softmax softplus softsign tanh",
            "Use activations of arrays, and layers of symbolic tensors.",
        ),
        (
            "conv1d conv2d conv2d_transpose conv3d depthwise_conv2d dropout pool2d pool3d "
            "resize_images resize_volumes rnn separable_conv2d spatial_2d_padding",
            "Use layers.",
        ),
    ],
}
