"""What a picture file may cost, found out before it is decoded.

A file of some bytes can ask for gigabytes, by the size that it claims, or for minutes, by a
structure that Pillow walks through byte by byte. So the structure of a file is looked over first,
in a time that is bounded, and what its pixels will take is counted, with all copies that are made
of them.

Sources: ISO/IEC 10918-1, annex B (the segments of a JPEG); ISO/IEC 15948, section 5 (the chunks of
a PNG); Adobe, TIFF revision 6.0, section 2.
"""

import re
import struct
from typing import NamedTuple

from PIL import Image

from minicnn.errors import ImageError

MAX_PIXELS = 50_000_000  # of the picture in the file
MAX_SIDE = 65_535  # pixels: a column of a pixel each costs many times what its pixels do
MAX_MEMORY = 300_000_000  # bytes, for the file, the picture and what comes between
MAX_BYTES = 150_000_000  # of the file
MAX_PARTS = (
    100_000  # chunks, segments, bytes between them, numbers in a tag: Pillow looks at each of them
)
MAX_SCANS = 50  # passes over the whole picture that a progressive JPEG asks for; ten are usual
MAX_RUNS = 4_000_000  # bytes of a run-length-encoded BMP, which Pillow decodes in Python

# bytes per pixel, else 4
STORED = {
    "1": 1,
    "L": 1,
    "P": 1,
    "I;16": 2,
    "I;16L": 2,
    "I;16B": 2,
    "I;16N": 2,
}
RESULT, REFIT = 3, 4  # as an array, and once more as a picture of Pillow's
WORK = 10_000_000  # bytes for strips that are converted, and for tables

# what Pillow skips before a marker, and its code
GAP = re.compile(rb"(?:\xff+\x00)*\xff+([^\x00\xff])")
# in entropy-coded data, where 0xff is followed by 0 or a restart
MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
# start of frame: baseline, extended, progressive; the last two arithmetic
FRAMES = {
    0xC0,
    0xC1,
    0xC2,
    0xC9,
    0xCA,
}
PAD = b"\xff\x00" * 16  # entropy-coded bits that belong to no code


class Checked(NamedTuple):
    """A file that may be given to a decoder."""

    data: bytes
    memory: int  # bytes that its decoder needs besides the pixels


def checked_file(data: bytes, name: str) -> Checked:
    """Look over the structure of a picture file. Raises ImageError when it would cost too much."""
    if len(data) > MAX_BYTES:
        raise refused(name, f"a file of at most {MAX_BYTES} bytes", "a larger one", "BYTES")
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        _check_chunks(data, name)
    elif data.startswith((b"II", b"MM")):
        _check_tags(data, name)
    elif data.startswith(b"\xff\xd8"):
        return _check_segments(data, name)
    return Checked(data, 0)


def check_size(size: tuple[int, int], name: str) -> None:
    """Raises ImageError when a picture's width and height, as the file tells them, are too much."""
    width, height = size
    if width * height > MAX_PIXELS:
        raise refused(name, f"at most {MAX_PIXELS} pixels", f"{width} x {height}", "PIXELS")
    if max(size) > MAX_SIDE:
        raise refused(name, f"sides of at most {MAX_SIDE} pixels", f"{width} x {height}", "SIDE")


