"""Values of an argument that ask for nothing, so that it may be given where it is not there."""

from typing import Any

ANY: Any = object()
Arguments = dict[str, tuple[Any, str]]

FLOAT32 = (None, "float32")
NONE, FALSE, TRUE = (None,), (False,), (True,)
NEVER = ()  # not an argument of Keras 3


def each(names: str, harmless: Any, advice: str) -> Arguments:
    """The same for several arguments."""
    return {name: (harmless, advice) for name in names.split()}
