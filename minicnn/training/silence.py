"""Only rank 0 prints: what the others would say is the same."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from minicnn.ranks.group import Group


@contextmanager
def silent_but_rank_0(group: Group) -> Iterator[None]:
    """While this context is open, ranks other than 0 neither print nor warn; errors come later."""
    if group.rank == 0:
        yield
        return
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
        warnings.catch_warnings(action="ignore"),
    ):
        yield
