"""Damaged picture files by the thousand: each is either read or refused with ImageError, and
nothing else happens.

    python tests/check_image_fuzz.py [count]
    python tests/check_image_fuzz.py bombs

prints a JSON line (the last one is docs/results/image_fuzz.json); the second form does so for the
files of picture_bombs.py, which are made to cost (docs/results/image_bombs.json). It exits with 1
when something else happened: a crash, another exception, a warning, more than 300 MB, or more than
five seconds for one file. The files are PNG, JPEG, WebP, BMP, GIF and TIFF in many modes, mutated:
bits flipped, bytes set to the values that break decoders, parts cut out, cut off, doubled, or
spliced in from other files; half of the PNGs with checksums made right again, so that the damage
gets past them. The n-th file is the same on every machine with the same Pillow.
"""

import collections
import io
import json
import os
import platform
import struct
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import PIL
from picture_bombs import BOMBS
from picture_files import MODES, ORIENTATIONS, chunk, picture_file
from PIL import Image

from minicnn.data.image import read_fitted, read_image
from minicnn.errors import ImageError

# files, and how many of them one process reads: a crash costs no more than that
COUNT, BATCH = (
    2000,
    500,
)
MEMORY, SECONDS = 300, 5  # megabytes, and processor time for one file
VERSIONS = {
    "pillow": PIL.__version__,
    "python": platform.python_version(),
    "platform": f"{platform.system()} {platform.machine()}",
}
EXTREME = [
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\0\0",
    b"\xff\xff",
    b"\0\0\0\0",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
]


def whole_files():
    """Files that are not damaged: all modes by hand, and what Pillow can write of other kinds."""
    files = [picture_file(mode, orientation)[0] for mode in MODES for orientation in ORIENTATIONS][
        ::5
    ]
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (6, 8, 4)).astype(np.uint8)).resize((40, 30))
    exif = Image.Exif()
    exif[274] = 6
    kinds = {
        "JPEG": [
            ("RGB", {}),
            ("RGB", {"progressive": True, "exif": exif}),
            ("L", {}),
            ("CMYK", {"quality": 95}),
        ],
        "WEBP": [
            ("RGB", {"exif": exif}),
            ("RGBA", {"lossless": True}),
            ("RGBA", {"save_all": True}),
        ],
        "GIF": [("P", {}), ("RGBA", {"save_all": True}), ("L", {"interlace": 1})],
        "BMP": [("1", {}), ("P", {}), ("L", {}), ("RGB", {}), ("RGBA", {})],
        "PNG": [
            ("RGBA", {"save_all": True}),
            ("P", {"bits": 4}),
            ("RGB", {"exif": exif, "dpi": (72, 72)}),
        ],
        "TIFF": [
            ("RGB", {"compression": name})
            for name in ("tiff_lzw", "jpeg", "tiff_adobe_deflate", "packbits")
        ]
        + [("1", {"compression": name}) for name in ("group3", "group4")]
        + [
            ("LAB", {}),
            ("CMYK", {"compression": "tiff_lzw"}),
            ("RGB", {"save_all": True}),
            ("P", {}),
        ],
    }
    for name, variants in kinds.items():
        for mode, options in variants:
            picture = smooth.convert("RGB").convert(mode) if mode != "RGBA" else smooth
            more = {"append_images": [picture.rotate(90)]} if "save_all" in options else {}
            buffer = io.BytesIO()
            picture.save(buffer, name, **options, **more)
            files.append(buffer.getvalue())
    return files


def mutated(files, number):
    """The file of that number."""
    rng = np.random.default_rng((20, number))
    data = bytearray(files[number % len(files)])
    for _ in range(rng.integers(1, 6)):
        # a decoder decides most in the first hundred bytes, but all is over when the first eight
        # are not its own
        reach = len(data) if rng.random() < 0.5 else min(len(data), 100)
        at = int(rng.integers(8 * (rng.random() < 0.95), max(reach, 9)))
        length = int(rng.integers(1, 30))
        what = rng.integers(7)
        if what == 0:
            data[at : at + 1] = bytes(
                byte ^ (1 << int(rng.integers(8))) for byte in data[at : at + 1]
            )
        elif what in (1, 2):
            value = EXTREME[rng.integers(len(EXTREME))]
            data[at : at + len(value)] = value
        elif what == 3:
            del data[at : at + length]
        elif what == 4:
            data[at:at] = data[at : at + length]
        elif what == 5:
            other = files[rng.integers(len(files))]
            start = int(rng.integers(len(other)))
            data[at : at + length] = other[start : start + length]
        elif rng.random() < 0.5:
            del data[at:]
    return repaired(bytes(data)) if number % 2 else bytes(data)


