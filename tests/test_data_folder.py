"""Folders of one's own pictures: classes are subfolders, broken files are named, and the kept copy
is never stale.
"""

import os
import shutil
import warnings

import numpy as np
import pytest
from picture_files import ORIENTATIONS, stored
from PIL import Image

from minicnn import data
from minicnn.data import folder as reader
from minicnn.data import image
from minicnn.datasets import cache
from minicnn.errors import DataError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MINICNN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def animals(tmp_path):
    """Two classes of four pictures of different sizes and forms, and what may lie about."""
    folder = tmp_path / "animals"
    names = [
        "cat/a.png",
        "cat/b.jpg",
        "cat/more/c.webp",
        "cat/Z.bmp",
        "dog/1.gif",
        "dog/2.tif",
        "dog/3.png",
        "dog/4.png",
    ]
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(number).save(path)
    for name in (".DS_Store", "readme.txt", "cat/.hidden.png", ".git/config", "dog/.thumbs/1.png"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"no picture")
    return folder


def draw(number):
    """A picture of one colour."""
    return Image.new("RGB", (20 + number, 40 - number), (10 * number, 20 * number, 100))


@pytest.fixture
def no_reading(monkeypatch):
    """Call it, and from then on no picture may be read."""
    return lambda: monkeypatch.setattr(
        image, "read_fitted", lambda *_: pytest.fail("a picture was read again")
    )


def test_subfolders_are_the_classes(animals):
    x, y, class_names = data.from_directory(animals, (8, 12))
    assert (x.shape, x.dtype, y.dtype) == ((8, 8, 12, 3), np.uint8, np.int64)
    assert class_names == ["cat", "dog"] and y.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    # in the order of their names, as paths: Z before a, and the files of a folder together
    expected = [[10 * number, 20 * number, 100] for number in (3, 0, 1, 2, 4, 5, 6, 7)]
    assert np.abs(x[:, 3, 5].astype(int) - expected).max() <= 3
    assert np.abs(x.astype(int) - x[:, 3:4, 5:6]).max() <= 3


def test_pictures_are_those_of_read_and_fit(animals):
    x, _, _ = data.from_directory(str(animals), (16, 16), cache=False)
    for picture, path in zip(x[4:], sorted((animals / "dog").glob("[0-9].*")), strict=True):
        np.testing.assert_array_equal(picture, data.fit_image(data.read_image(path), (16, 16)))


def test_the_second_call_reads_no_picture(animals, no_reading, home):
    first = data.from_directory(animals)
    no_reading()
    second = data.from_directory(animals)
    np.testing.assert_array_equal(first.x, second.x)
    np.testing.assert_array_equal(first.y, second.y)
    assert first.class_names == second.class_names and first.x.shape == (8, 32, 32, 3)
    assert isinstance(second.x.base, np.memmap)
    second.x[:] = 0  # this process' copy, not the file
    np.testing.assert_array_equal(data.from_directory(animals).x, first.x)
    assert len([entry for entry in home.iterdir() if entry.is_dir()]) == 1


def test_without_the_cache_nothing_is_kept(animals, home):
    assert data.from_directory(animals, cache=False).x.shape == (8, 32, 32, 3)
    assert not home.exists()


def change_content(animals):
    state = (animals / "cat/a.png").stat()
    draw(9).save(animals / "cat/a.png")
    os.utime(animals / "cat/a.png", ns=(state.st_atime_ns, state.st_mtime_ns + 1))


