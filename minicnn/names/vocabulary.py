"""Small things that an argument may name: initializers, regularizers, constraints.

Each may be given by a word, by its class, as an object, or as a file tells of it:

    "l2",   L2,   L2(1e-4),   {"class_name": "L2", "config": {"l2": 1e-4}}
"""

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from minicnn.names.described import Configured
from minicnn.names.words import instead


class Described(Configured):
    """What its class and the arguments of its constructor, kept in attributes of their names, say
    all of.
    """

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON-able values."""
        kind: type = type(self)
        return {name: getattr(self, name) for name in arguments(kind)}

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({given})"


@cache
def arguments(kind: type) -> list[str]:
    """The names of a constructor's arguments."""
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]  # type: ignore[misc]
    return [one.name for one in parameters if one.kind is not one.VAR_POSITIONAL]


class Vocabulary:
    """Words and the things that they name, which files may name too: no others.

    Args:
        kind: what they are, "initializer".
        words: what makes the thing that each word stands for; of several the first one is written.
    """

    def __init__(self, kind: str, words: Mapping[str, Callable[[], Any]]):
        self.kind, self.words = kind, dict(words)
        things = {word: make() for word, make in words.items()}
        self.classes = {type(thing).__name__: type(thing) for thing in things.values()}
        self.plain = {word: (type(thing), thing.get_config()) for word, thing in things.items()}

    def get(self, identifier: Any, who: str = "") -> Any:
        """The thing that is meant.

        Raises ValueError for what is none, which begins with who: "Dense has no bias_initializer".
        """
        who = who or f"unknown {self.kind}"
        if isinstance(identifier, type) and identifier in self.classes.values():
            return identifier()
        if isinstance(identifier, dict):
            return self._from_file(identifier, who)
        if isinstance(identifier, str):
            made = self.words.get(identifier) or self.classes.get(identifier)
            if made is not None:
                return made()
        elif callable(identifier):
            return identifier
        raise ValueError(f"{who} {identifier!r:.80}.{self._instead(identifier)}")

    def _instead(self, word: Any) -> str:
        known = word[:60] if isinstance(word, str) else ""
        return instead(known, f"{self.kind}s", self.words)

    def _from_file(self, described: dict, who: str) -> Any:
        name, config = described.get("class_name"), described.get("config")
        if described.keys() != {"class_name", "config"} or not isinstance(config, dict):
            raise ValueError(f"{who} {described!r:.200}: a dict of one has class_name and config")
        if name not in self.classes:
            raise ValueError(f"{who} {name!r:.60}.{self._instead(name)}")
        return self.classes[name](**config)

    def described(self, identifier: Any, what: str, owner: object) -> str | dict[str, Any]:
        """What files say of it, and `get` understands: a word where that says all.

        Args:
            what: the argument that it is, "kernel_initializer".
            owner: of whom, for messages.

        Raises ValueError for what is unknown, or of the user's own.
        """
        thing = self.get(identifier, f"{owner} has no {what}")
        if type(thing) not in self.classes.values():
            raise ValueError(
                f"{what}={thing!r} of {owner} cannot be named in a model file: use one of "
                f"{', '.join(self.words)}"
            )
        config = thing.get_config()
        word = next((w for w, all_of in self.plain.items() if all_of == (type(thing), config)), "")
        return word or {"class_name": type(thing).__name__, "config": config}
