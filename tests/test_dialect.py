"""One dialect of docstring and of error, as CONTRIBUTING has it, and English that reads easily."""

import ast
import inspect
import re
from pathlib import Path

import minicnn

ROOT = Path(minicnn.__file__).resolve().parent.parent
FILES = sorted((ROOT / "minicnn").rglob("*.py"))
TREES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in FILES
}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
STRAY = {  # of other dialects, and what is written here
    r"``": "one backtick on each side",
    r"\A(Returns?|Yields?)\b": "a noun phrase: what it is that comes back",
    r"^\s*(Returns|Yields|Parameters|Examples?|Notes?|Usage|See also):": (
        "prose, or >>> for an example"
    ),
    r"^\s*(Raises|Warns):": "'Raises ValueError for ...', as a sentence",
    r":(param|returns?|raises|class|func|meth|ref)\b.*:": "no roles of Sphinx",
    r"^ *-{4,}$": "no underlined headings",
}
AWKWARD = r"may so |which so |no different strings|\bails\b|as of fit\b|belongs into|\bexamin"


def docstrings(tree):
    """(line, text) of all docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), text


def strays(text):
    """What a docstring has of other dialects."""
    return [instead for pattern, instead in STRAY.items() if re.search(pattern, text, re.MULTILINE)]


def messages(tree):
    """(line, message, its constant parts in order) of all errors that are made, raised at once or
    not.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Error") and node.args:
            parts = [part for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)]
            parts = sorted((part for part in parts if isinstance(part.value, str)), key=place)
            if parts:
                yield node.lineno, node.args[0], [part.value for part in parts]


def place(node):
    return node.lineno, node.col_offset


def ending(message):
    """The constant part that ends a message; "" where a value does."""
    if isinstance(message, ast.JoinedStr):
        return ending(message.values[-1])
    if isinstance(message, ast.BinOp):
        return ending(message.right)
    return (
        message.value
        if isinstance(message, ast.Constant) and isinstance(message.value, str)
        else ""
    )


def test_docstrings_have_one_dialect():
    found = [
        f"{file}:{line}: {what}"
        for file, tree in TREES.items()
        for line, text in docstrings(tree)
        for what in strays(text)
    ]
    assert not found


def test_comments_have_single_backticks_too():
    assert not [path.name for path in FILES if "``" in path.read_text(encoding="utf-8")]


def test_errors_end_without_a_full_stop_and_name_the_remedy_after_a_colon():
    """Sentences of advice, which `instead` and `did_you_mean` put behind a message, do."""
    verbs = "received|pass|use|give|make|get|download|correct|save|put|call|set|name|move|remove"
    verbs += "|scale|count"
    wrong = []
    for file, tree in TREES.items():
        for line, message, parts in messages(tree):
            if ending(message).endswith("."):
                wrong.append(f"{file}:{line}: ends in a full stop")
            if re.search(rf"; ({verbs})\b", "".join(parts)):
                wrong.append(f"{file}:{line}: the remedy comes after a colon")
    assert not wrong


PROSE = [*FILES, ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
PROSE += (ROOT / "minicnn").rglob("*.md")


def test_awkward_english_does_not_come_back():
    found = {path.name: re.findall(AWKWARD, path.read_text(encoding="utf-8")) for path in PROSE}
    assert not {name: words for name, words in found.items() if words}


def test_strays_are_seen():
    for text, count in (
        ("Return the sum.", 1),
        ("The sum.\n\nReturns:\n    ``x``.", 2),
        ("The sum.\n\nRaises:\n    ValueError: never.", 1),
        ("Sum\n-----\n:param x: one", 2),
        ("The sum of `x`.\n\nRaises ValueError when it is empty.", 0),
    ):
        assert len(strays(inspect.cleandoc(text))) == count, text
