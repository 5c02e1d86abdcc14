"""What Numba code does with addresses: call an emitted kernel, read a table, look at numbers as an
array.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic

from minicnn.machine.jit import jit_part
from minicnn.machine.operands import Operands, kinds

DOUBLE = np.zeros(0)  # "like this" for what is in double precision


def caller(operands: Operands) -> Any:
    """A function for Numba code that calls kernels with those operands (operands.py):
    call(kernel, Copy(x=at(x, start, like), ...)), with the kernel's address.

    No bounds are checked: the drivers compute every position from shapes that the plan has checked.
    """
    wanted = [kind for _, kind in kinds(operands)]

    @intrinsic
    def call(typingctx: Any, kernel: Any, operands: Any) -> Any:  # noqa: ARG001
        sig = types.void(kernel, operands)

        def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
            values = []
            for i, (kind, given) in enumerate(zip(wanted, signature.args[1].types, strict=True)):
                value = builder.extract_value(args[1], i)
                value = context.cast(builder, value, given, types.intp)
                values.append(builder.inttoptr(value, cgutils.voidptr_t) if kind else value)
            function = ir.FunctionType(ir.VoidType(), [value.type for value in values])
            where = context.cast(builder, args[0], signature.args[0], types.intp)
            builder.call(builder.inttoptr(where, function.as_pointer()), values)
            return context.get_dummy_value()

        return sig, codegen

    return call


@intrinsic
def pointer(typingctx: Any, address: Any, like: Any) -> Any:  # noqa: ARG001
    """An address as a pointer to numbers of the type of the array `like`."""
    kind = types.CPointer(like.dtype)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.inttoptr(args[0], context.get_value_type(kind))

    return kind(types.int64, like), codegen


@intrinsic
def word(typingctx: Any, address: Any, index: Any) -> Any:  # noqa: ARG001
    """Number `index` of the integers at an address."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        table = builder.inttoptr(args[0], context.get_value_type(types.CPointer(types.int64)))
        return builder.load(builder.gep(table, [args[1]]))

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def fetch_add(typingctx: Any, address: Any, value: Any) -> Any:  # noqa: ARG001
    """Add to the integer at an address, as other threads may do at the same time, and return what
    it was before.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        where = builder.inttoptr(args[0], context.get_value_type(types.CPointer(types.int64)))
        return builder.atomic_rmw("add", where, args[1], "seq_cst")

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def clear(typingctx: Any, address: Any, size: Any) -> Any:  # noqa: ARG001
    """Set so many bytes to 0."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        cgutils.memset(builder, builder.inttoptr(args[0], cgutils.voidptr_t), args[1], 0)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@jit_part
def view(address, size, like):
    """The numbers at an address as an array of that size and the type of `like`."""
    return carray(pointer(address, like), size)


@jit_part
def at(array, index, like):
    """The address of a number of an array at an address."""
    return array + index * like.itemsize
