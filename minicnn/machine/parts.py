"""How Numba compiles the functions that only kernels call.

For every function Numba optimises a module with all that the function calls in it, and makes
machine code of that. Functions that call functions that call functions are optimised once for each
level, and nobody ever runs the machine code of any but the outermost. Parts leave both to the
kernel they end up in: of the first start's compile time that is a fifth.
"""

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, PassManager, register_pass
from numba.core.typed_passes import NoPythonSupportedFeatureValidation


class PartCompiler(CompilerBase):
    """Numba's usual way from Python to LLVM, which ends there."""

    def define_pipelines(self) -> list[PassManager]:
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(IntoPart, NoPythonSupportedFeatureValidation)
        passes.finalize()
        return [passes]


@register_pass(mutates_CFG=False, analysis_only=True)
class IntoPart(FunctionPass):
    """Have the code written to a PartLibrary."""

    _name = "into_part"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        state.library = PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        return False


class PartLibrary(JITCodeLibrary):
    """A module for other modules to link, as it was written, without machine code."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:  # noqa: ARG002
        return 0

    @property
    def codegen(self) -> Any:
        return Unrun


class Unrun:
    """In place of what makes machine code."""

    @staticmethod
    def set_env(name: str, env: Any) -> None:
        """There is none that could want its environment."""
