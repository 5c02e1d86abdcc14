"""Pictures are read as they are meant to be seen, whatever file they come in, and scaled as the
definition says.
"""

import io
import json
import struct
import warnings
from pathlib import Path

import check_image_fuzz
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import MODES, ORIENTATIONS, chunk, picture_file, png, stored, tiff
from PIL import Image, ImageFile

from minicnn.data import ImageError, fit_image, image, limits, read_image

ROOT = Path(__file__).resolve().parent.parent
ORIENTATION = 274


def draw(height, width, seed=0):
    """Random pixels (height, width, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def smooth(height, width, seed=0):
    """What JPEG was made for."""
    return np.array(
        Image.fromarray(draw(4, 5, seed)).resize((width, height), Image.Resampling.BICUBIC)
    )


def written(picture, form, orientation=1, **options):
    """The bytes of a file that Pillow writes."""
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[ORIENTATION] = orientation
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    picture.save(buffer, form, exif=exif, **options)
    return buffer.getvalue()


def off(received, expected):
    assert received.dtype == np.uint8 and received.shape == np.shape(expected)
    return np.abs(received - np.asarray(expected, np.float64)).max()


# Files


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_in_every_orientation_is_read_as_it_is_meant(mode, orientation):
    """12 modes x 8 orientations: within one level of the mode's definition, upright."""
    data, shown = picture_file(mode, orientation)
    assert off(read_image(data), shown) <= 1


@pytest.mark.parametrize("mode", MODES)
def test_a_turned_picture_gives_the_very_same_array(mode):
    upright = read_image(picture_file(mode, 1)[0])
    for orientation in ORIENTATIONS:
        np.testing.assert_array_equal(read_image(picture_file(mode, orientation)[0]), upright)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize(
    ("form", "options", "bar"),
    [
        ("JPEG", {"quality": 100, "subsampling": 0}, 4),
        ("WEBP", {"lossless": True}, 0),
        ("PNG", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
    ],
)
def test_every_format_that_knows_orientation(form, options, bar, orientation):
    expected = smooth(20, 30)
    data = written(
        np.ascontiguousarray(stored(expected, orientation)), form, orientation, **options
    )
    assert off(read_image(data), expected) <= bar
    assert off(image.read_fitted(data, (20, 30)), expected) <= bar


@pytest.mark.parametrize(
    ("form", "mode"), [("BMP", "RGB"), ("GIF", "L"), ("BMP", "L"), ("BMP", "1"), ("JPEG", "L")]
)
def test_formats_that_do_not(form, mode):
    picture = Image.fromarray(smooth(20, 30)).convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, form)
    assert off(read_image(buffer.getvalue()), np.array(picture.convert("RGB"))) <= (
        8 if form == "JPEG" else 0
    )


