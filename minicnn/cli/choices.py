"""What `minicnn train` can choose from, in words and numbers: recipes and networks. It loads
nothing that takes time.

What the words mean is in recipes.py and networks.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minicnn.cli import few

DOCUMENTED, FINETUNE = "documented", "finetune"

NETWORKS = {
    DOCUMENTED: "three convolutions, with 32, 64 and 128 filters, and two dense layers",
    "small": "the same with half as many filters: faster, and enough for easy pictures",
    "large": "pairs of convolutions, with 32, 64 and 128 filters, as in VGG: slower and better",
    "convolutional": "convolutions only, every other one with strides of 2 in place of pooling",
    "resnet20": "a residual network for pictures of 32x32: much slower and better",
    "resnet32": "a deeper one",
    "resnet56": "a still deeper one",
    "seresnet20": "resnet20 whose channels weigh one another",
    "inception": "blocks of parallel convolutions for pictures of 32x32: slower still",
    "small_mobilenetv2": "MobileNetV2 for pictures of 32x32",
    "resnet18": "a residual network for large pictures",
    "resnet50": "Keras' residual network for large pictures",
    "mobilenetv2": "Keras' network of few operations for large pictures",
    "efficientnetb0": "Keras' EfficientNetB0 for large pictures",
}


def network_named(word: str) -> str | None:
    """The name of the network that a word means, spelt as its class, too: ResNet50; None for
    others.
    """
    plain = {name.replace("_", ""): name for name in NETWORKS}
    return plain.get(word.lower().replace("_", "").removesuffix("cnn"))


@dataclass(frozen=True)
class Recipe:
    """A way to train.

    Attributes:
        told: what it is, for those who choose.
        epochs, batch_size: of many pictures; few ones are trained on as cli/few.py says.
        learning_rate: unless another one is asked for.
        augment: whether many pictures change at random, as few ones do.
        dropout: of a new network.
        holds_out: whether pictures are held out to validate on, and the best epoch is kept.
    """

    told: str
    epochs: int
    batch_size: int
    learning_rate: float
    augment: bool = False
    dropout: float = 0.5
    holds_out: bool = True

    def suited(self, asked: Mapping[str, Any], pictures: int) -> dict[str, Any]:
        """The options with what depends on the recipe, and on how many pictures there are to train
        on.
        """
        scarce = few.augment(pictures)
        size = asked["batch_size"] or (
            min(self.batch_size, few.batch_size(pictures)) if scarce else self.batch_size
        )
        epochs = few.epochs(pictures, size) if self.epochs == few.UNTIL else self.epochs
        return {
            **asked,
            "batch_size": size,
            "epochs": asked["epochs"] or epochs,
            "augment": self.augment or scarce if asked["augment"] is None else asked["augment"],
            "learning_rate": asked["learning_rate"] or self.learning_rate,
        }


RECIPES = {
    DOCUMENTED: Recipe(
        "Adam, until the validation loss has not fallen for ten epochs",
        epochs=few.UNTIL,
        batch_size=max(few.BATCHES),
        learning_rate=1e-3,
    ),
    "best": Recipe(
        "mirrored and shifted pictures, AdamW with one cycle of the learning rate, weight decay, "
        "label smoothing, a fixed number of epochs, on all pictures but the test's",
        epochs=60,
        batch_size=128,
        learning_rate=4e-3,
        augment=True,
        dropout=0.1,
        holds_out=False,
    ),
    FINETUNE: Recipe(
        "a model's last layers first, then all of it with a tenth of the learning rate",
        epochs=30,
        batch_size=32,
        learning_rate=1e-3,
    ),
}
