"""Picture files written byte by byte, without Pillow, in twelve modes and eight orientations, and
what they show.

What a mode shows is written down here from its definition; what an orientation means, from the Exif
standard.
"""

import struct
import zlib

import numpy as np

# Where the first stored row and the first stored column belong in the upright picture: Exif 2.32,
# table 6, tag 274.
ORIENTATIONS = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def stored(upright, orientation):
    """The rows in which a camera that was held so stores a picture."""
    row_side, column_side = ORIENTATIONS[orientation]
    height, width = upright.shape[:2]
    swapped = row_side in ("left", "right")
    shape = (width, height) if swapped else (height, width)
    result = np.empty((*shape, *upright.shape[2:]), upright.dtype)
    for row in range(shape[0]):
        for column in range(shape[1]):
            place = {row_side: row, column_side: column}
            y = place["top"] if "top" in place else height - 1 - place["bottom"]
            x = place["left"] if "left" in place else width - 1 - place["right"]
            result[row, column] = upright[y, x]
    return result


def png(rows, colour_type, depth, orientation=1, palette=b"", transparency=b""):
    """A PNG of rows (H, W) or (H, W, C) of numbers below 2**depth. ISO/IEC 15948."""
    height, width = rows.shape[:2]
    if depth == 1:
        lines = [np.packbits(row).tobytes() for row in rows]
    else:
        lines = [row.astype(">u2" if depth == 16 else np.uint8).tobytes() for row in rows]
    exif = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)),
        (b"eXIf", exif),
    ]
    chunks += [(b"PLTE", palette)] if palette else []
    chunks += [(b"tRNS", transparency)] if transparency else []
    chunks += [(b"IDAT", zlib.compress(b"".join(b"\0" + line for line in lines))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*parts) for parts in chunks)


def chunk(kind, data):
    """One chunk of a PNG, with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def tiff(rows, photometric, orientation=1, order="<", floats=False):
    """An uncompressed TIFF of rows (H, W) or (H, W, C). Adobe, TIFF revision 6.0."""
    height, width = rows.shape[:2]
    samples = rows.shape[2] if rows.ndim == 3 else 1
    data = rows.astype(rows.dtype.newbyteorder(order)).tobytes()
    entries = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [8 * rows.dtype.itemsize] * samples),
        259: (3, [1]),
        262: (3, [photometric]),
        273: (4, [8]),
        274: (3, [orientation]),
        277: (3, [samples]),
        278: (4, [height]),
        279: (4, [len(data)]),
        339: (3, [3 if floats else 1] * samples),
    }
    if photometric == 6:
        entries[530] = (3, [1, 1])  # no subsampling
    start = 8 + len(data) + len(data) % 2
    table, extra = b"", b""
    behind = start + 2 + 12 * len(entries) + 4
    for tag, (kind, values) in sorted(entries.items()):
        packed = b"".join(struct.pack(order + {3: "H", 4: "I"}[kind], value) for value in values)
        if len(packed) > 4:
            place = struct.pack(order + "I", behind + len(extra))
            extra += packed
        else:
            place = packed.ljust(4, b"\0")
        table += struct.pack(order + "HHI", tag, kind, len(values)) + place
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", start)
    return (
        (head + data).ljust(start, b"\0")
        + struct.pack(order + "H", len(entries))
        + table
        + bytes(4)
        + extra
    )


def grey(levels):
    return np.repeat(np.asarray(levels, np.float64)[..., None], 3, axis=2)


def over_white(colours, alpha):
    a = alpha[..., None] / 255
    return colours * a + 255 * (1 - a)


HEIGHT, WIDTH = 5, 7
_draw = np.random.default_rng(7)
_bytes = _draw.integers(0, 256, (HEIGHT, WIDTH, 4)).astype(np.uint8)
_words = _draw.integers(0, 65536, (HEIGHT, WIDTH)).astype(np.uint16)
_bits = _draw.integers(0, 2, (HEIGHT, WIDTH)).astype(np.uint8)
_indices = _draw.integers(0, 8, (HEIGHT, WIDTH)).astype(np.uint8)
_palette = _draw.integers(0, 256, (8, 3)).astype(np.uint8)
_opacity = np.array([0, 255, 128, 1, 254, 60, 200, 255], np.uint8)
_fractions = _draw.random((HEIGHT, WIDTH)).astype(np.float32)
_y, _cb, _cr = (_bytes[..., k].astype(np.float64) for k in range(3))
_ycc = np.stack([_y + 1.402 * (_cr - 128), _y - 0.344136 * (_cb - 128) - 0.714136 * (_cr - 128),
                 _y + 1.772 * (_cb - 128)], axis=2)  # fmt: skip

# mode -> (what is stored, how it is written, what it shows (H, W, 3))
MODES = {
    "1": (_bits, lambda rows, o: png(rows, 0, 1, o), grey(_bits * 255)),
    "L": (_bytes[..., 0], lambda rows, o: png(rows, 0, 8, o), grey(_bytes[..., 0])),
    "LA": (
        _bytes[..., :2],
        lambda rows, o: png(rows, 4, 8, o),
        over_white(grey(_bytes[..., 0]), _bytes[..., 1]),
    ),
    "P": (_indices, lambda rows, o: png(rows, 3, 8, o, _palette.tobytes()), _palette[_indices]),
    "P+tRNS": (
        _indices,
        lambda rows, o: png(rows, 3, 8, o, _palette.tobytes(), _opacity.tobytes()),
        over_white(_palette[_indices], _opacity[_indices]),
    ),
    "RGB": (_bytes[..., :3], lambda rows, o: png(rows, 2, 8, o), _bytes[..., :3]),
    "RGBA": (
        _bytes,
        lambda rows, o: png(rows, 6, 8, o),
        over_white(_bytes[..., :3], _bytes[..., 3]),
    ),
    "I;16": (_words, lambda rows, o: png(rows, 0, 16, o), grey(_words / 257)),
    "I;16B": (_words, lambda rows, o: tiff(rows, 1, o, ">"), grey(_words / 257)),
    "CMYK": (
        _bytes,
        lambda rows, o: tiff(rows, 5, o),
        (255.0 - _bytes[..., :3]) * (255.0 - _bytes[..., 3:]) / 255,
    ),
    "YCbCr": (_bytes[..., :3], lambda rows, o: tiff(rows, 6, o), np.clip(_ycc, 0, 255)),
    "F": (_fractions, lambda rows, o: tiff(rows, 1, o, floats=True), grey(_fractions * 255.0)),
}


def picture_file(mode, orientation):
    """(the bytes of a file, the numbers (H, W, 3) that it shows)."""
    values, write, shown = MODES[mode]
    return write(stored(values, orientation), orientation), np.asarray(shown, np.float64)
