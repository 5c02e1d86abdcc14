"""The few names of `keras.backend` that scripts still have: there is none, arrays are NumPy's."""

import gc

from minicnn.names import known_arguments, missing_from

__all__ = ["clear_session", "epsilon", "floatx", "image_data_format"]

__getattr__ = missing_from(__name__, "backend", __all__)


@known_arguments
def clear_session(free_memory: bool = True) -> None:
    """Free the memory of models that nobody has any more.

    There is nothing else to clear: every model names its layers by itself, from "conv2d" on.

    Args:
        free_memory: False leaves it to Python, which does it sooner or later.

    >>> backend.clear_session()
    """
    if free_memory:
        gc.collect()


@known_arguments
def epsilon() -> float:
    """The number that Keras adds where it would divide by 0, or clips to.

    >>> backend.epsilon()
    1e-07
    """
    return 1e-7


@known_arguments
def floatx() -> str:
    """The type that models compute in, unless they are made with dtype="float64".

    >>> backend.floatx()
    'float32'
    """
    return "float32"


@known_arguments
def image_data_format() -> str:
    """Where channels are: pictures are (N, H, W, C).

    >>> backend.image_data_format()
    'channels_last'
    """
    return "channels_last"