CHANGES = {
    "changed": change_content,
    "added": lambda animals: draw(9).save(animals / "cat/b2.png"),
    "removed": lambda animals: (animals / "cat/a.png").unlink(),
    "renamed": lambda animals: (animals / "cat/a.png").rename(animals / "dog/a.png"),
    "class renamed": lambda animals: (animals / "cat").rename(animals / "lion"),
    "class added": lambda animals: shutil.copytree(animals / "cat", animals / "bird"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_folder_is_read_again(animals, change, home):
    data.from_directory(animals)
    CHANGES[change](animals)
    kept, fresh = data.from_directory(animals), data.from_directory(animals, cache=False)
    np.testing.assert_array_equal(kept.x, fresh.x)
    np.testing.assert_array_equal(kept.y, fresh.y)
    assert kept.class_names == fresh.class_names
    assert len([entry for entry in home.iterdir() if entry.is_dir()]) == 1  # the old copy is gone


def test_every_size_and_every_folder_has_a_copy_of_its_own(animals, tmp_path, no_reading):
    shutil.copytree(animals, tmp_path / "others")
    draw(9).save(tmp_path / "others/cat/a.png")
    sizes = [data.from_directory(animals, size).x.shape[1:3] for size in ((8, 8), (8, 16), (16, 8))]
    assert sizes == [(8, 8), (8, 16), (16, 8)]
    other = data.from_directory(tmp_path / "others", (8, 8)).x
    no_reading()
    first = data.from_directory(animals, (8, 8)).x
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(data.from_directory(tmp_path / "others", (8, 8)).x, other)


def test_another_way_of_reading_is_noticed(animals, monkeypatch):
    data.from_directory(animals)
    monkeypatch.setattr(reader, "READER", reader.READER + 1)
    monkeypatch.setattr(image, "read_fitted", lambda _, size: np.full((*size, 3), 7, np.uint8))
    assert (data.from_directory(animals).x == 7).all()


@pytest.mark.parametrize("damage", ["truncated", "emptied", "removed", "pickled", "no about"])
def test_a_damaged_copy_is_made_again(animals, damage, home):
    first = data.from_directory(animals, cache=False)
    data.from_directory(animals)
    (entry,) = (entry for entry in home.iterdir() if entry.is_dir())
    if damage == "truncated":
        (entry / "x.npy").write_bytes((entry / "x.npy").read_bytes()[:500])
    elif damage == "emptied":
        (entry / "y.npy").write_bytes(b"")
    elif damage == "pickled":
        np.save(entry / "y.npy", np.array([{}], object), allow_pickle=True)
    else:
        (entry / {"removed": "x.npy", "no about": cache.ABOUT}[damage]).unlink()
    again = data.from_directory(animals)
    np.testing.assert_array_equal(again.x, first.x)
    np.testing.assert_array_equal(again.y, first.y)


def test_broken_files_are_left_out_with_one_warning_also_from_the_copy(animals):
    (animals / "cat/a.png").write_bytes(b"no picture")
    (animals / "dog/notes.txt").write_text("sit, stay")
    whole = (animals / "dog/3.png").read_bytes()
    (animals / "dog/3.png").write_bytes(whole[: len(whole) // 2])
    for _ in range(2):
        with pytest.warns(UserWarning) as caught:
            x, y, _ = data.from_directory(animals)
        (warning,) = caught
        assert str(warning.message).startswith(
            f"from_directory({str(animals)!r}) left out 3 of 9 files, which are"
        )
        assert "no pictures: cat/a.png, dog/3.png, dog/notes.txt. The first: " in str(
            warning.message
        )
        assert "a.png: expected a picture (PNG" in str(warning.message)
        assert warning.filename == __file__
        assert len(x) == 6 and y.tolist() == [0, 0, 0, 1, 1, 1]


def test_of_many_broken_files_twenty_are_named(animals):
    for number in range(30):
        (animals / f"cat/broken{number:02}.jpg").write_bytes(b"no picture")
    with pytest.warns(
        UserWarning,
        match=r"left out 30 of 38 files.*broken00.jpg.*broken19.jpg and 10 more\. The first",
    ):
        data.from_directory(animals)


def test_what_is_no_folder_of_classes(animals, tmp_path):
    with pytest.raises(
        DataError,
        match="nowhere: expected a folder with one subfolder per class, received no folder",
    ):
        data.from_directory(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"a.png: expected a folder .*, received no folder"):
        data.from_directory(animals / "cat/a.png")
    with pytest.raises(
        DataError,
        match="one subfolder per class, received 4 files and no subfolder: move the pictures",
    ):
        data.from_directory(animals / "dog")


def test_a_class_without_pictures(animals, home):
    (animals / "cow").mkdir()
    with pytest.raises(
        DataError, match="class 'cow' expected at least one picture, received an empty folder: rem"
    ):
        data.from_directory(animals)
    (animals / "cow/moo.txt").write_text("moo")
    for _ in range(2):  # an error is not kept
        with pytest.raises(
            DataError,
            match="'cow' .* received 1 file that is none; the first: .*moo.txt: expected a pict",
        ):
            data.from_directory(animals)
    assert not [entry for entry in home.iterdir() if entry.is_dir()]


def test_a_size_that_is_none(animals):
    with pytest.raises(ValueError, match="size is expected as"):
        data.from_directory(animals, (0, 32), cache=False)
    with pytest.raises(ValueError, match="size is expected as"):
        data.from_directory(animals, (32,))


@pytest.mark.parametrize(
    "name", ["ein Übersee-Bild [1].png", "a'b\"c.png", "\u732b.png", "new\nline.png"]
)
def test_names_of_any_kind(animals, name):
    draw(9).save(animals / "cat" / name)
    assert len(data.from_directory(animals).x) == 9
    assert len(data.from_directory(animals).x) == 9


def test_photographs_of_any_size_and_orientation(tmp_path):
    """The same photograph in eight files, held in eight ways: eight times the same picture."""
    colours = np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    photograph = np.array(Image.fromarray(colours).resize((700, 500), Image.Resampling.BICUBIC))
    (tmp_path / "photos" / "one").mkdir(parents=True)
    for orientation in ORIENTATIONS:
        exif = Image.Exif()
        exif[274] = orientation
        Image.fromarray(stored(photograph, orientation)).save(
            tmp_path / "photos" / "one" / f"{orientation}.jpg", exif=exif, quality=95
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x, _, _ = data.from_directory(tmp_path / "photos")
    assert np.abs(x.astype(int) - x[0]).max() <= 4


@pytest.mark.skipif(
    os.name == "nt", reason="Windows tells no time of change that cannot be set back"
)
@pytest.mark.parametrize("way", ["written over", "exchanged"])
def test_a_changed_file_of_equal_size_and_time_is_read_again(animals, way):
    path, state = animals / "cat" / "Z.bmp", (animals / "cat" / "Z.bmp").stat()
    before = data.from_directory(animals).x
    other = draw(3).point(lambda level: 255 - level)
    other.save(path if way == "written over" else animals.with_name("other.bmp"))
    if way == "exchanged":
        os.replace(animals.with_name("other.bmp"), path)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (state.st_size, state.st_mtime_ns)
    after = data.from_directory(animals).x
    np.testing.assert_array_equal(after[0], 255 - before[0])
    np.testing.assert_array_equal(after[1:], before[1:])
