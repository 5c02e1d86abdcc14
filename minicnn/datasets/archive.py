"""Read known files out of a tar archive or a folder, into memory, trusting neither.

The standard library's tarfile also understands links, devices, sparse files, extension records and
negative sizes, and `extractall` writes wherever the archive says; that is where its security holes
are (CVE-2007-4559, CVE-2024-6232, CVE-2025-4517, CVE-2025-8194 ...). Half a dozen plain files need
none of it, so this reader knows one thing, the header of a plain file, and refuses the rest.
Nothing is ever written, no name in the archive is ever used as a path.

Source: POSIX.1-2017, pax, "ustar Interchange Format".
"""

import gzip
import io
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

from minicnn.errors import DataError

BLOCK = 512
MEMBER_LIMIT = 32_000_000  # bytes; the largest file of CIFAR-10 has 31 035 999
TOTAL_LIMIT = 256_000_000  # bytes after decompression; CIFAR-10 and CIFAR-100 have 186 million
HEADER_LIMIT = 100  # CIFAR-10 has 9, CIFAR-100 has 5
GZIP_MAGIC = b"\x1f\x8b"


def read_folder(
    folder: Path, names: Collection[str], largest: int = MEMBER_LIMIT
) -> Iterator[tuple[str, bytes]]:
    """`(name, contents)` of the files of these names in the folder; a name that is not there is
    left out.

    A file of more than `largest` bytes raises DataError.
    """
    for name in names:
        path = folder / name
        if not path.is_file():
            continue
        try:
            with path.open("rb") as file:
                contents = file.read(largest + 1)
        except OSError as error:
            raise DataError(f"{path}: expected a readable file, received: {error}") from error
        if len(contents) > largest:
            raise DataError(
                f"{path}: expected at most {largest} bytes, received {path.stat().st_size}"
            )
        yield name, contents


def read_tar(
    path: Path, names: Collection[str], largest: int = MEMBER_LIMIT
) -> Iterator[tuple[str, bytes]]:
    """`(name, contents)` of every plain file in a .tar or .tar.gz archive, in the archive's order.

    A member that is not a plain file, has a name that is not in `names` or comes twice, is larger
    than `largest` bytes or damaged raises DataError; so does an archive that breaks off or fails
    gzip's checksum.
    """
    try:
        with _open(path) as stream:
            yield from _members(_Reader(stream, path), path, names, largest)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"{path}: expected a whole archive, received {path.stat().st_size} bytes that break "
            "off or are damaged "
            f"({error}): download it again"
        ) from error


def _open(path: Path) -> io.BufferedIOBase:
    """The uncompressed archive as a stream; a browser may have unwrapped the gzip already."""
    start = beginning(path)
    if start.startswith(GZIP_MAGIC):
        return gzip.open(path)
    if start[257:262] == b"ustar":
        return path.open("rb")
    raise DataError(f"{path}: expected a tar.gz archive, received {looks_like(start)}")


def beginning(path: Path) -> bytes:
    """The first block of a file."""
    with path.open("rb") as file:
        return file.read(BLOCK)


def looks_like(start: bytes) -> str:
    """What a file is that is not what was expected, by its beginning."""
    web_page = (
        ": a web page was saved in its place, download it again"
        if start.lstrip().startswith(b"<")
        else ""
    )
    return f"a file that starts with {start[:40]!r}{web_page}"


class _Reader:
    """Exact reads from a stream that may be a decompression bomb."""

    def __init__(self, stream: io.BufferedIOBase, path: Path) -> None:
        self.stream = stream
        self.path = path
        self.left = TOTAL_LIMIT

    def read(self, count: int) -> bytes:
        """The next `count` bytes, fewer only at the end."""
        self.left -= count
        if self.left < 0:
            raise DataError(
                f"{self.path}: expected at most {TOTAL_LIMIT} bytes when unpacked, received more"
            )
        return self.stream.read(count)


def _members(
    reader: _Reader, path: Path, names: Collection[str], largest: int
) -> Iterator[tuple[str, bytes]]:
    folders = {name.rpartition("/")[0] for name in names}
    headers, seen = 0, set()
    while any(header := reader.read(BLOCK)):  # a block of zeros, or nothing, ends the archive
        headers += 1
        name, kind, size = _parse(header, path)
        # a pax record, such as a fractional time stamp: what it says is not used
        extension = kind in b"xg"
        known = (
            extension
            or (kind == b"5" and name.rstrip("/") in folders)
            or (kind in b"0\0" and name in names)
        )
        if not known or name in seen or size > largest or headers > HEADER_LIMIT:
            raise DataError(
                f"{path}: expected {len(names)} plain files such as {min(names)!r}, each at most "
                f"{largest} bytes and once, received {name!r} (type {kind!r}, {size} bytes): "
                "is it another data set?"
            )
        contents = reader.read(size + -size % BLOCK)[:size]
        if len(contents) < size:
            raise EOFError(f"{name!r} has {len(contents)} of {size} bytes")
        if name in names and not extension:
            seen.add(name)
            yield name, contents
    while reader.read(1 << 20):  # gzip compares its checksum at the very end
        pass


def _parse(header: bytes, path: Path) -> tuple[str, bytes, int]:
    """Name, type and size of a member.

    Bytes: 0 name, 124 size, 148 checksum, 156 type, 345 prefix of the name.
    """
    if len(header) < BLOCK or sum(header) - sum(header[148:156]) + 8 * ord(" ") != _octal(
        header[148:156]
    ):
        raise DataError(
            f"{path}: expected the header of a tar member, received {header[:40]!r}: download it "
            "again"
        )
    name, prefix = (
        field.split(b"\0")[0].decode("latin-1") for field in (header[:100], header[345:500])
    )
    size = _octal(header[124:136])
    if size < 0:
        raise DataError(
            f"{path}: expected the size of {name!r} as octal digits, received {header[124:136]!r}"
        )
    name = f"{prefix}/{name}" if prefix and header[257:262] == b"ustar" else name
    return name.removeprefix("./"), header[156:157], size


def _octal(field: bytes) -> int:
    """The number in a header field, -1 where it is none (int() alone would take signs and
    underscores).
    """
    digits = field.strip(b" \0")
    return int(digits, 8) if digits and not digits.strip(b"01234567") else -1
