"""The library as it runs here, in one file that pip installs.

So an image computes with the very sources that wrote its folder, also where they are no published
version. The format is that of a wheel: a ZIP file of the package and of four files about it.
"""

import base64
import hashlib
import io
import sys
import zipfile
from pathlib import Path

PACKAGE = Path(__file__).parents[2]
VERSION = sys.modules["minicnn"].__version__  # which is above this floor
NAME = f"minicnn-{VERSION}"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the time of all files: the same sources make the same bytes

METADATA = f"""\
Metadata-Version: 2.1
Name: minicnn
Version: {VERSION}
"""

WHEEL = """\
Wheel-Version: 1.0
Generator: minicnn
Root-Is-Purelib: true
Tag: py3-none-any
"""

COMMAND = """\
[console_scripts]
minicnn = minicnn.cli:main
"""


def file_name() -> str:
    """What the file must be called."""
    return f"{NAME}-py3-none-any.whl"


def content() -> bytes:
    """The bytes of the file."""
    about = f"{NAME}.dist-info"
    files = _sources()
    for name, text in (("METADATA", METADATA), ("WHEEL", WHEEL), ("entry_points.txt", COMMAND)):
        files[f"{about}/{name}"] = text.encode()
    record = f"{about}/RECORD"
    lines = [f"{path},sha256={_digest(data)},{len(data)}" for path, data in files.items()]
    files[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return packed.getvalue()


def _sources() -> dict[str, bytes]:
    """Every file of the package by its path in it, without what Python and Numba keep beside."""
    return {
        path.relative_to(PACKAGE.parent).as_posix(): path.read_bytes()
        for path in sorted(PACKAGE.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
