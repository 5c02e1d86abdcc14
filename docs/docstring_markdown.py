"""A docstring in this project's dialect (see CONTRIBUTING.md) as Markdown, for make_api.py."""

import inspect
import re
import textwrap
from collections.abc import Iterator

LABEL = re.compile(r"(Shapes|Cache|Source): ")
RAISES = re.compile(r"(Raises|Warns) ")
HEADING = re.compile(r"[A-Z][\w ,]*:$")
ENTRY = re.compile(r"[\w`][\w`*, .]*: ")
COLUMNS = re.compile(r"\S+ {3,}\S")  # of a table


def prose(text: str) -> str:
    """Text in which Markdown sees nothing but `code`."""
    parts = re.split(r"(`[^`\n]+`)", text)
    parts[::2] = [
        re.sub(r"([*<]|(?<!\w)_|_(?!\w)|(?<=\])(?=\())", r"\\\1", part) for part in parts[::2]
    ]
    return "".join(parts)


def fence(lines: list[str], language: str) -> list[str]:
    return ["", f"```{language}", *textwrap.dedent("\n".join(lines)).split("\n"), "```", ""]


def markdown(docstring: str) -> list[str]:
    """Formulas and examples in blocks of code, arguments as a list, all else as prose."""
    lines, result, i = inspect.cleandoc(docstring).split("\n"), [], 0
    while i < len(lines):
        line, end = lines[i], i + 1
        if line.startswith(">>>"):
            end = next((k for k in range(i, len(lines)) if not lines[k]), len(lines))
            result += fence(lines[i:end], "pycon")
        elif COLUMNS.match(line):
            end = next((k for k in range(i, len(lines)) if not COLUMNS.match(lines[k])), len(lines))
            result += fence(lines[i:end], "text")
        elif line.startswith(" "):
            end = block_end(lines, i)
            result += fence(lines[i:end], "text")
        elif HEADING.match(line) and end < len(lines) and ENTRY.match(lines[end].strip()):
            end = block_end(lines, end)
            result += ["", f"**{line}**", "", *entries(lines[i + 1 : end]), ""]
        elif label := LABEL.match(line):
            result += ["", f"**{label[1]}**: {prose(line[label.end() :])}"]
        elif label := RAISES.match(line):
            result += ["", f"**{label[1]}** {prose(line[label.end() :])}"]
        else:
            result.append(prose(line))
        i = end
    return result


def block_end(lines: list[str], start: int) -> int:
    """Where an indented block ends: before the first line that is not, and empty ones before it."""
    end = next((i for i in range(start, len(lines)) if lines[i] and lines[i][0] != " "), len(lines))
    return next(i for i in range(end, start, -1) if lines[i - 1])


def entries(lines: list[str]) -> Iterator[str]:
    """An item of a list for each `name: text`, with the lines that belong to it."""
    for line in textwrap.dedent("\n".join(lines)).split("\n"):
        if line[:1] != " " and (named := ENTRY.match(line)):
            yield f"- `{named[0][:-2].replace('`', '')}`: {prose(line[named.end() :])}"
        else:
            yield f"  {prose(line.strip())}"
