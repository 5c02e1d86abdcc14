"""Writes docs/api/ from the docstrings of the public names: `python docs/make_api.py`.

A page for each module that users import, and an index of them all. Signatures are those of the
source, where types have short names. What a class inherits from a class that is on a page itself
is there.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from docstring_markdown import fence, markdown, prose

import minicnn

ROOT = Path(minicnn.__file__).resolve().parent.parent
API = ROOT / "docs" / "api"
WIDTH = 88  # of a signature in one line
MADE = "*Made by `python docs/make_api.py` from the docstrings: change those.*"
TAKEN = "Before all examples stand `import numpy as np` and `from minicnn import *`."


# Which names there are, and on which page each stands


@cache
def modules() -> dict[str, ModuleType]:
    """The modules that users import, by the names of their pages: "layers", "datasets.shapes"."""
    found = {"minicnn": minicnn}
    for name in (*minicnn.__all__, *minicnn.ON_DEMAND):
        if isinstance(module := getattr(minicnn, name), ModuleType):
            found[name] = module
            parts = {
                part: getattr(module, part)
                for part in module.__all__
                if part not in minicnn.__all__
            }
            found |= {
                f"{name}.{part}": inner
                for part, inner in parts.items()
                if isinstance(inner, ModuleType)
            }
    return found


def names_on(page: str) -> list[str]:
    """The names that a page tells of, modules left out: classes, then functions, then constants."""
    things = vars_of(modules()[page])
    return sorted(things, key=lambda name: (kind(things[name]), name.lower()))


def vars_of(module: ModuleType) -> dict[str, Any]:
    """The public names of a module and what they stand for, modules left out."""
    things = {name: getattr(module, name) for name in module.__all__}
    return {name: thing for name, thing in things.items() if not isinstance(thing, ModuleType)}


def kind(thing: Any) -> int:
    return 0 if inspect.isclass(thing) else 1 if inspect.isroutine(thing) else 2


@cache
def homes() -> dict[Any, tuple[str, str]]:
    """The page and name under which each class and function is told of, by its own where it can."""
    found: dict[Any, tuple[str, str]] = {}
    for page in [*list(modules())[1:], "minicnn"]:
        for name, thing in vars_of(modules()[page]).items():
            if kind(thing) < 2 and (
                thing not in found or (found[thing][0] == page and name == thing.__name__)
            ):
                found[thing] = (page, name)
    return found


def anchors(page: str) -> dict[str, str]:
    """GitHub's anchors of the headings: `Filters` is #filters, `filters` #filters-1."""
    used: Counter[str] = Counter()
    found = {}
    for name in names_on(page):
        found[name] = f"#{name.lower()}-{used[name.lower()]}".removesuffix("-0")
        used[name.lower()] += 1
    return found


# A signature


@cache
def parsed(thing: Any) -> Any:
    """The definition of a class or function in its source."""
    return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(thing)))).body[0]


def signature(called: str, function: Any, bound: bool = False) -> list[str]:
    """How it is called, in one line or in one for each argument; `bound` leaves out the first."""
    node, known = parsed(function), inspect.unwrap(function).__globals__
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(positional) - len(given.defaults)) + given.defaults
    shown = [argument(*one, known) for one in zip(positional, defaults, strict=True)][bound:]
    if given.vararg or given.kwonlyargs:
        shown.append(f"*{argument(given.vararg, None, known) if given.vararg else ''}")
    shown += [
        argument(*one, known) for one in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    ]
    if given.kwarg:
        shown.append(f"**{argument(given.kwarg, None, known)}")
    returned = (
        "" if node.returns is None or node.name == "__init__" else f" -> {typed(node.returns)}"
    )
    line = f"{called}({', '.join(shown)}){returned}"
    return fence(
        [line]
        if len(line) <= WIDTH
        else [f"{called}(", *(f"    {one}," for one in shown), f"){returned}"],
        "py",
    )


def argument(arg: ast.arg, default: ast.expr | None, known: dict[str, Any]) -> str:
    """`name: type = default`, with the value of a default that is a constant of the module."""
    text = arg.arg + (f": {typed(arg.annotation)}" if arg.annotation else "")
    if default is None:
        return text
    value = ast.unparse(default)
    if isinstance(default, ast.Name) and value.isupper():
        value = repr(known[value])
    if isinstance(default, ast.Constant) and isinstance(default.value, str):
        value = f'"{default.value}"'
    return f"{text}{' = ' if arg.annotation else '='}{value}"


def typed(annotation: ast.expr) -> str:
    """A type as it is written, without quotation marks."""
    return (
        str(annotation.value) if isinstance(annotation, ast.Constant) else ast.unparse(annotation)
    )


def options(cls: type) -> list[str]:
    """What `**options` holds, and on which class' entry it is explained."""
    arguments = getattr(inspect.unwrap(cls.__init__), "__annotations__", {}).get("options")
    if arguments is None:
        return []
    (of,) = arguments.__args__
    names = ", ".join(f"`{option}`" for option in of.__annotations__)
    explained = [homes()[base] for base in cls.__mro__[1:] if base in homes()][-1:]
    seen = [f": see [{name}]({page}.md{anchors(page)[name]})" for page, name in explained]
    return [f"`options` may be {names}{''.join(seen)}.", ""]


# The entry of a name


