"""What a picture file may cost: structure, pixels and memory are looked at before anything is
decoded.
"""

import contextlib
import io
import json
from pathlib import Path

import check_image_fuzz
import numpy as np
import picture_bombs as bombs
import pytest
from picture_files import MODES, ORIENTATIONS, chunk, picture_file
from PIL import Image, ImageFile

from minicnn.data import ImageError, decoding, limits, read_image
from minicnn.data.image import read_fitted

RESULT = Path(__file__).resolve().parent.parent / "docs" / "results" / "image_bombs.json"


def photograph(width=77, height=53, **options):
    """A JPEG of something that has detail."""
    rng, buffer = np.random.default_rng(0), io.BytesIO()
    pixels = rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
    picture.convert(options.pop("mode", "RGB")).save(buffer, "JPEG", **options)
    return buffer.getvalue()


# Limits, lowered, so that small files reach them

SMALL = 10_000  # pixels
PIXELS = (
    "expected a picture that takes at most .* bytes to decode, received 100 x 100 .* which takes "
    ".*MAX_MEMORY$"
)
LIMITS = {
    "pixels": (
        "MAX_PIXELS",
        9999,
        lambda: bombs.png(SMALL),
        "at most 9999 pixels, received 100 x 100: .*MAX_PIXELS",
    ),
    "column": (
        "MAX_SIDE",
        99,
        lambda: bombs.png(100, width=1),
        "sides of at most 99 pixels, received 1 x 100: .*SIDE",
    ),
    "row": (
        "MAX_SIDE",
        99,
        lambda: bombs.png(100, width=100),
        "sides of at most 99 pixels, received 100 x 1: ",
    ),
    "bytes": (
        "MAX_BYTES",
        99,
        lambda: bombs.png(SMALL),
        "a file of at most 99 bytes, received a larger one: .*BYTES",
    ),
    "chunks": (
        "MAX_PARTS",
        9,
        lambda: bombs.png(81, extra=chunk(b"abCd", b"") * 9),
        "at most 9 parts in a file, ",
    ),
    "comments": (
        "MAX_PARTS",
        50,
        lambda: bombs.padded(photograph(), b"\xff\xfe\0\4ab" * 50),
        "at most 50 parts in a ",
    ),
    "fill bytes": (
        "MAX_PARTS",
        50,
        lambda: bombs.padded(photograph(), b"\xff" * 50),
        "at most 50 parts in a file",
    ),
    "many fill bytes": (
        "MAX_PARTS",
        50,
        lambda: bombs.padded(photograph(), b"\xff" * 5000),
        "at most 50 parts",
    ),
    "stuffed bytes": (
        "MAX_PARTS",
        50,
        lambda: bombs.padded(photograph(), b"\xff\0" * 5000),
        "at most 50 parts in a ",
    ),
    "strips": (
        "MAX_PARTS",
        50,
        lambda: bombs.tiff(SMALL, strips=51),
        "at most 50 parts in a file, received more: ",
    ),
    "scans": (
        "MAX_SCANS",
        12,
        lambda: bombs.scanned(SMALL, 9),
        "at most 12 scans in a JPEG, received more: .*SCANS",
    ),
    "runs": (
        "MAX_RUNS",
        999,
        lambda: bombs.bmp(SMALL, b"\1\1" * 500),
        "at most 999 bytes of run-length-encoded BMP",
    ),
    "PNG": ("MAX_MEMORY", 7 * SMALL, lambda: bombs.png(SMALL), PIXELS),
    "palette": ("MAX_MEMORY", 7 * SMALL, lambda: bombs.png(SMALL, 3), PIXELS),
    "WebP": ("MAX_MEMORY", 19 * SMALL, lambda: bombs.written(SMALL, "WEBP"), PIXELS),
    "GIF": ("MAX_MEMORY", 8 * SMALL, lambda: bombs.gif(SMALL), PIXELS),
    "TIFF": ("MAX_MEMORY", 11 * SMALL, lambda: bombs.written(SMALL, "TIFF", "F"), PIXELS),
    "JPEG": ("MAX_MEMORY", 7 * SMALL, lambda: bombs.written(SMALL, "JPEG"), PIXELS),
    "coefficients": (
        "MAX_MEMORY",
        10 * SMALL,
        lambda: bombs.written(SMALL, "JPEG", progressive=True),
        PIXELS,
    ),
}


@pytest.mark.parametrize("case", LIMITS)
def test_beyond_a_limit_nothing_is_decoded(case, monkeypatch):
    limit, value, make, message = LIMITS[case]
    data = make()
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("decoded"))
    monkeypatch.setattr(limits, limit, value)
    monkeypatch.setattr(limits, "WORK", 0)
    with pytest.raises(
        ImageError, match=f"^the picture: expected {message.removeprefix('expected ')}"
    ) as refused:
        read_image(data)
    assert str(refused.value).endswith(
        f"make it smaller first, or raise minicnn.data.limits.{limit}"
    )
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("case", LIMITS)
def test_within_the_limits_the_same_files_are_let_through(case):
    data = LIMITS[case][2]()
    assert limits.checked_file(data, "it").data


