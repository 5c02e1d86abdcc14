"""How weights start: callables (shape, rng, dtype) -> array, with Keras' names and distributions.

A layer takes one by its word, by its class or with arguments, "he_uniform", HeUniform,
RandomNormal(stddev=0.01), for kernels and for all other weights.
"""

from minicnn.initializers.base import Initializer, InitializerLike
from minicnn.initializers.constant import Constant, Identity, Ones, Zeros
from minicnn.initializers.orthogonal import Orthogonal
from minicnn.initializers.random import RandomNormal, RandomUniform, TruncatedNormal
from minicnn.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)
from minicnn.names import missing_from
from minicnn.names.vocabulary import Vocabulary

# the second names that Keras has
OrthogonalInitializer, IdentityInitializer = Orthogonal, Identity
zeros, ones, constant, identity, orthogonal = Zeros, Ones, Constant, Identity, Orthogonal
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform = HeNormal, HeUniform
lecun_normal, lecun_uniform = LecunNormal, LecunUniform
variance_scaling = VarianceScaling

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]

__getattr__ = missing_from(__name__, "initializers", __all__)

NAMES: dict[str, type[Initializer]] = {
    "glorot_uniform": GlorotUniform,
    "glorot_normal": GlorotNormal,
    "he_uniform": HeUniform,
    "he_normal": HeNormal,
    "lecun_uniform": LecunUniform,
    "lecun_normal": LecunNormal,
    "variance_scaling": VarianceScaling,
    "random_normal": RandomNormal,
    "random_uniform": RandomUniform,
    "truncated_normal": TruncatedNormal,
    "orthogonal": Orthogonal,
    "identity": Identity,
    "zeros": Zeros,
    "ones": Ones,
    "constant": Constant,
    "normal": RandomNormal,
    "uniform": RandomUniform,
    "zero": Zeros,
    "one": Ones,
}

_vocabulary = Vocabulary("initializer", NAMES)
described = _vocabulary.described


def get(identifier: InitializerLike) -> Initializer:
    """The initializer of that word or class, or the argument itself when it is one already.

    Raises ValueError for an unknown name.

    >>> initializers.get("he_normal")
    HeNormal(seed=None)
    """
    return _vocabulary.get(identifier)
