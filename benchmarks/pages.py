"""Tables in the project's pages that programs write, between two marks that no reader sees."""

END = "<!-- end -->\n"


def mark(program: str) -> str:
    """The line that such a table begins with."""
    return f"<!-- written by benchmarks/{program} -->\n"


def with_table(page: str, program: str, rows: str) -> str:
    """The page with these rows in place of what the program wrote there before.

    Raises ValueError for a page without its marks.
    """
    before, begin, rest = page.partition(mark(program))
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(
            f"with_table expected a page with the lines {mark(program).strip()} and {END.strip()}, "
            "received one without: add them where the table belongs"
        )
    return f"{before}{begin}\n{rows}\n{end}{after}"


def markdown(headings: list[str], rows: list[list[str]]) -> str:
    """A table for a page."""
    lines = ["| " + " | ".join(line) + " |\n" for line in (headings, *rows)]
    rule = "|" + "---|" * len(headings) + "\n"
    return "".join([lines[0].replace("|  |", "| |"), rule, *lines[1:]])
