"""Picture files made to cost: small ones that ask for much, and large ones that are just allowed.

`BOMBS` is a table of functions that make them. They take a number of pixels, so that tests can use
fewer.
"""

import io
import struct
import zlib
from functools import partial

from picture_files import chunk
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of PNG's colour types


def zeros(count):
    """So many bytes of zero, compressed by zlib."""
    compress, block = zlib.compressobj(9), bytes(1 << 20)
    whole = [compress.compress(block) for _ in range(count >> 20)]
    return b"".join([*whole, compress.compress(bytes(count & 0xFFFFF)), compress.flush()])


def png(pixels, colour=2, depth=8, width=None, interlaced=0, extra=b"", data=None):
    width = width or int(pixels**0.5)
    height = pixels // width
    size = height * (1 + -(-width * depth * CHANNELS[colour] // 8)) * (1 + interlaced)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))
    palette = chunk(b"PLTE", bytes(768)) if colour == 3 else b""
    return (
        SIGNATURE
        + header
        + palette
        + extra
        + chunk(b"IDAT", data or zeros(size))
        + chunk(b"IEND", b"")
    )


def written(pixels, form, mode="RGB", **options):
    side, buffer = int(pixels**0.5), io.BytesIO()
    Image.new(mode, (side, side)).save(buffer, form, **options)
    return buffer.getvalue()


def resized(jpeg, pixels):
    """A JPEG whose header claims another size than its data have."""
    at = next(k for k in range(len(jpeg)) if jpeg[k] == 0xFF and jpeg[k + 1] in (0xC0, 0xC2))
    side = int(pixels**0.5)
    return jpeg[: at + 5] + struct.pack(">HH", side, side) + jpeg[at + 9 :]


def scanned(pixels, scans):
    """A grey progressive JPEG, and so many more scans of it, each of which refines nothing: a pass
    over all blocks.
    """
    whole = written(pixels, "JPEG", "L", progressive=True)
    # of 2^14 blocks that end at once: the code 0, and fourteen bits
    runs = pixels // 64 // (1 << 14) + 2
    bits = ("0" + "1" * 14) * runs
    data = (
        int(bits.ljust(-(-len(bits) // 8) * 8, "1"), 2)
        .to_bytes(-(-len(bits) // 8), "big")
        .replace(b"\xff", b"\xff\0")
    )
    table = b"\xff\xc4" + struct.pack(">H", 20) + b"\x10\1" + bytes(15) + b"\xe0"
    scan = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0x10, 1, 63, 0)
    return whole[:-2] + table + (scan + data) * scans + b"\xff\xd9"


def padded(jpeg, between):
    """A JPEG with something after its first marker."""
    return jpeg[:2] + between + jpeg[2:]


def gif(pixels, frame=1):
    side = int(pixels**0.5)
    picture = b"\x2c" + struct.pack("<HHHH", 0, 0, frame, frame) + b"\0\2\2\x44\1\0"
    return b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6) + picture + b"\x3b"


def tiff(pixels, bits=8, samples=1, compression=8, strips=1):
    """One whose strips are far too short."""
    side = int(pixels**0.5)
    tags = [(256, [side]), (257, [side]), (258, [bits]), (259, [compression]), (262, [1]),
        (273, [8] * strips),
            (277, [samples]), (278, [side]), (279, [100] * strips)]  # fmt: skip
    behind, table, extra = 8 + 2 + 12 * len(tags) + 4, b"", b""
    for number, values in tags:
        packed = struct.pack(f"<{len(values)}I", *values)
        place = struct.pack("<I", behind + len(extra)) if len(packed) > 4 else packed
        extra += packed if len(packed) > 4 else b""
        table += struct.pack("<HHI", number, 4, len(values)) + place
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + table + bytes(4) + extra + bytes(200)


def bmp(pixels, data):
    """Run-length encoded."""
    side = int(pixels**0.5)
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, 0, 0, 0, 256, 0)
    return (
        b"BM"
        + struct.pack("<IHHI", 54 + 1024 + len(data), 0, 0, 54 + 1024)
        + header
        + bytes(1024)
        + data
    )


MP = 1_000_000
BOMBS = {
    **{
        f"PNG {mp} MP, {name}": partial(png, mp * MP, colour, depth, extra=extra)
        for mp in (50, 41)
        for name, colour, depth, extra in (
            ("1 bit", 0, 1, b""),
            ("grey, transparent", 0, 8, chunk(b"tRNS", bytes(2))),
            ("grey, 16 bits", 0, 16, b""),
            ("RGB", 2, 8, b""),
            ("RGB, transparent", 2, 8, chunk(b"tRNS", bytes(6))),
            ("palette, transparent", 3, 8, chunk(b"tRNS", bytes(256))),
            ("RGBA, 16 bits", 6, 16, b""),
        )
    },
    "PNG, interlaced": partial(png, 41 * MP, interlaced=1),
    "PNG, a column": partial(png, 50 * MP, 0, width=1),
    "PNG, a row": partial(png, 50 * MP, 0, width=50 * MP),
    "PNG, the longest column": partial(png, 65_535, 6, width=1),
    "PNG, a million chunks": partial(png, 81, extra=chunk(b"abCd", b"") * MP),
    "PNG, as many chunks as may be": partial(png, 81, extra=chunk(b"abCd", b"") * 99_990),
    "PNG, a gigabyte too much": lambda: png(81, data=zeros(10**9)),
    "PNG, a gigabyte of text": lambda: png(81, extra=chunk(b"zTXt", b"x\0\0" + zeros(10**9))),
    "JPEG": partial(written, 50 * MP, "JPEG"),
    "JPEG, 41 MP": partial(written, 41 * MP, "JPEG"),
    "JPEG, progressive": partial(written, 50 * MP, "JPEG", progressive=True),
    "JPEG, progressive in full": partial(written, 30 * MP, "JPEG", progressive=True, subsampling=0),
    "JPEG, no data": lambda: resized(written(4096, "JPEG"), 50 * MP),
    "JPEG, progressive, no data": lambda: resized(written(4096, "JPEG", progressive=True), 50 * MP),
    "JPEG, a thousand scans": partial(scanned, 50 * MP, 1000),
    "JPEG, as many scans as may be": partial(scanned, 50 * MP, 40),
    "JPEG, fill bytes": lambda: padded(written(81, "JPEG"), b"\xff" * 10**7),
    "JPEG, as many fill bytes as may be": lambda: padded(written(81, "JPEG"), b"\xff" * 99_000),
    "JPEG, stuffed bytes": lambda: padded(written(81, "JPEG"), b"\xff\0" * 10**7),
    "JPEG, comments": lambda: padded(written(81, "JPEG"), b"\xff\xfe\0\4ab" * MP),
    "JPEG, as many comments as may be": lambda: padded(written(81, "JPEG"),
        b"\xff\xfe\0\4ab" * 99_000),
    "GIF": partial(gif, 50 * MP),
    "GIF, 36 MP": partial(gif, 36 * MP),
    "GIF, a frame beyond the screen": partial(gif, 81, frame=65_535),
    "TIFF, fractions": partial(written, 50 * MP, "TIFF", "F", compression="tiff_deflate"),
    "TIFF, fractions, 26 MP": partial(written, 26 * MP, "TIFF", "F", compression="tiff_deflate"),
    "TIFF, CMYK, 26 MP": partial(written, 26 * MP, "TIFF", "CMYK", compression="tiff_lzw"),
    "TIFF, RGB, 28 MP": partial(written, 28 * MP, "TIFF", "RGB", compression="tiff_deflate"),
    "TIFF, no data": partial(tiff, 36 * MP),
    "TIFF, a million strips": partial(tiff, MP, strips=MP),
    "TIFF, as many strips as may be": partial(tiff, MP, strips=99_000),
    "WebP": lambda: written(50 * MP, "WEBP", lossless=True, method=0),
    "WebP, 15 MP": lambda: written(15 * MP, "WEBP", lossless=True, method=0),
    "WebP, transparent, 15 MP": lambda: written(15 * MP, "WEBP", "RGBA", method=0),
    "BMP, 41 MP of runs": lambda: bmp(41 * MP, b"\xff\1" * 164_000 + b"\0\1"),
    "BMP, as many runs as may be": lambda: bmp(41 * MP, b"\1\1" * 1_990_000 + b"\0\1"),
    "BMP, too many runs": lambda: bmp(41 * MP, b"\1\1" * 20_000_000 + b"\0\1"),
    "BMP, gaps": lambda: bmp(41 * MP, b"\0\2\xff\xff" * 900_000),
}  # fmt: skip
