"""A .keras file is a ZIP: config.json says what the model is, model.weights.h5 its weights."""

import io
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from typing import IO, Any

from minicnn.errors import ModelFileError
from minicnn.saving import hdf5
from minicnn.saving.strict_json import parse

CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"
MOST_JSON = 16 * 2**20  # bytes
CHUNK = 2**20
LOCAL = 30  # bytes before the name, in front of a member
DATE = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes
FAILURES = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error)


class Window(io.RawIOBase):
    """A part of an open file, as a file."""

    def __init__(self, file: FileIO, start: int, size: int):
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        rest = memoryview(buffer).cast("B")[: max(self._size - self._at, 0)]
        self._file.seek(self._start + self._at)
        count = self._file.readinto(rest) or 0
        self._at += count
        return count


class Archive:
    """A .keras file that is open.

    Raises ModelFileError for a ZIP that has not just one of each member that is needed.
    """

    def __init__(self, path: str, file: FileIO):
        self.path, self._file = path, file
        with self._failing():
            self._zip = zipfile.ZipFile(file)
        self.size = file.seek(0, io.SEEK_END)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        with hdf5.failing(self.path):
            try:
                yield
            except FAILURES as error:
                raise ValueError(str(error)) from error

    def json(self, name: str) -> dict[str, Any]:
        """What a member says."""
        with self._failing():
            member = self._member(name)
            if member.file_size > MOST_JSON:
                raise ValueError(f"{name} has {member.file_size:,} bytes")
            return parse(self._zip.read(member).decode())

    @contextmanager
    def weights(self) -> Iterator[hdf5.Group]:
        """The root of model.weights.h5."""
        with self._failing():
            member = self._member(WEIGHTS)
            plain = member.compress_type == zipfile.ZIP_STORED
            file = self._window(member) if plain else self._unpacked(member)
        with file, hdf5.opened(self.path, file) as root:
            yield root

    def _member(self, name: str) -> zipfile.ZipInfo:
        found = [one for one in self._zip.infolist() if one.filename == name]
        if len(found) != 1:
            names = ", ".join(one.filename for one in self._zip.infolist()[:5])
            raise ModelFileError(
                f"{self.path!r} expected a file of Keras, a ZIP with one {name}, received "
                f"{len(found)} of them among {names or 'nothing'!s:.200}"
            )
        if found[0].flag_bits & 1:
            raise ValueError(f"{name} is encrypted")
        if found[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name} is compressed in another way than Keras does")
        return found[0]

    def _window(self, member: zipfile.ZipInfo) -> Window:
        """A member that is not compressed, in its place; its bytes are compared with their sum."""
        self._file.seek(member.header_offset)
        head = self._file.read(LOCAL) or b""
        signature, *_, name, extra = struct.unpack("<4s5H3L2H", head)
        start = member.header_offset + LOCAL + name + extra
        if signature != b"PK\x03\x04" or start + member.file_size > self.size:
            raise ValueError(f"{member.filename} is not where it should be")
        window, total = Window(self._file, start, member.file_size), 0
        while part := window.read(CHUNK):
            total = zlib.crc32(part, total)
        if total != member.CRC:
            raise ValueError(f"the bytes of {member.filename} are not those that were written")
        window.seek(0)
        return window

    def _unpacked(self, member: zipfile.ZipInfo) -> IO[bytes]:
        """A member that is compressed, written out to a temporary file."""
        if member.file_size > self.size + hdf5.SPARE:
            raise ValueError(f"{member.filename} unpacks to {member.file_size:,} bytes")
        file = tempfile.TemporaryFile()
        with self._zip.open(member) as packed:
            while part := packed.read(CHUNK):
                file.write(part)
        file.seek(0)
        return file


def packed(config: str, metadata: str, weights: bytes) -> bytes:
    """The bytes of a .keras file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, content in ((METADATA, metadata), (CONFIG, config), (WEIGHTS, weights)):
            archive.writestr(zipfile.ZipInfo(name, DATE), content)
    return made.getvalue()