def check_memory(picture: Image.Image, besides: int, name: str) -> None:
    """Raises ImageError when decoding the picture, at the size that it has now, would take too much
    memory.

    besides: bytes for the file and its decoder.
    """
    pixel = STORED.get(picture.mode, 4)
    if picture.format == "WEBP":
        pixel += 3 * 4  # two canvases for animations, and the bytes that come out of them
    elif picture.format == "GIF":
        pixel += 4  # the canvas
    elif picture.format == "TIFF":  # a strip or tile, which may be all of it
        tags = getattr(picture, "tag_v2", {})
        bits = tags.get(258, (8,))
        pixel += -(-tags.get(277, 1) * max(bits if isinstance(bits, tuple) else (bits,)) // 8)
    elif picture.format == "BMP" and besides > MAX_RUNS and _run_length_encoded(picture):
        raise refused(
            name, f"at most {MAX_RUNS} bytes of run-length-encoded BMP", f"{besides}", "RUNS"
        )
    width, height = picture.size
    needed = WORK + besides + width * height * max(pixel + RESULT, RESULT + REFIT)
    if needed > MAX_MEMORY:
        kind = f"{picture.format or 'picture'}, mode {picture.mode}"
        received = f"{width} x {height} ({kind}), which takes {needed}"
        raise refused(
            name, f"a picture that takes at most {MAX_MEMORY} bytes to decode", received, "MEMORY"
        )


def _run_length_encoded(picture: Image.Image) -> bool:
    return any(tile[0] == "bmp_rle" for tile in getattr(picture, "tile", ()))


def refused(name: str, expected: str, received: str, limit: str) -> ImageError:
    """The error that says so, and which limit it was."""
    return ImageError(
        f"{name}: expected {expected}, received {received}: make it smaller first, or raise "
        f"minicnn.data.limits.MAX_{limit}"
    )


def _check_parts(parts: int, name: str) -> None:
    if parts > MAX_PARTS:
        raise refused(name, f"at most {MAX_PARTS} parts in a file", "more", "PARTS")


def _check_chunks(data: bytes, name: str) -> None:
    """A PNG: chunks of a length, a name, contents and a checksum."""
    at, parts = 8, 0
    while at + 8 <= len(data) and data[at + 4 : at + 8] != b"IEND":
        at += 12 + int.from_bytes(data[at : at + 4], "big")
        parts += 1
        _check_parts(parts, name)


def _check_tags(data: bytes, name: str) -> None:
    """A TIFF, or a BigTIFF: tags of a number, a type and a count of values, which Pillow makes
    Python's numbers of.
    """
    order = "<" if data.startswith(b"II") else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    first, number, tag = ("Q", "Q", "HHQ8x") if big else ("I", "H", "HHI4x")
    try:
        (at,) = struct.unpack_from(order + first, data, 8 if big else 4)
        (tags,) = struct.unpack_from(order + number, data, at)
        _check_parts(tags, name)
        for k in range(tags):
            place = at + struct.calcsize(order + number) + k * struct.calcsize(order + tag)
            _, kind, count = struct.unpack_from(order + tag, data, place)
            if kind not in (1, 2, 7):  # bytes and text stay as they are
                _check_parts(count, name)
    except (struct.error, OverflowError):
        return  # damaged, which Pillow will say


def _check_segments(data: bytes, name: str) -> Checked:
    """A JPEG: segments, each after a marker; after a start of scan, entropy-coded data up to the
    next marker.

    libjpeg fills up with grey what is missing before a marker. Where a single scan holds the
    picture, its end is therefore taken away, and the decoder asks for more; else the first scan
    must have a bit for each block.
    """
    at, parts, scans, frame, memory = 2, 0, 0, None, 0
    while marker := GAP.match(data, at, at + MAX_PARTS):
        parts += len(marker[0]) - 1
        code, at = marker[1][0], marker.end()
        if code == 0xD9:  # end of image
            return Checked(data, memory)
        if code == 0x01 or 0xD0 <= code <= 0xD8:  # no segment, the marker is all
            continue
        segment = data[at + 2 : at + int.from_bytes(data[at : at + 2], "big")]
        at += 2 + len(segment)
        if code in FRAMES and frame is None and len(segment) > 5:
            frame, blocks = code, _blocks(segment)
        if code == 0xDA and frame is not None and segment:
            scans += 1
            end = MARKER.search(data, at)
            if scans == 1:
                if frame in (0xC0, 0xC1) and segment[0] == len(blocks):
                    return Checked(data[: end.start()] + PAD if end else data, 0)
                memory = 2 * 64 * sum(blocks.values())
                bits = 8 * ((end.start() if end else len(data)) - at)
                if frame in (0xC0, 0xC1, 0xC2) and bits < sum(
                    blocks.get(c, 0) for c in segment[1:-3:2]
                ):
                    raise ImageError(
                        f"{name}: expected a whole JPEG, received one whose data are missing: get "
                        "it again"
                    )
            if not end:
                return Checked(data, memory)
            at = end.start()
        if scans > MAX_SCANS:
            raise refused(name, f"at most {MAX_SCANS} scans in a JPEG", "more", "SCANS")
        _check_parts(parts, name)
    if data.startswith(b"\xff", at):  # a gap that may be too long
        _check_parts(len(data) - at, name)
    return Checked(data, memory)


def _blocks(frame: bytes) -> dict[int, int]:
    """Blocks of 8 x 8 pixels in each component of a frame: precision, height, width, number, then 3
    bytes for each.
    """
    height, width = struct.unpack_from(">HH", frame, 1)
    parts = [(frame[k], frame[k + 1] >> 4, frame[k + 1] & 15) for k in range(6, len(frame) - 2, 3)]
    across, down = (max((part[k] for part in parts), default=1) or 1 for k in (1, 2))
    return {c: -(-width * h // (8 * across)) * -(-height * v // (8 * down)) for c, h, v in parts}