@pytest.mark.parametrize("orientation", [1, 6])
def test_cmyk_jpegs_are_stored_inverted_as_adobe_does(orientation):
    inks = np.concatenate([smooth(20, 30), smooth(20, 30, seed=1)[..., :1] // 2], axis=2).astype(
        np.float64
    )
    expected = (255 - inks[..., :3]) * (255 - inks[..., 3:]) / 255
    picture = Image.fromarray(
        np.ascontiguousarray(stored(inks.astype(np.uint8), orientation)), "CMYK"
    )
    data = written(picture, "JPEG", orientation, quality=100, subsampling=0)
    assert b"Adobe" in data
    assert off(read_image(data), expected) <= 4


def lab_to_srgb(lab):
    """CIE L*a*b* (D50) as bytes (L 0 ... 255 for 0 ... 100, a and b from -128) to sRGB.

    CIE 15; IEC 61966-2-1.
    """
    lightness, a, b = (
        lab[..., 0] / 2.55,
        *(lab[..., k].astype(np.int8).astype(np.float64) for k in (1, 2)),
    )
    f = (lightness + 16) / 116
    f = np.stack([f + a / 500, f, f - b / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * [0.9642, 1, 0.8249]
    linear = xyz @ np.array(
        [[3.1338561, -0.9787684, 0.0719453], [-1.6168667, 1.9161415, -0.2289914],
            [-0.4906146, 0.0334540, 1.4052427]]
    )  # fmt: skip  # Lindbloom: XYZ (D50, Bradford) to sRGB
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def test_lab():
    levels = np.stack(np.meshgrid(np.arange(90, 200, 20), [240, 0, 10], indexing="ij"), axis=-1)
    lab = np.concatenate([levels, np.full((*levels.shape[:2], 1), 5)], axis=2).astype(np.uint8)
    assert off(read_image(tiff(lab, 8)), lab_to_srgb(lab)) <= 2


def test_a_transparent_key_colour_is_white():
    rows = np.array([[[1, 2, 3], [9, 9, 9]]], np.uint8)
    data = png(rows, 2, 8, transparency=struct.pack(">HHH", 1, 2, 3))
    np.testing.assert_array_equal(read_image(data), [[[255, 255, 255], [9, 9, 9]]])
    np.testing.assert_array_equal(
        read_image(png(rows[..., 0], 0, 8, transparency=struct.pack(">H", 9))),
        [[[1, 1, 1], [255, 255, 255]]],
    )


@pytest.mark.parametrize(
    ("form", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {}), ("TIFF", {})]
)
def test_of_an_animation_the_first_picture_is_taken(form, options):
    red, blue = (Image.new("RGB", (6, 5), colour) for colour in ("red", "blue"))
    buffer = io.BytesIO()
    red.save(buffer, form, save_all=True, append_images=[blue, blue], **options)
    assert Image.open(io.BytesIO(buffer.getvalue())).n_frames > 1
    np.testing.assert_array_equal(read_image(buffer.getvalue()), np.array(red))


@pytest.mark.parametrize(
    "damage",
    [b"Exif\0\0not a header", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff"],
)
def test_a_picture_with_damaged_exif_is_still_a_picture(damage):
    expected = smooth(20, 30)
    data = written(expected, "JPEG", quality=100, subsampling=0)
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(damage) + 2) + damage + data[2:]
    assert off(read_image(data), expected) <= 4


# Other sources


def test_every_source_of_the_same_picture(tmp_path):
    expected = draw(6, 4)
    data = written(expected, "PNG")
    path = tmp_path / "ein Bild, größer.png"
    path.write_bytes(data)
    with path.open("rb") as file:
        sources = [
            path,
            str(path),
            data,
            io.BytesIO(data),
            file,
            Image.open(path),
            Image.fromarray(expected),
            expected,
        ]
        for source in sources:
            received = read_image(source)
            np.testing.assert_array_equal(received, expected)
            received[0] = 7  # the result may be written to, and is nobody else's
        assert not file.closed
    np.testing.assert_array_equal(sources[-1], draw(6, 4))
    assert sources[-2].getpixel((0, 0)) == tuple(expected[0, 0])


def test_a_pillow_image_is_turned_but_left_as_it_is():
    expected = smooth(400, 600)
    picture = Image.open(
        io.BytesIO(written(np.ascontiguousarray(stored(expected, 8)), "JPEG", 8, quality=95))
    )
    assert image.read_fitted(picture, (32, 32)).shape == (32, 32, 3)
    assert picture.size == (400, 600) and picture.getexif()[ORIENTATION] == 8
    assert read_image(picture).shape == (400, 600, 3)


@pytest.mark.parametrize("mode", ["HSV", "RGBX", "RGBa", "LAB", "YCbCr", "CMYK", "I", "F"])
def test_pillows_other_modes(mode):
    picture = Image.new("RGB", (3, 2), (200, 200, 200)).convert(mode)
    assert off(read_image(picture), np.full((2, 3, 3), 200)) <= 2


def test_a_palette_with_alpha():
    picture = Image.new("P", (3, 2), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    np.testing.assert_array_equal(
        read_image(picture.convert("PA")), np.full((2, 3, 3), (10, 20, 30))
    )


def test_la_with_multiplied_alpha():
    picture = Image.merge("LA", [Image.new("L", (3, 2), 100), Image.new("L", (3, 2), 51)]).convert(
        "La"
    )
    assert off(read_image(picture), np.full((2, 3, 3), 0.2 * 100 + 0.8 * 255)) <= 1


BYTES = np.array([[0, 1, 128], [254, 255, 77]], np.uint8)


@pytest.mark.parametrize(
    "array",
    [
        BYTES,
        BYTES[..., None],
        np.repeat(BYTES[..., None], 3, axis=2),
        np.dstack([BYTES, BYTES, BYTES, np.full_like(BYTES, 255)]),
        BYTES.astype(np.uint16) * 257,
        (BYTES.astype(np.uint16) * 257).astype(">u2"),
        BYTES.astype(np.int64),
        BYTES.astype(np.float32),
        BYTES / 255,
        (BYTES / 255).astype(np.float16),
        BYTES.astype(np.int32) * 257,
        BYTES.tolist(),
        np.asfortranarray(BYTES),
        np.repeat(BYTES, 2, axis=1)[:, ::2],
    ],
    ids=lambda array: f"{np.asarray(array).dtype}{np.shape(array)}",
)
def test_arrays_of_many_kinds(array):
    np.testing.assert_array_equal(read_image(array), np.repeat(BYTES[..., None], 3, axis=2))


def test_arrays_of_truth_values_and_with_alpha():
    np.testing.assert_array_equal(read_image(BYTES > 100)[..., 0], np.where(BYTES > 100, 255, 0))
    rgba = np.dstack([np.zeros((2, 3, 3)), [[0.0, 0.2, 0.4], [0.6, 0.8, 1.0]]])
    np.testing.assert_array_equal(read_image(rgba)[..., 1], [[255, 204, 153], [102, 51, 0]])


# What cannot be read

WHOLE = written(draw(40, 30), "PNG")
LARGE = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 65535, 65535, 8, 2, 0, 0, 0))
    + WHOLE[33:]
)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            b"",
            r"^the picture: expected a picture \(PNG, JPEG.*\), received an empty file: save it as "
            r"JPEG or PNG$",
        ),
        (
            b"\0\0\0\x18ftypheic\0\0",
            "received a HEIC picture, as telephones take them: save it as JPEG or PNG",
        ),
        (b"\0\0\0\x20ftypavif\0\0", "received an AVIF picture: save it as JPEG or PNG"),
        (
            b"<!DOCTYPE html><html>",
            "received a file that starts with b'<!DOCTYPE ht': save it as JPEG or PNG",
        ),
        (
            WHOLE[:-30],
            r"the picture: expected a whole PNG, received a damaged one \(.*\): get it again",
        ),
        (
            written(smooth(90, 90), "JPEG")[:700],
            r"expected a whole JPEG, received a damaged one \(image file is trunc",
        ),
        (
            LARGE,
            "expected at most 50000000 pixels, received .*4294836225.*: make it smaller first, or "
            "raise minicnn",
        ),
        (png(np.zeros((1, 1), np.uint8), 0, 8)[:20], "starts with"),
        (
            np.zeros((1, 4, 4, 3)),
            r"expected an array \(H, W\), .* received \(1, 4, 4, 3\): give one picture, channels",
        ),
        (np.zeros((3, 40, 40)), r"received \(3, 40, 40\): give one picture, channels last"),
        (np.zeros((0, 4, 3)), r"received \(0, 4, 3\)"),
        (
            np.full((2, 2), np.nan),
            "levels 0 ... 255, 16-bit numbers or fractions .* received float64 from nan to nan",
        ),
        (np.full((2, 2), np.inf), "from inf to inf"),
        (np.array([[0.0, 1.3]]), "received float64 from 0 to 1.3: scale it to one of these"),
        (np.array([[0, 70000]]), "received int64 from 0 to 70000"),
        (np.array([[-1, 200]]), "received int64 from -1 to 200"),
        (np.array([[None]]), "received object from nan to nan"),
        (None, r"the picture: expected an array .* received \(\)"),
        (
            "no/such/cat.jpg",
            "^no/such/cat.jpg: expected a picture, received 'No such file or directory': correct "
            "the",
        ),
        ("zero\0byte.jpg", "expected a picture, received 'embedded null byte'"),
        (str(ROOT), f"{ROOT}: expected a picture, received "),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_picture_is_refused_in_one_line(source, message):
    with pytest.raises(ImageError, match=message) as refused:
        read_image(source)
    assert "\n" not in str(refused.value)
    with pytest.raises(ImageError):
        image.read_fitted(source, (8, 8))


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "tom.jpg"
    path.write_bytes(WHOLE[: len(WHOLE) // 2])
    with pytest.raises(ImageError, match=r"tom\.jpg: expected a whole PNG"):
        read_image(path)
    with (
        path.open("rb") as file,
        pytest.raises(ImageError, match=r"tom\.jpg: expected a whole PNG"),
    ):
        read_image(file)


def test_the_limit_of_pixels_can_be_raised(monkeypatch):
    monkeypatch.setattr(limits, "MAX_PIXELS", 40 * 30 - 1)
    with pytest.raises(
        ImageError, match="expected at most 1199 pixels, received 30 x 40: make it smaller"
    ):
        read_image(WHOLE)
    with pytest.raises(ImageError, match="received 30 x 40"):
        read_image(Image.open(io.BytesIO(WHOLE)))
    monkeypatch.setattr(limits, "MAX_PIXELS", 40 * 30)
    assert read_image(WHOLE).shape == (40, 30, 3)


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("decoded"))
    for width, height in ((65535, 65535), (9000, 9000), (2**31 - 1, 1)):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        with pytest.raises(ImageError, match="expected at most"):
            read_image(WHOLE[:8] + header + WHOLE[33:])


# Damaged files by the thousand: the long form is a command of its own


def test_a_hundred_damaged_files_are_read_or_refused_and_nothing_else():
    found = check_image_fuzz.try_files(0, 100)
    assert found["unexpected"] == []
    assert found["seen"]["read"] > 10 and found["seen"]["refused"] > 10
    assert found["seen"]["read"] + found["seen"]["refused"] == 100


def test_the_long_form_was_run_and_passed():
    result = json.loads((ROOT / "docs" / "results" / "image_fuzz.json").read_text(encoding="utf-8"))
    assert result["passed"] and result["crashes"] == result["unexpected"] == []
    assert result["tried"] >= 2000 and result["read"] + result["refused"] == result["tried"]
    assert result["peak_memory_mb"] <= check_image_fuzz.MEMORY
    assert result["slowest_cpu_seconds"] <= check_image_fuzz.SECONDS


def test_undamaged_files_of_the_long_form_can_be_read():
    for data in check_image_fuzz.whole_files():
        assert read_image(data).shape[2] == 3


# Scaling


def lanczos(x):
    return np.sinc(x) * np.sinc(x / 3) * (np.abs(x) < 3)


def weights(old, new, start, extent):
    """(new, old): what each old pixel counts in each new one, when `extent` pixels from `start` on
    become `new`.
    """
    scale = extent / new
    width = max(scale, 1)
    centres = start + (np.arange(new) + 0.5) * scale
    w = lanczos((np.arange(old) + 0.5 - centres[:, None]) / width)
    return w / w.sum(axis=1, keepdims=True)


def fitted_by_definition(picture, size):
    """In float64; Pillow rounds to levels in between, and clips, which pictures of medium levels do
    not show.
    """
    (h, w), (height, width) = picture.shape[:2], size
    cut_h, cut_w = min(h, w * height / width), min(w, h * width / height)
    across = weights(w, width, (w - cut_w) / 2, cut_w)
    down = weights(h, height, (h - cut_h) / 2, cut_h)
    return np.einsum("xw,yh,hwc->yxc", across, down, picture.astype(np.float64), optimize=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *[
            (old, (32, 32))
            for old in ((64, 64), (40, 70), (90, 33), (5, 9), (200, 1000), (700, 301))
        ],
        ((33, 47), (20, 31)),
        ((47, 33), (31, 64)),
    ],
)
def test_fit_image_is_what_the_definition_says(old, new):
    picture = 64 + draw(*old) // 2
    assert off(fit_image(picture, new), fitted_by_definition(picture, new)) < 1.5  # rounded twice


