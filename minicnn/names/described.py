"""Things described by the name of their class and its arguments, in Keras' form:
{"class_name": "Adam", "config": {"learning_rate": 0.01}}.
"""

from collections.abc import Callable, Mapping
from typing import Any, Self

from minicnn.names.attributes import KerasNames
from minicnn.names.words import instead


class Configured(KerasNames):
    """What get_config tells all of: the arguments of its constructor."""

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON-able values."""
        raise NotImplementedError(f"{type(self).__name__} must define get_config()")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """One like that whose get_config this is.

        Raises TypeError for what is no dict, and for arguments that the constructor does not have.
        """
        if not isinstance(config, Mapping):
            raise TypeError(
                f"{cls.__name__}.from_config expected the dict that get_config() gives, received "
                f"{config!r:.80}"
            )
        return cls(**config)


def described(thing: Any) -> dict[str, Any]:
    """The description of a thing that has get_config()."""
    return {"class_name": type(thing).__name__, "config": thing.get_config()}


def from_description(
    description: Mapping[str, Any],
    classes: Mapping[str, Callable[..., Any]],
    kind: str,
    custom_objects: Mapping[str, Callable[..., Any]] | None = None,
) -> Any:
    """The thing that a description is of.

    Args:
        classes: that it may name, by their names; custom_objects are further ones.
        kind: "losses", for messages.

    Raises ValueError for what is no description, and for other classes.
    """
    if not isinstance(description, Mapping):
        description = {"class_name": None, "received": description}
    name = description.get("class_name", description.get("class"))  # the latter as in our files
    if not isinstance(name, str) or not isinstance(description.get("config", {}), Mapping):
        raise ValueError(
            f"{kind} expected a description as {{'class_name': ..., 'config': {{...}}}}, received "
            f"{description!r:.80}: serialize makes one"
        )
    known = {**classes, **(custom_objects or {})}
    if name not in known:
        raise ValueError(
            f"{kind} has no class {name!r}.{instead(name, kind, known)} Classes of your own go "
            "into custom_objects"
        )
    made: Any = known[name]
    return getattr(made, "from_config", lambda config: made(**config))(
        dict(description.get("config", {}))
    )
