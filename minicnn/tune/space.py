"""space.toml: what is trained, on what, and which hyperparameters are searched.

    [model]
    network = "documented"
    dropout = {low = 0.1, high = 0.6}

    [training]
    epochs = 15
    batch_size = {choices = [32, 64, 128]}
    learning_rate = {low = 1e-4, high = 1e-2, log = true}

A value is fixed; a table in its place is searched. Every message says file, key, what was expected,
what was received, and what probably has to be changed.
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minicnn.errors import did_you_mean
from minicnn.tune import networks
from minicnn.tune.keys import DEFAULTS, KINDS, OPTIMIZERS, PRUNERS, SECTIONS, Key
from minicnn.tune.ranges import Choices, Domain, Range, Value

RANGE = ("low", "high", "step", "log")
Networks = Mapping[str, Callable[..., Any]]  # those that are known by name


@dataclass(frozen=True)
class Space:
    """What a space.toml says.

    Attributes:
        folder: where it lies: relative paths begin there.
        told: the file's words as they stand, with what is not said filled in.
        fixed: values, by (section, key).
        searched: what the others may be, by (section, key), in the order of the file.
    """

    folder: Path
    told: dict[str, dict[str, Any]]
    fixed: dict[tuple[str, str], Value]
    searched: dict[tuple[str, str], Domain]

    def name_of(self, place: tuple[str, str]) -> str:
        """What a hyperparameter is called: its key, with the section where two have the same."""
        section, key = place
        twice = sum(key == other for _, other in self.searched) > 1
        return f"{section}.{key}" if twice else key

    @property
    def domains(self) -> dict[str, Domain]:
        """What is searched, by name."""
        return {self.name_of(place): domain for place, domain in self.searched.items()}

    def values(self, chosen: Mapping[str, Value]) -> dict[str, dict[str, Value]]:
        """All values, by section and key, of one trial's choice."""
        found: dict[str, dict[str, Value]] = {section: {} for section in SECTIONS}
        for (section, key), value in self.fixed.items():
            found[section][key] = value
        for place in self.searched:
            found[place[0]][place[1]] = chosen[self.name_of(place)]
        return found


