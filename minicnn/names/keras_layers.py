"""Layers that Keras has, or once had, and minicnn has not: (names, what to use instead)."""

PICTURES = (
    "minicnn classifies pictures: 2D layers are there, with one channel where there is no other "
    "axis."
)
ROWS = (
    "minicnn classifies pictures: Reshape((steps, 1, channels)) makes pictures of one column, for "
    "2D layers with a window of (size, 1)."
)
TEXT = "minicnn classifies pictures: layers for text and tables are not there."

NORMALIZATION = [  # Keras 2's module of that name
    ("BatchNormalization LayerNormalization GroupNormalization", "Import it from minicnn.layers."),
]

LAYERS = [
    (
        "core convolutional pooling advanced_activations noise local embeddings recurrent wrappers "
        "experimental preprocessing",
        "There are no such parts: every layer is in layers itself.",
    ),
    ("InputSpec", "A layer checks its input in setup(input_shape)."),
    ("merge", "Use add, concatenate, multiply, average, maximum, minimum or subtract."),
    ("Dot dot", "It is not there: Multiply()([x, y]) multiplies number by number."),
    (
        "Lambda",
        "A function has no backward of its own: subclass layers.Layer, with forward and backward. "
        "Rescaling, Resizing, Reshape, Activation and Multiply do what is most often asked of it.",
    ),
    ("Wrapper TimeDistributed Bidirectional Masking RepeatVector", TEXT),
    (
        "RNN GRU GRUCell LSTM LSTMCell SimpleRNN SimpleRNNCell StackedRNNCells ConvLSTM1D "
        "ConvLSTM2D ConvLSTM3D",
        TEXT,
    ),
    ("CuDNNGRU CuDNNLSTM", TEXT),
    (
        "Attention AdditiveAttention GroupQueryAttention MultiHeadAttention EinsumDense",
        "Attention is not there.",
    ),
    (
        "Embedding ReversibleEmbedding TextVectorization StringLookup IntegerLookup "
        "CategoryEncoding",
        TEXT,
    ),
    ("Discretization Hashing HashedCrossing MelSpectrogram STFTSpectrogram", TEXT),
    ("Conv1D DepthwiseConv1D SeparableConv1D", ROWS),
    ("Conv1DTranspose Conv3D Conv3DTranspose", PICTURES),
    (
        "Convolution1D Convolution1DTranspose Convolution3D Convolution3DTranspose "
        "SeparableConvolution1D",
        PICTURES,
    ),
    (
        "LocallyConnected1D LocallyConnected2D",
        "Layers without shared weights are not there: use Conv2D.",
    ),
    ("Deconvolution2D", "Use Conv2DTranspose."),
    ("UpSampling1D UpSampling3D ZeroPadding1D ZeroPadding3D", PICTURES),
    ("Cropping1D Cropping3D", PICTURES),
    ("AdaptiveAveragePooling2D", "Use GlobalAveragePooling2D or AveragePooling2D(pool_size)."),
    ("AdaptiveMaxPooling2D", "Use GlobalMaxPooling2D or MaxPooling2D(pool_size)."),
    (
        "AveragePooling1D AveragePooling3D AvgPool1D AvgPool3D MaxPool1D MaxPool3D MaxPooling1D "
        "MaxPooling3D",
        PICTURES,
    ),
    ("GlobalAveragePooling1D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool3D", PICTURES),
    ("GlobalMaxPool1D GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling3D", PICTURES),
    (
        "AdaptiveAveragePooling1D AdaptiveAveragePooling3D AdaptiveMaxPooling1D "
        "AdaptiveMaxPooling3D",
        PICTURES,
    ),
    (
        "RMSNormalization UnitNormalization",
        "Use LayerNormalization, or BatchNormalization.",
    ),
    (
        "SpectralNormalization",
        "It is not there: weight_decay in the optimizer keeps weights small.",
    ),
    ("ThresholdedReLU", "Use ReLU(threshold=...)."),
    ("SpatialDropout1D SpatialDropout3D", PICTURES),
    ("AlphaDropout", "Use Dropout, or GaussianDropout."),
    (
        "ActivityRegularization",
        "Regularizers are not there: use Dropout, and weight_decay in the optimizer.",
    ),
    ("MixUp", "Use fit(batch_transform=transforms.MixUp(0.2))."),
    ("CutMix", "Use fit(batch_transform=transforms.CutMix(1.0))."),
    ("RandomHeight RandomWidth", "Use RandomZoom."),
    (
        "RandomShear RandomPerspective RandomElasticTransform",
        "Use RandomRotation, RandomTranslation and RandomZoom.",
    ),
    (
        "AugMix AutoContrast ContrastLimitedAdaptiveHistogramEqualization Equalization Pipeline "
        "RandAugment RandomColorDegeneration RandomColorJitter RandomGaussianBlur RandomGrayscale "
        "RandomHue RandomInvert RandomPosterization RandomSaturation RandomSharpness Solarization",
        "For colours there are RandomBrightness and RandomContrast; RandomErasing covers a part.",
    ),
    ("MaxNumBoundingBoxes", "There are no bounding boxes: minicnn classifies whole pictures."),
    (
        "FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper",
        "Other frameworks' layers do not run here: subclass layers.Layer.",
    ),
    (
        "deserialize serialize",
        "type(layer)(**layer.get_config()) is a layer like it; models.load_model reads whole "
        "models.",
    ),
]