def fields(cls: type) -> list[str]:
    """The fields of a dataclass or a named tuple, with the comments that stand beside them."""
    source = textwrap.dedent(inspect.getsource(cls)).split("\n")
    result = []
    for node in parsed(cls).body:
        if isinstance(node, ast.AnnAssign):
            _, _, comment = source[node.end_lineno - 1].partition("  # ")
            result.append(f"- `{ast.unparse(node)}`{comment and ': ' + prose(comment)}")
    return ["", "**Fields:**", "", *result, ""]


def members(cls: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties; if a base has an entry, those that say more than it does."""
    bases = [base for base in cls.__mro__[1:] if base.__module__.startswith("minicnn")]
    is_derived = any(base in homes() for base in bases)
    seen: set[str] = set()
    for owner in [cls] if is_derived else [cls, *bases]:
        for name, value in vars(owner).items():
            function = function_of(value)
            if inspect.isfunction(function) and name[0] != "_" and name not in seen:
                seen.add(name)
                if function.__doc__ or not (
                    is_derived and any(hasattr(base, name) for base in bases)
                ):
                    yield name, value


def doc_of(cls: type, member: str) -> str:
    """The docstring of a member, or of the one that it overrides."""
    found = (
        function_of(vars(owner)[member]).__doc__ for owner in cls.__mro__ if member in vars(owner)
    )
    return next(filter(None, found), "")


def function_of(value: Any) -> Any:
    """The function behind a property, a class method or a static one."""
    return value.fget if isinstance(value, property) else getattr(value, "__func__", value)


def entry(page: str, name: str) -> Iterator[str]:
    """All lines about one name."""
    module = modules()[page]
    thing = getattr(module, name)
    yield from (f"## `{name}`", "")
    if kind(thing) == 2:
        source, comment = assignment(module, name)
        yield from (*fence(source, "py"), comment, "")
        return
    home, own = homes()[thing]
    if (home, own) != (page, name):
        yield from (f"The same as [{home}.{own}]({home}.md{anchors(home)[own]}).", "")
        return
    if inspect.isclass(thing):
        yield from of_class(page, name, thing)
    else:
        yield from (*signature(f"{page}.{name}", thing), *markdown(thing.__doc__ or ""))
    source_file = (
        Path(inspect.getsourcefile(inspect.unwrap(thing)) or "").relative_to(ROOT).as_posix()
    )
    yield from ("", f"[{source_file}](../../{source_file})", "")


def of_class(page: str, name: str, cls: type) -> Iterator[str]:
    has_fields = hasattr(cls, "__dataclass_fields__") or hasattr(cls, "_fields")
    if inspect.isfunction(cls.__init__) and not has_fields:
        yield from (*signature(f"{page}.{name}", cls.__init__, bound=True), *options(cls))
    yield from markdown(cls.__doc__ or "")
    if has_fields and "\nAttributes:" not in inspect.cleandoc(cls.__doc__ or ""):
        yield from fields(cls)
    for member, value in members(cls):
        yield from ("", f"### `{name}.{member}`", "")
        if not isinstance(value, property):
            called = (
                f"{name}.{member}"
                if isinstance(value, classmethod | staticmethod)
                else f".{member}"
            )
            yield from signature(
                called, function_of(value), bound=not isinstance(value, staticmethod)
            )
        yield from markdown(doc_of(cls, member))


def assignment(module: ModuleType, name: str) -> tuple[list[str], str]:
    """The lines that give a constant its value, in the module or a part of it; the comment."""
    own = f"{module.__name__}."
    for other in [part for key, part in sorted(sys.modules.items()) if f"{key}.".startswith(own)]:
        source = inspect.getsource(other)
        lines = source.split("\n")
        for node in ast.parse(source).body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and re.match(
                rf"{name}\b", lines[node.lineno - 1]
            ):
                written = [
                    line.partition("  # ") for line in lines[node.lineno - 1 : node.end_lineno]
                ]
                comments = [
                    comment for _, _, comment in written if comment not in ("", "fmt: skip")
                ]
                return [code for code, _, _ in written], prose(" ".join(comments))
    raise LookupError(f"{module.__name__}.{name} is assigned nowhere")


# The pages


def page_of(page: str) -> str:
    module = modules()[page]
    lines = [f"# {page}", "", MADE, "", *markdown(module.__doc__ or ""), ""]
    for name in names_on(page):
        lines += entry(page, name)
    return tidied(lines)


def index() -> str:
    lines = ["# API", "", MADE, TAKEN, ""]
    for page, module in modules().items():
        (first, *_) = inspect.cleandoc(module.__doc__ or "").split("\n\n")
        names = [f"[{name}]({page}.md{anchor})" for name, anchor in anchors(page).items()]
        told = prose(" ".join(first.split()))
        lines += [f"**[{page}]({page}.md)**: {told}", "", ", ".join(names), ""]
    return tidied(lines)


def tidied(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def pages() -> dict[str, str]:
    """The text of every page, by its file's name."""
    return {"README.md": index()} | {f"{page}.md": page_of(page) for page in modules()}


def undocumented() -> list[str]:
    """Public names and members without a docstring of their own, or of what they override."""
    found = [page for page, module in modules().items() if not module.__doc__]
    for thing, (page, name) in homes().items():
        found += [] if thing.__doc__ else [f"{page}.{name}"]
        if inspect.isclass(thing):
            found += [
                f"{page}.{name}.{member}"
                for member, _ in members(thing)
                if not doc_of(thing, member)
            ]
    return found


def main() -> None:
    """Write all pages, and remove those of modules that are no more."""
    API.mkdir(exist_ok=True)
    made = pages()
    for path in API.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (API / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
