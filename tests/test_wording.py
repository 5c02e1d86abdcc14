"""How numbers are written for people, and what repr(model) says."""

import pytest

from minicnn import Sequential, data, layers
from minicnn.errors import ImageError
from minicnn.wording import counted, duration, percent


@pytest.mark.parametrize(
    "number, what, text",
    [
        (1, "picture", "1 picture"),
        (0, "picture", "0 pictures"),
        (2000, "picture", "2,000 pictures"),
        (1, "class", "1 class"),
        (3, "class", "3 classes"),
    ],
)
def test_counted(number, what, text):
    assert counted(number, what) == text


def test_percent_and_duration():
    assert [percent(0.9694), percent(1, 0), percent(0.7, 2)] == ["96.9 %", "100 %", "70.00 %"]
    assert [duration(12.4), duration(312), duration(3900)] == ["12 s", "5 min 12 s", "1 h 5 min"]


def test_repr_of_a_model_names_it_and_counts():
    model = Sequential([layers.Input((4,)), layers.Dense(3), layers.Softmax()], name="net")
    assert repr(model) == "<Sequential 'net': 2 layers, 15 parameters>"
    assert repr(Sequential([layers.Dense(3)])) == "<Sequential 'sequential': 1 layer, not built>"


@pytest.mark.parametrize(
    "path, fix",
    [
        ("https://example.org/cat.jpg", "pictures are read from files, so download it first"),
        ("https:/example.org/cat.jpg", "pictures are read from files, so download it first"),
        ("-", "pictures are read from files, not from standard input, so name one"),
        ("cat.jpg", "correct the path"),
    ],
)
def test_what_is_no_file_is_told_what_is_expected(path, fix, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImageError, match=f"^{path}: expected a picture, received '.*': {fix}$"):
        data.read_image(path)
