"""Values of arguments in Keras' words and in minicnn's: numbers, activations, initializers and
their like.

Every function takes what Keras' file says and gives what minicnn's constructors take, or raises
ValueError, which says what it is that minicnn has not.
"""

from types import ModuleType
from typing import Any

from minicnn import constraints, initializers, regularizers
from minicnn.layers import activation as activations

NOT_IN_KERAS_2 = ("hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh")
VARIANCE_SCALING = {"normal": "truncated_normal"}  # what Keras before 2.2.3 called it


def described(value: Any) -> tuple[str, Any]:
    """The class, and the arguments, that a dict of Keras' describes."""
    if not isinstance(value, dict) or not isinstance(value.get("class_name"), str):
        raise ValueError(f"expected a class and its arguments, received {value!r:.80}")
    return value["class_name"], value.get("config")


def number(value: Any) -> Any:
    """A number, also where Keras wrote an array of one."""
    value = listed(value)
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool) or not (value is None or isinstance(value, int | float)):
        raise ValueError(f"expected a number, received {value!r:.80}")
    return value


def listed(value: Any) -> Any:
    """The values of an array, as Keras' files have them."""
    if isinstance(value, dict) and value.get("class_name") in ("__numpy__", "__tensor__"):
        return value["config"]["value"]
    if isinstance(value, dict) and value.get("type") == "ndarray":  # Keras 2
        return value.get("value")
    return value


def flat(value: Any) -> Any:
    """Numbers, however deep in lists; one alone stands for itself."""
    found, rest = [], [listed(value)]
    if not isinstance(rest[0], list):
        return number(value)
    while rest:
        one = rest.pop()
        if isinstance(one, list):
            rest += one[::-1]
        else:
            found.append(number(one))
    return found


def axis(value: Any) -> Any:
    """An axis, also as a list of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def seed(value: Any) -> int | None:
    """A seed; the state of a generator is none."""
    return value if type(value) is int and value >= 0 else None


def activation(value: Any, generation: int) -> Any:
    """An activation: a word, a function by its name, or a layer."""
    if isinstance(value, dict):
        name, config = described(value)
        if name == "function":
            value = config
        elif name in activations.KINDS:
            value = {"class": name, "config": of_activation(name, config or {})}
        elif name in ("Softmax", "Activation"):
            value = (config or {}).get("activation", "softmax")
        else:
            value = name
    if not isinstance(value, dict | str | None):
        raise ValueError(f"minicnn has no activation {value!r:.80}")
    if generation < 3 and value in NOT_IN_KERAS_2:
        raise ValueError(f"Keras 2 computed {value!r} otherwise than Keras 3 and minicnn do")
    return None if value == "linear" else activations.named(value, "minicnn")


def of_activation(name: str, config: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a layer that is the activation of another."""
    kept = {
        {"alpha": "negative_slope"}.get(key, key) if name == "LeakyReLU" else key: number(value)
        for key, value in config.items()
        if key in ("alpha", "negative_slope", "max_value", "threshold", "approximate")
    }
    return kept


def initializer(value: Any) -> Any:
    """An initializer, as minicnn's files say it."""
    return _thing(value, initializers, "initializer")


def regularizer(value: Any) -> Any:
    """A regularizer, or none."""
    return None if value is None else _thing(value, regularizers, "regularizer")


def constraint(value: Any) -> Any:
    """A constraint, or none."""
    return None if value is None else _thing(value, constraints, "constraint")


def _thing(value: Any, vocabulary: ModuleType, kind: str) -> Any:
    """An initializer, regularizer or constraint, as minicnn's files say it."""
    if not isinstance(value, dict):
        return vocabulary.described(value, kind, "minicnn")
    name, config = described(value)
    config = {
        key: listed(one) for key, one in (config or {}).items() if key not in ("dtype", "name")
    }
    if "seed" in config:
        config["seed"] = seed(config["seed"])
    if name == "VarianceScaling":
        drawn = str(config.get("distribution", "truncated_normal"))
        config["distribution"] = VARIANCE_SCALING.get(drawn, drawn)
    return vocabulary.described({"class_name": name, "config": config}, kind, "minicnn")