def test_fine_detail_is_averaged_not_sampled():
    stripes = np.zeros((320, 320, 3), np.uint8)
    stripes[:, ::2] = 255
    fitted = fit_image(stripes, (32, 32)).astype(int)
    assert abs(fitted[2:-2, 2:-2] - 127.5).max() < 8


@settings(max_examples=60)
@given(
    h=st.integers(1, 80), w=st.integers(1, 80), height=st.integers(1, 40), width=st.integers(1, 40)
)
def test_fit_image_gives_the_size_that_is_asked_for_and_keeps_flat_colours(h, w, height, width):
    flat = np.broadcast_to(np.array([3, 128, 251], np.uint8), (h, w, 3))
    fitted = fit_image(flat, (height, width))
    np.testing.assert_array_equal(fitted, np.broadcast_to(flat[0, 0], (height, width, 3)))


@settings(max_examples=30)
@given(h=st.integers(1, 40), w=st.integers(1, 40), seed=st.integers(0, 1000))
def test_a_picture_of_the_right_size_stays_as_it_is(h, w, seed):
    picture = draw(h, w, seed)
    fitted = fit_image(picture, (h, w))
    np.testing.assert_array_equal(fitted, picture)
    assert not np.shares_memory(fitted, picture)


@settings(max_examples=40)
@given(
    h=st.integers(1, 60), w=st.integers(1, 60), size=st.integers(1, 40), seed=st.integers(0, 1000)
)
def test_fit_image_knows_no_left_and_no_top(h, w, size, seed):
    picture = draw(h, w, seed)
    fitted = fit_image(picture, (size, size)).astype(int)
    mirrored = fit_image(np.ascontiguousarray(picture[::-1, ::-1]), (size, size))[::-1, ::-1]
    assert abs(fitted - mirrored).max() <= 1


