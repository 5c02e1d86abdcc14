"""Packages that only some files need."""

from importlib.util import find_spec


def need(package: str, what: str, extra: str) -> None:
    """Raise ImportError where a package is not installed that `what` needs: "to write .onnx
    files".
    """
    if find_spec(package) is None:
        raise ImportError(
            f"minicnn needs the package {package} {what}, which is not installed: "
            f'pip install "minicnn[{extra}]"',
            name=package,
        )