def repaired(data):
    """A PNG with the right checksum in each of its chunks; anything else as it is."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        return data
    parts, at = [data[:8]], 8
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        parts.append(chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return b"".join(parts)


def try_files(start, stop):
    """Read the files of these numbers; what happened, counted."""
    files, seen = whole_files(), collections.Counter()
    slowest, unexpected = 0.0, []
    for number in range(start, stop):
        data, began = mutated(files, number), time.process_time()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                picture = read_image(data) if number % 3 else read_fitted(data, (32, 32))
                seen["read"] += 1
                assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
            except ImageError as error:
                seen["refused"] += 1
                seen[type(error.__cause__).__name__] += 1
            except BaseException as error:  # the point of the exercise
                unexpected.append(f"{number}: {type(error).__name__}: {error}")
        unexpected += [f"{number}: warning: {warning.message}" for warning in caught]
        slowest = max(slowest, time.process_time() - began)
    return {"seen": dict(seen), "slowest": slowest, "unexpected": unexpected}


def peak_memory():
    """Of this process so far, in megabytes."""
    import resource  # not on Windows, where the short form of this check runs all the same

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1e6 if sys.platform == "darwin" else 1e3
    )


def try_bomb(path, reader):
    """Read one file; what happened, with the memory that it took and the processor time."""
    read = {"read_image": read_image, "read_fitted": lambda data: read_fitted(data, (32, 32))}[
        reader
    ]
    read(picture_file("RGB", 1)[0])  # what Pillow loads at its first picture counts for none
    before, began = peak_memory(), time.process_time()
    try:
        ending = f"read {read(path).shape}"
    except ImageError as error:
        ending = f"refused {error}"
    return {
        "ending": ending,
        "seconds": time.process_time() - began,
        "memory": peak_memory() - before,
    }


def bombs():
    """Every bomb with both readers, each in a process of its own."""
    rows, unexpected = {}, []
    for name, make in BOMBS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "bomb")
            with open(path, "wb") as file:
                file.write(make())
            for reader in ("read_image", "read_fitted"):
                arguments = [sys.executable, __file__, "bomb", path, reader]
                done = subprocess.run(arguments, capture_output=True, text=True, check=False)
                if done.returncode:
                    unexpected.append(f"{name}: exit code {done.returncode}: {done.stderr[-200:]}")
                else:
                    rows[f"{name}: {reader}"] = json.loads(done.stdout)
    slowest = max(rows, key=lambda row: rows[row]["seconds"])
    largest = max(rows, key=lambda row: rows[row]["memory"])
    beyond = [row for row, r in rows.items() if r["seconds"] > SECONDS or r["memory"] > MEMORY]
    result = {
        "check": "pictures made to cost", "passed": not (unexpected or beyond), "tried": len(rows),
        "read": sum(row["ending"].startswith("read") for row in rows.values()),
        "refused": sum(row["ending"].startswith("refused") for row in rows.values()),
        "unexpected": unexpected, "beyond_the_bars": beyond,
        "slowest": slowest, "slowest_cpu_seconds": round(rows[slowest]["seconds"], 3),
        "largest": largest, "largest_memory_mb": round(rows[largest]["memory"]),
    }  # fmt: skip
    print(json.dumps(result | VERSIONS))
    return 0 if result["passed"] else 1


def main(count):
    total, crashes, said, unexpected, slowest, peak = collections.Counter(), [], [], [], 0.0, 0.0
    for start in range(0, count, BATCH):
        arguments = [sys.executable, __file__, str(start), str(min(start + BATCH, count))]
        done = subprocess.run(
            arguments, capture_output=True, text=True, env=os.environ, check=False
        )
        # libtiff, in C, says on stderr what is wrong; nobody can ask it not to
        said += done.stderr.splitlines()
        if done.returncode:
            crashes.append(f"files {start} to {start + BATCH}: exit code {done.returncode}")
            continue
        batch = json.loads(done.stdout)
        total.update(batch["seen"])
        unexpected += batch["unexpected"]
        slowest, peak = max(slowest, batch["slowest"]), max(peak, batch["peak"])
    good = not (crashes or unexpected) and peak <= MEMORY and slowest <= SECONDS
    result = {
        "check": "damaged pictures", "passed": good, "tried": count, "read": total.pop("read", 0),
        "refused": total.pop("refused", 0), "crashes": crashes, "unexpected": unexpected,
        "lines_of_libtiff": len(said),
        "slowest_cpu_seconds": round(slowest, 3), "peak_memory_mb": round(peak),
        "causes": dict(total.most_common()),
    }  # fmt: skip
    print(json.dumps(result | VERSIONS), flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["bomb"]:
        print(json.dumps(try_bomb(*sys.argv[2:])))
    elif sys.argv[1:2] == ["bombs"]:
        sys.exit(bombs())
    elif len(sys.argv) == 3:
        found = try_files(int(sys.argv[1]), int(sys.argv[2]))
        print(json.dumps(found | {"peak": peak_memory()}))
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT))
