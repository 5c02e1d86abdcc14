"""Calling an emitted kernel from Numba: by the address of its machine code, on elements of arrays."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def caller(arguments: str) -> Any:
    """A function for Numba code that calls kernels of those arguments (emit.Emitter's notation).

    It takes the kernel's address, then per argument an integer, or for "name*" two things, an array and the position of
    the first element to use: call(address, (a, a_start, a_outer, ...)). Arrays must be C-contiguous. No bounds are
    checked: the drivers compute every position from shapes that the plan has checked.
    """
    kinds = [argument.partition("*")[1] for argument in arguments.split()]

    @intrinsic
    def call(typingctx: Any, address: Any, operands: Any) -> Any:  # noqa: ARG001
        flat = [kind if isinstance(kind, types.Array) else types.intp for kind in operands.types]
        sig = types.void(types.intp, types.Tuple(flat))

        def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
            values, position = [], 0
            for kind in kinds:
                value = builder.extract_value(args[1], position)
                if kind:
                    array = context.make_array(signature.args[1].types[position])(context, builder, value)
                    start = builder.extract_value(args[1], position + 1)
                    value = builder.gep(array.data, [start])
                    position += 1
                values.append(value)
                position += 1
            kernel = ir.FunctionType(ir.VoidType(), [value.type for value in values])
            builder.call(builder.inttoptr(args[0], kernel.as_pointer()), values)
            return context.get_dummy_value()

        return sig, codegen

    return call
