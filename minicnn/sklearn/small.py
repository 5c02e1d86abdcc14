"""The network that a classifier trains where it is given none."""

from minicnn.expect import count, number
from minicnn.layers import BatchNormalization, Dense, Dropout, Flatten, Input, MaxPooling2D
from minicnn.models.model import Model
from minicnn.models.zoo.blocks import activated
from minicnn.models.zoo.frame import between_ends
from minicnn.types import Shape

WHO = "CNNClassifier's own network"
STAGES, SIDE = 2, 8  # stages at least, and cells of a side at most that the dense layer sees


def small_network(
    input_shape: Shape, n_classes: int, filters: int = 16, dropout: float = 0.0
) -> Model:
    """Normalisation, so that pictures may be of any range; two stages of convolution, ReLU,
    normalisation and pooling, more of them for large pictures; one dense layer.

        8x8x1 -> 8x8x16 -> 4x4x16 -> 4x4x32 -> 2x2x32 -> 10

    A side below four cells is not pooled, so that also rows of a table, pictures of 1xD, go
    through.

    Args:
        input_shape: of a picture, (H, W, C).
        n_classes: how many it decides among.
        filters: of the first stage; the others have twice as many.
        dropout: before the dense layer.

    Raises ValueError for samples that are no pictures.
    """
    if len(input_shape) != 3:
        raise ValueError(
            f"{WHO} expected pictures (H, W, C), received samples of {input_shape}: give "
            "input_shape=(H, W, C), or a model of your own"
        )
    count(filters, "filters", WHO)
    x = BatchNormalization(warmup=True)(Input(input_shape))
    stage = 0
    while stage < STAGES or max(x.sample_shape[:2]) > SIDE:
        x = activated(x, filters * min(stage + 1, 2))
        height, width = (2 if side >= 4 else 1 for side in x.sample_shape[:2])
        if max(height, width) > 1:
            x = MaxPooling2D((height, width))(x)
        stage += 1
    x = Flatten()(x)
    if number(dropout, "dropout", WHO, least=0, below=1):
        x = Dropout(dropout)(x)
    return between_ends(Dense(n_classes, activation="softmax")(x), name="small_network")