@pytest.mark.parametrize("old", [(1, 1), (3, 4000), (4000, 3), (1, 5000), (2, 2)])
def test_extreme_shapes(old):
    picture = draw(*old)
    fitted = fit_image(picture, (32, 32))
    assert fitted.shape == (32, 32, 3)
    if min(old) == 1:  # what is cut out is one pixel, or next to nothing of its neighbours
        middle = picture[old[0] // 2, old[1] // 2].astype(int)
        assert old != (1, 1) or abs(fitted - middle).max() == 0


def test_only_the_middle_is_seen():
    picture = np.zeros((100, 300, 3), np.uint8)
    picture[:, 120:180] = 200
    fitted = fit_image(picture, (10, 6))  # 60 columns of the 300
    assert fitted.min() >= 150
    assert fit_image(picture, (10, 30))[:, [0, -1]].max() == 0


@pytest.mark.parametrize("shape", [(480, 640), (641, 480), (1500, 1100), (3001, 2003)])
def test_read_fitted_of_a_jpeg_is_next_to_fit_image_of_it(shape):
    data = written(smooth(*shape), "JPEG", quality=95)
    assert off(image.read_fitted(data, (32, 32)), fit_image(read_image(data), (32, 32))) <= 2


def test_read_fitted_of_anything_else_is_fit_image_of_it():
    data = written(draw(300, 200), "PNG")
    np.testing.assert_array_equal(
        image.read_fitted(data, (32, 32)), fit_image(read_image(data), (32, 32))
    )


@pytest.mark.parametrize("size", [(32,), (0, 32), (32, -1), (32.5, 32), (32, 32, 3)])
def test_a_size_that_is_none(size):
    with pytest.raises(
        ValueError, match=r"size is expected as \(height, width\) in whole pixels, received "
    ):
        fit_image(draw(4, 4), size)
    with pytest.raises(ValueError, match="height, width"):
        image.read_fitted(draw(4, 4), size)


@pytest.mark.parametrize(
    "picture", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((4, 0, 3), np.uint8)]
)
def test_a_picture_that_is_none(picture):
    with pytest.raises(
        ValueError,
        match=r"fit_image expected uint8 \(h, w, 3\), received .*: read_image makes that",
    ):
        fit_image(picture, (2, 2))


def test_reading_leaves_the_warning_filters_as_they_were():
    before = list(warnings.filters)
    read_image(WHOLE)
    assert warnings.filters == before
