"""The sentence that goes with an unknown word: what to use instead, or else what it may be a
misspelling of.
"""

from collections.abc import Iterable

from minicnn.errors import did_you_mean
from minicnn.names.keras_layers import LAYERS, NORMALIZATION
from minicnn.names.keras_names import NAMES

TABLES = NAMES | {"layers": LAYERS, "layers.normalization": NORMALIZATION}


def _plain(word: str) -> str:
    """The same for a class and the string that names it: BinaryCrossentropy and
    binary_crossentropy.
    """
    return word.lower().replace("_", "")


ADVICE = {
    kind: {_plain(word): advice for words, advice in table for word in words.split()}
    for kind, table in TABLES.items()
}


def instead(word: str, kind: str, choices: Iterable[str]) -> str:
    """With a space before, the advice in table `kind` on a word that Keras knows, or did_you_mean
    for others.

    >>> instead("lamb", "optimizers", ["sgd", "adam"])
    ' Use AdamW().'
    """
    advice = of_keras(word, kind)
    return did_you_mean(word, choices) if advice is None else f" {advice}"


def of_keras(word: str, kind: str) -> str | None:
    """The advice in table `kind` on a word that Keras knows; None for others."""
    return ADVICE.get(kind, {}).get(_plain(word))
