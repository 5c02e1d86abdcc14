"""Machine code from Python: the few vector operations that the engine's kernels are written in, and
their compiler.

An Emitter builds one function in LLVM's intermediate language. Its values are registers of `lanes`
numbers, so what one writes with it is what the processor does; loops are functions from the values
before a turn to the values after it.
"""

import ctypes
from collections.abc import Callable, Hashable, Sequence
from functools import cache, update_wrapper

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from minicnn.machine import cache as store
from minicnn.machine import processor
from minicnn.machine.operands import Operands, kinds
from minicnn.machine.workspace import LINE

NAME = "kernel"  # of every emitted function, in an object file of its own
I64, I32, I8 = ir.IntType(64), ir.IntType(32), ir.IntType(8)


class Emitter:
    """One function under construction.

    Args:
        dtype: float32 or float64, the type of its numbers.
        operands: what it is called with; see operands.py.
        aliases: whether two of the addresses may be of the same array.
    """

    def __init__(self, dtype: str, operands: Operands, aliases: bool = False):
        isa = processor.instruction_set()
        self.bits = 8 * np.dtype(dtype).itemsize
        self.element = ir.FloatType() if self.bits == 32 else ir.DoubleType()
        self.lanes = isa.bits // self.bits
        self.vector = ir.VectorType(self.element, self.lanes)
        self.module = ir.Module()
        self.module.triple = llvm.get_process_triple()
        self.operands = kinds(operands)
        types = {"": I64, "*": self.element.as_pointer(), "*u8": I8.as_pointer()}
        arguments = [types[kind] for _, kind in self.operands]
        self.function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), arguments), NAME)
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        for value in self.function.args:
            if isinstance(value.type, ir.PointerType) and not aliases:
                value.add_attribute("noalias")
        names = [name for name, _ in self.operands]
        self.arg: dict[str, ir.Value] = dict(zip(names, self.function.args, strict=True))
        self.fma = isa.fma
        self._filled: dict[tuple[str, int], ir.Constant] = {}

    # Numbers and addresses

    def integer(self, value: int) -> ir.Constant:
        return ir.Constant(I64, value)

    def fill(self, value: float, lanes: int = 0) -> ir.Constant:
        """A register that holds one number in all (or so many) lanes."""
        key = float(value).hex(), lanes or self.lanes  # 0 and -0 are equal, but not the same
        # to write each out at every use would more than double the time it takes to emit
        if key not in self._filled:
            self._filled[key] = ir.Constant(ir.VectorType(self.element, key[1]), [value] * key[1])
        return self._filled[key]

    def at(self, pointer: ir.Value, *offsets: ir.Value) -> ir.Value:
        """The address that many elements further on; never through integers, which would hide what
        points where.
        """
        kind = I8 if pointer.type == I8.as_pointer() else self.element
        for offset in offsets:
            pointer = self.builder.gep(pointer, [offset], source_etype=kind)
        return pointer

    def load(self, pointer: ir.Value, numbers: int = 0) -> ir.Value:
        """Some (`lanes`) numbers from an address on, which need not be aligned (LLVM would assume
        so by default).
        """
        vector = ir.VectorType(self.element, numbers or self.lanes)
        value = self.builder.load(self.builder.bitcast(pointer, vector.as_pointer()), typ=vector)
        value.align = self.bits // 8
        return value

    def store(self, value: ir.Value, pointer: ir.Value) -> None:
        self.builder.store(value, self.builder.bitcast(pointer, value.type.as_pointer())).align = (
            self.bits // 8
        )

    def stream(self, value: ir.Value, pointer: ir.Value) -> None:
        """Store a register that is as wide as a line of the cache, at the address of one: past the
        cache, which neither fetches that line first nor gives up another for it.

        Such stores may come late: other threads see them after this one's next fetch_add, of which
        it does one when it meets the others (team.meet).
        """
        place = self.builder.bitcast(pointer, value.type.as_pointer())
        store = self.builder.store(value, place)
        store.align = LINE
        # LLVM's own word for it
        store.set_metadata("nontemporal", self.module.add_metadata([ir.Constant(I32, 1)]))

    def load_bytes(self, pointer: ir.Value, numbers: int = 0) -> ir.Value:
        """Some (`lanes`) bytes from an address on, as 32-bit integers."""
        narrow = ir.VectorType(I8, numbers or self.lanes)
        value = self.builder.load(self.builder.bitcast(pointer, narrow.as_pointer()), typ=narrow)
        value.align = 1
        return self.builder.zext(value, ir.VectorType(I32, narrow.count))

    def store_bytes(self, value: ir.Value, pointer: ir.Value) -> None:
        narrow = self.builder.trunc(value, ir.VectorType(I8, value.type.count))
        self.builder.store(
            narrow, self.builder.bitcast(pointer, narrow.type.as_pointer())
        ).align = 1

    def spread(self, scalar: ir.Value, lanes: int = 0) -> ir.Value:
        """One number, or one 32-bit integer, in all (or so many) lanes."""
        vector = ir.VectorType(scalar.type, lanes or self.lanes)
        undefined = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
        lane_0 = ir.Constant(ir.VectorType(I32, vector.count), [0] * vector.count)
        return self.builder.shuffle_vector(first, undefined, lane_0)

    def prefetch(self, pointer: ir.Value, *, write: bool = False) -> None:
        """Ask for the line at an address, which will be read, or written, soon (and need not
        exist).
        """
        name = "llvm.prefetch.p0"
        function = self.module.globals.get(name)
        if function is None:
            kind = ir.FunctionType(ir.VoidType(), [I8.as_pointer(), I32, I32, I32])
            function = ir.Function(self.module, kind, name)
        purpose, keep, data = (ir.Constant(I32, value) for value in (int(write), 3, 1))
        self.builder.call(
            function, [self.builder.bitcast(pointer, I8.as_pointer()), purpose, keep, data]
        )

    def choose(self, x: ir.Value, y: ir.Value, lanes: Sequence[int]) -> ir.Value:
        """A register of these lanes of x and, counted on from there, of y."""
        return self.builder.shuffle_vector(
            x, y, ir.Constant(ir.VectorType(I32, len(lanes)), list(lanes))
        )

    def broadcast(self, pointer: ir.Value) -> ir.Value:
        """The one number at an address, in all lanes."""
        return self.spread(self.builder.load(pointer, typ=self.element))

    def multiply_add(self, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
        """x * y + z."""
        if self.fma:
            name = f"llvm.fma.v{x.type.count}f{self.bits}"
            function = self.module.globals.get(name)
            if function is None:
                function = ir.Function(self.module, ir.FunctionType(x.type, [x.type] * 3), name)
            return self.builder.call(function, [x, y, z])
        return self.builder.fadd(self.builder.fmul(x, y), z)

    def choice(
        self, relation: str, x: ir.Value, y: ir.Value, then: ir.Value, other: ir.Value
    ) -> ir.Value:
        """Lane by lane `then` where x < y, or what the relation says, else `other`, and for NaN."""
        return self.builder.select(self.builder.fcmp_ordered(relation, x, y), then, other)

    # Control

    def loop(
        self,
        count: ir.Value,
        values: Sequence[ir.Value],
        body: Callable[[ir.Value, list[ir.Value]], Sequence[ir.Value]],
    ) -> list[ir.Value]:
        """for index in range(count): values = body(index, values); returns the last values."""
        build = self.builder
        before = build.block
        head, turn, after = (self.function.append_basic_block(n) for n in ("head", "turn", "after"))
        build.branch(head)
        build.position_at_end(head)
        index = build.phi(I64)
        index.add_incoming(self.integer(0), before)
        held = []
        for value in values:
            held.append(build.phi(value.type))
            held[-1].add_incoming(value, before)
        build.cbranch(build.icmp_signed("<", index, count), turn, after)
        build.position_at_end(turn)
        updated = body(index, held)
        index.add_incoming(build.add(index, self.integer(1)), build.block)
        for phi, value in zip(held, updated, strict=True):
            phi.add_incoming(value, build.block)
        build.branch(head)
        build.position_at_end(after)
        return held

    def compile(self) -> bytes:
        """Finish the function and return its machine code, as an object file."""
        machine = host()
        return machine.emit_object(self._optimized(machine))

    def assembly(self, machine: llvm.TargetMachine) -> str:
        """Finish the function; returns what that processor executes for it, to read and check."""
        self.module.triple = machine.triple
        return machine.emit_assembly(self._optimized(machine))

    def _optimized(self, machine: llvm.TargetMachine) -> llvm.ModuleRef:
        self.builder.ret_void()
        module = llvm.parse_assembly(str(self.module))
        module.verify()
        tuning = llvm.PipelineTuningOptions(speed_level=3)
        tuning.loop_unrolling = (
            False  # a loop's registers are counted out: two turns side by side would not fit
        )
        passes = llvm.create_pass_builder(machine, tuning)
        passes.getModulePassManager().run(module, passes)
        return module

    def prototype(self) -> type:
        """The function's type for ctypes, by which tests call it."""
        types = [ctypes.c_void_p if kind else ctypes.c_int64 for _, kind in self.operands]
        return ctypes.CFUNCTYPE(None, *types)


def kernel(emitter: Callable[..., Emitter]) -> Callable[..., int]:
    """Make a function that emits a kernel for some arguments one that returns the address of its
    machine code.

    It is compiled once: later calls, and later processes, find it in the cache. `emitter` stays as
    the attribute emit.
    """

    @cache
    def address(*arguments: Hashable) -> int:
        name, key = (
            f"{emitter.__module__}.{emitter.__qualname__}",
            (arguments, processor.target(), llvm.get_process_triple()),
        )
        code = store.load(name, key)
        if code is None:
            code = emitter(*arguments).compile()
            store.save(name, key, code)
        return link(code)

    address.emit = emitter  # type: ignore[attr-defined]
    return update_wrapper(address, emitter)


_engines: list[llvm.ExecutionEngine] = []  # machine code lives as long as its engine


def link(code: bytes) -> int:
    """Load an object file and return the address of its function."""
    machine = host()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _engines.append(engine)
    return engine.get_function_address(NAME)


def host() -> llvm.TargetMachine:
    """LLVM's compiler for the target."""
    cpu, features = processor.target()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=cpu, features=features, opt=3, jit=True, codemodel="jitdefault"
    )
