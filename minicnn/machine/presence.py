"""Whether Numba is here, which makes machine code of kernels.

It needs LLVM, which browsers and some computers do not have. There the layers run through
kernels/twins, in NumPy, and there is no engine. A Numba that is here and broken, or does
not go with NumPy, is an error as ever: nobody should wonder why all is slow.
"""

try:
    import numba  # noqa: F401  the look is the test
except ModuleNotFoundError as error:
    if error.name not in ("numba", "llvmlite"):
        raise
    NUMBA = False
else:
    NUMBA = True


def needed(by: str) -> ImportError:
    """What to raise where something cannot do without: "set_threads, ..."."""
    return ImportError(
        f"{by} needs the package numba, which is not installed: pip install numba. Without it "
        "models run in NumPy, on the layers as they are written, without the engine",
        name="numba",
    )