def test_a_file_object_is_not_read_to_its_end(monkeypatch):
    monkeypatch.setattr(limits, "MAX_BYTES", 1000)
    file = io.BytesIO(bytes(10**6))
    with pytest.raises(ImageError, match="a file of at most 1000 bytes"):
        read_image(file)
    assert file.tell() == 1001


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_damaged_structures_are_left_to_the_decoder(form):
    """The look beforehand may not fail on what is cut off anywhere."""
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20)).save(buffer, form)
    data = buffer.getvalue()
    for end in range(1, min(len(data), 800)):
        for file in (data[:end], data[:end] + b"\xff" * 20):
            with contextlib.suppress(ImageError):
                assert limits.checked_file(file, "it").data


def test_the_bombs_were_tried_and_cost_little():
    """By `python tests/check_image_fuzz.py bombs`."""
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    assert result["passed"] and result["unexpected"] == result["beyond_the_bars"] == []
    assert (
        result["tried"] == 2 * len(bombs.BOMBS) == result["read"] + result["refused"]
        and result["read"] > 40
    )
    assert result["largest_memory_mb"] <= check_image_fuzz.MEMORY
    assert result["slowest_cpu_seconds"] <= check_image_fuzz.SECONDS


# Strips


@pytest.mark.parametrize("strip", [1, 7, 15, 40])
@pytest.mark.parametrize("mode", MODES)
def test_a_picture_is_the_same_in_strips(mode, strip, monkeypatch):
    for orientation in ORIENTATIONS:
        data, _ = picture_file(mode, orientation)
        monkeypatch.setattr(decoding, "STRIP", 1 << 18)
        whole = read_image(data)
        monkeypatch.setattr(decoding, "STRIP", strip)
        np.testing.assert_array_equal(read_image(data), whole)


def test_strips_of_sixteen_bits_have_one_scale(monkeypatch):
    """Numbers up to 255 above, up to 65535 below: all are parts of 65535."""
    rows = np.concatenate([np.full((5, 4), 200), np.full((5, 4), 51400)]).astype(np.int32)
    monkeypatch.setattr(decoding, "STRIP", 8)
    received = read_image(Image.fromarray(rows))
    assert set(received[:5].ravel()) == {1} and set(received[5:].ravel()) == {200}
    with pytest.raises(ImageError, match="from nan to nan"):
        read_image(Image.fromarray(np.where(rows == 200, np.float32(0.5), np.float32("nan"))))


# JPEGs with less in them than they say

KINDS = {
    "baseline": {},
    "grey": {"mode": "L"},
    "CMYK": {"mode": "CMYK"},
    "whole colours": {"subsampling": 0},
    "fine": {"quality": 100},
    "coarse": {"quality": 1},
    "optimised": {"optimize": True},
    "restarts": {"restart_marker_rows": 1},
    "progressive": {"progressive": True},
    "progressive, grey": {"progressive": True, "mode": "L"},
}


@pytest.mark.parametrize("size", [(77, 53), (8, 8), (1, 1), (16, 300)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_jpeg_is_as_pillow_decodes_it(kind, size):
    data = photograph(*size, **KINDS[kind])
    expected = np.array(Image.open(io.BytesIO(data)).convert("RGB"))
    for file in (
        data,
        data + b"\xff\xd8 a film, as telephones append them",
        bombs.padded(data, b"\xff" * 20),
    ):
        np.testing.assert_array_equal(read_image(file), expected)


def test_one_flat_colour_takes_few_bits():
    """A bit or two for each block, with codes made for it."""
    for options in ({"optimize": True}, {"progressive": True}, {}):
        assert set(read_image(bombs.written(SMALL, "JPEG", "L", **options)).ravel()) == {0}


@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_whose_data_are_missing_is_not_grey(kind):
    data = photograph(**KINDS[kind])
    with pytest.raises(
        ImageError,
        match="expected a whole JPEG, received (a damaged one|one whose data are missing)",
    ):
        read_image(bombs.resized(data, 10**6))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "progressive" not in kind])
@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_a_jpeg_that_was_cut_and_closed_is_noticed(kind, share):
    """As programs do that mend broken downloads."""
    data = photograph(320, 240, **KINDS[kind])
    start = data.index(b"\xff\xda") + 14
    cut = data[: start + int(share * (len(data) - start))].rstrip(b"\xff")
    with pytest.raises(
        ImageError, match="expected a whole JPEG, received a damaged one .*truncated"
    ):
        read_image(cut + b"\xff\xd9")


def test_the_first_picture_of_several_in_a_jpeg(tmp_path):
    """The format that cameras call MPO."""
    pictures = [Image.new("RGB", (30, 20), colour) for colour in ("red", "blue")]
    pictures[0].save(tmp_path / "both.mpo", "MPO", save_all=True, append_images=pictures[1:])
    np.testing.assert_allclose(
        read_image(tmp_path / "both.mpo"), np.broadcast_to([254, 0, 0], (20, 30, 3)), atol=2
    )


def test_large_photographs_are_read():
    """50 million pixels, of which as many are decoded as are needed; and 24 million in full."""
    assert read_fitted(bombs.written(50 * bombs.MP, "JPEG"), (32, 32)).shape == (32, 32, 3)
    assert read_image(bombs.written(24 * bombs.MP, "JPEG")).shape == (4898, 4898, 3)