def read(
    path: str | os.PathLike[str], known: Networks, study: Mapping[str, Any] | None = None
) -> Space:
    """The space that a file describes.

    Args:
        known: the networks that have a name, as the functions that make them.
        study: what goes before the file's own words of [study].

    Raises FileNotFoundError, and ValueError for what cannot be searched.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"tune expected a file such as space.toml, received {str(path)!r}, which is not there"
        )
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} expected TOML, received something else: {error}") from error
    if isinstance(told.setdefault("study", {}), dict):
        told["study"] = {"name": path.stem, **told["study"], **(study or {})}
    return space(told, path.parent.absolute(), known, str(path))


def space(told: Mapping[str, Any], folder: Path, known: Networks, file: str) -> Space:
    """The space of what a file says.

    Args:
        file: what it is called in messages.

    Raises ValueError for what cannot be searched.
    """
    for section, keys in told.items():
        if section not in SECTIONS:
            raise ValueError(
                f"{file} has [{section}], which is unknown.{did_you_mean(section, SECTIONS)}"
            )
        if not isinstance(keys, dict):
            raise ValueError(
                f"{file}: {section} expected a section, received {keys!r}: [{section}]"
            )
    whole = {section: {**usual, **told.get(section, {})} for section, usual in DEFAULTS.items()}
    searches = whole["study"]["sampler"] == "tpe"
    whole["study"].setdefault("pruner", PRUNERS[0] if searches else "none")
    fixed: dict[tuple[str, str], Value] = {}
    searched: dict[tuple[str, str], Domain] = {}
    for section, keys in whole.items():
        allowed: dict[str, Key | None] = dict(SECTIONS[section])
        if section == "model":
            allowed |= _arguments(keys["network"], folder, known, file)
        for key, value in keys.items():
            where = f"{file}: [{section}] {key}"
            if key not in allowed:
                raise ValueError(
                    f"{file} has {key} in [{section}], which is unknown.{_advice(key, allowed)}"
                )
            domain = _domain(value, allowed[key], where)
            if isinstance(domain, Choices | Range):
                searched[section, key] = domain
            else:
                fixed[section, key] = domain
    found = Space(folder, whole, fixed, searched)
    _check_together(found, file)
    return found


def _domain(value: Any, key: Key | None, where: str) -> Domain | Value:
    """A value, or the table in its place, read and checked."""
    if not isinstance(value, dict):
        return _checked(value, key, where)
    if key is not None and not key.searched:
        raise ValueError(f"{where} expected one value for all trials, received {value!r}")
    if "choices" in value:
        if len(value) > 1:
            others = ", ".join(name for name in value if name != "choices")
            raise ValueError(f"{where} expected choices alone, received {others} too: leave it out")
        choices = value["choices"]
        if not isinstance(choices, list) or not choices:
            raise ValueError(f"{where} expected choices = [one, or, more], received {choices!r}")
        values = tuple(_checked(choice, key, where) for choice in choices)
        if len(set(values)) < len(values):
            raise ValueError(f"{where} expected different choices, received {choices!r}")
        return Choices(values)
    unknown = [name for name in value if name not in RANGE]
    if unknown:
        advice = did_you_mean(unknown[0], (*RANGE, "choices"))
        raise ValueError(f"{where} has {unknown[0]}, which is unknown.{advice}")
    missing = [name for name in ("low", "high") if name not in value]
    if missing:
        raise ValueError(
            f"{where} expected low and high, or choices, received {value!r}: no {missing[0]}"
        )
    return _range(value, key, where)


def _range(value: Mapping[str, Any], key: Key | None, where: str) -> Range:
    low, high = (_checked(value[name], key, f"{where}.{name}") for name in ("low", "high"))
    if isinstance(low, bool | str) or isinstance(high, bool | str):
        raise ValueError(f"{where} expected choices, received a range: it has no order")
    if isinstance(low, float) or isinstance(high, float):
        low, high = float(low), float(high)
    if low >= high:
        swap = "swap them" if low > high else f"write {value['low']!r} for a fixed value"
        raise ValueError(f"{where} expected low < high, received {low:g} and {high:g}: {swap}")
    step, logarithmic = value.get("step"), value.get("log", False)
    if not isinstance(logarithmic, bool):
        raise ValueError(f"{where}.log expected true or false, received {logarithmic!r}")
    if logarithmic and low <= 0:
        raise ValueError(f"{where} expected low above 0 with log = true, received {low:g}")
    if step is not None:
        wrong = Key(type(low), above=0, most=high - low).wrong(step)
        if wrong:
            raise ValueError(f"{where}.step expected {wrong}, received {step!r}")
        if logarithmic:
            raise ValueError(f"{where} expected step or log, received both: leave one out")
        step = type(low)(step)
    return Range(low, high, step, logarithmic)


def _checked(value: Any, key: Key | None, where: str) -> Value:
    wrong = (
        None
        if key is None and type(value) in KINDS
        else "a number, a text, true or false"
        if key is None
        else key.wrong(value)
    )
    if wrong:
        close = (
            did_you_mean(value, key.words) if key and key.words and isinstance(value, str) else ""
        )
        raise ValueError(
            f"{where} expected {wrong}, received {value!r}{'.' + close if close else ''}"
        )
    return key.of(value) if key else value


def _arguments(told: Any, folder: Path, known: Networks, file: str) -> dict[str, Key | None]:
    """What can be told all the networks that are searched."""
    words = told.get("choices") if isinstance(told, dict) else [told]
    words = words if isinstance(words, list) else []
    each = []
    for word in words:
        if not isinstance(word, str) or not (networks.is_own(word) or word in known):
            raise ValueError(
                f"{file}: [model] network expected the name of a network, or a function such as "
                f"my_model.py:build, received {word!r}.{did_you_mean(str(word), known)}"
            )
        try:
            function = networks.own(word, folder) if networks.is_own(word) else known[word]
        except (ValueError, FileNotFoundError) as error:
            raise type(error)(f"{file}: {error}") from error
        each.append(networks.arguments(function))
    return {
        name: key for name, key in (each[0].items() if each else ()) if all(name in a for a in each)
    }


def _advice(key: str, allowed: Mapping[str, Any]) -> str:
    """The section that has a key, or the nearest one of this section."""
    at_home = [section for section, keys in SECTIONS.items() if key in keys]
    return f" Write it below [{at_home[0]}]." if at_home else did_you_mean(key, allowed)


def _check_together(found: Space, file: str) -> None:
    """What no key can know alone."""
    told = {place for place in (*found.fixed, *found.searched)}
    optimizer = found.searched.get(("training", "optimizer"))
    chosen = optimizer.points() if optimizer else [found.fixed["training", "optimizer"]]
    for key in ("momentum", "weight_decay"):
        without = [
            str(name)
            for name in chosen or ()
            if ("training", key) in told and key not in networks.arguments(OPTIMIZERS[str(name)])
        ]
        if without:
            raise ValueError(
                f"{file}: [training] {key} expected an optimizer that has it, received "
                f"{', '.join(without)}: leave out one of them"
            )
    if {("augmentation", "mixup"), ("augmentation", "cutmix")} <= told:
        raise ValueError(f"{file}: [augmentation] expected mixup or cutmix, received both")
    if not found.searched:
        raise ValueError(
            f"{file} expected something to search, received fixed values only: write for example "
            "learning_rate = {low = 1e-4, high = 1e-2, log = true} below [training]"
        )
