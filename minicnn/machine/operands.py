"""What kernels are called with: a named tuple of integers and addresses for each kind.

    class Copy(NamedTuple):
        x: Numbers  # the address of numbers of the kernel's type
        winner: Bytes  # the address of bytes
        size: int

The emitter (emit.py) makes the function's arguments of it, and Numba code calls it with one
(call.py).
"""

from typing import Annotated, Any, NamedTuple, get_type_hints

Numbers = Annotated[int, "*"]
Bytes = Annotated[int, "*u8"]

Operands = type[NamedTuple]


def kinds(operands: Operands) -> list[tuple[str, str]]:
    """(name, kind) of each: "" for an integer, "*" and "*u8" for addresses."""
    hints: dict[str, Any] = get_type_hints(operands, include_extras=True)
    return [(name, getattr(hint, "__metadata__", ("",))[0]) for name, hint in hints.items()]
