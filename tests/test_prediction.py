"""What a model says to pictures: the right classes, from any source, in words that do not promise
too much.
"""

import io
import json

import numpy as np
import pytest
from picture_files import MODES, ORIENTATIONS, picture_file
from PIL import Image

from minicnn import Input, Sequential, layers, models
from minicnn.data import ImageError, fit_image, read_image
from minicnn.models.pictures import ImagePrediction, predict_image, predict_images

NAMES = ["red", "green", "blue"]
SHARPNESS = 8.0


def colour_model(names=NAMES, channels=3, activation="softmax", sharpness=SHARPNESS):
    """Knows how red, green and blue a picture is on the whole, and nothing else."""
    model = Sequential(
        [Input((6, 8, channels)), layers.Rescaling(1 / 255), layers.GlobalAveragePooling2D(),
         layers.Dense(3, activation=activation)],
        class_names=names,
    )  # fmt: skip
    model.set_weights([sharpness * np.eye(channels, 3, dtype=np.float32), np.zeros(3, np.float32)])
    return model


def expected_probabilities(means):
    z = np.exp(SHARPNESS * np.asarray(means, np.float64) / 255)
    return z / z.sum()


def picture(colour, size=(50, 40)):
    return Image.new("RGB", size, colour)


def test_the_most_probable_classes_first():
    said = predict_image(colour_model(), picture((10, 240, 120)))
    assert said.classes == ["green", "blue", "red"] and said.confident and said.known == 3
    np.testing.assert_allclose(
        said.probabilities, expected_probabilities([240, 120, 10]), rtol=1e-5
    )
    np.testing.assert_array_equal(said.seen, np.full((6, 8, 3), (10, 240, 120)))
    assert said.seen.dtype == np.uint8 and all(type(p) is float for p in said.probabilities)


def test_it_is_a_method_of_the_model():
    said = colour_model().predict_image(picture("red"), top=1)
    assert said.classes == ["red"] and len(said.probabilities) == 1


def test_every_source_is_seen_alike(tmp_path):
    model, array = (
        colour_model(),
        np.random.default_rng(0).integers(0, 256, (30, 50, 3)).astype(np.uint8),
    )
    path = tmp_path / "noise.png"
    Image.fromarray(array).save(path)
    seen = fit_image(array, (6, 8))
    for source in (
        path,
        str(path),
        path.read_bytes(),
        io.BytesIO(path.read_bytes()),
        Image.open(path),
        array,
        array / 255,
    ):
        said = predict_image(model, source)
        np.testing.assert_array_equal(said.seen, seen)
        np.testing.assert_allclose(
            dict(zip(said.classes, said.probabilities, strict=True))["red"],
            model.predict(seen[None])[0, 0],
            rtol=1e-6,
        )


@pytest.mark.parametrize("mode", MODES)
def test_a_turned_picture_gets_the_very_same_prediction(mode):
    model = colour_model()
    first = predict_image(model, picture_file(mode, 1)[0])
    for orientation in ORIENTATIONS:
        said = predict_image(model, picture_file(mode, orientation)[0])
        assert said.to_dict() == first.to_dict()
        np.testing.assert_array_equal(said.seen, first.seen)


def test_the_text_of_a_confident_answer():
    said = predict_image(colour_model(), picture((0, 0, 255)), top=2)
    assert said.to_text().splitlines() == [
        "blue   99.9 %",
        "red     0.0 %",
        "The model knows 3 classes and chooses among them whatever the picture shows.",
    ]
    stored = json.loads(json.dumps(said.to_dict()))
    assert stored["classes"] == ["blue", "red"] and stored["confident"] is True
    assert stored["probabilities"] == said.probabilities


def test_the_text_of_a_doubtful_answer():
    said = predict_image(colour_model(), picture((100, 100, 100)))
    assert not said.confident and said.to_dict()["confident"] is False
    np.testing.assert_allclose(said.probabilities, 1 / 3, rtol=1e-5)
    assert said.classes == NAMES  # equal probabilities stay in the order of the classes
    assert "Low confidence: no class reaches 50 %." in said.to_text().splitlines()


@pytest.mark.parametrize(("probability", "confident"), [(0.5, True), (0.49999, False)])
def test_half_is_confident(probability, confident):
    said = ImagePrediction(["cat"], [probability], np.zeros((1, 1, 3), np.uint8), 10)
    assert said.confident is confident
    assert ("Low confidence" in said.to_text()) is not confident


def test_without_names_classes_have_numbers():
    assert predict_image(colour_model(None), picture("blue")).classes[0] == "2"


def test_logits_become_probabilities():
    said = predict_image(colour_model(activation=None), picture((10, 240, 120)))
    np.testing.assert_allclose(
        said.probabilities, expected_probabilities([240, 120, 10]), rtol=1e-5
    )


def test_a_model_of_grey_pictures_sees_grey():
    colours = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (10, 20, 30)], np.uint8)
    for colour in colours:
        said = predict_image(
            colour_model(channels=1), Image.new("RGB", (8, 6), tuple(map(int, colour)))
        )
        # what Keras would see
        luma = np.array(Image.new("RGB", (1, 1), tuple(map(int, colour))).convert("L"))[0, 0]
        assert said.seen.shape == (6, 8, 3)
        assert (
            abs(int(said.seen[0, 0, 0]) - int(luma)) <= 1
            and (said.seen == said.seen[0, 0, 0]).all()
        )
        expected = np.exp(SHARPNESS * said.seen[0, 0, 0] / 255.0)
        share = dict(zip(said.classes, said.probabilities, strict=True))["red"]
        np.testing.assert_allclose(share, expected / (expected + 2), rtol=1e-5)


def test_names_travel_in_the_models_file(tmp_path):
    colour_model().save(tmp_path / "colours.safetensors")
    loaded = models.load_model(tmp_path / "colours.safetensors")
    assert loaded.predict_image(picture("green")).classes[0] == "green"


# Many


def test_many_pictures_with_some_broken(tmp_path):
    """Of a hundred files, five are broken: 95 predictions and five named errors."""
    for number in range(100):
        colour = [(255, 0, 0), (0, 255, 0), (0, 0, 255)][number % 3]
        picture(colour, (10 + number, 30)).save(tmp_path / f"{number:02}.png")
    broken = [tmp_path / f"{number:02}.png" for number in (3, 14, 15, 92, 65)]
    for path in broken:
        path.write_bytes(path.read_bytes()[:60])
    model = colour_model()
    said, errors = predict_images(model, sorted(tmp_path.glob("*.png")))
    assert len(said) == 95 and set(errors) == set(map(str, broken))
    for path, error in errors.items():
        assert isinstance(error, ImageError) and path in str(error)
    for path, prediction in said.items():
        assert prediction.classes[0] == NAMES[int(path[-6:-4]) % 3]
        assert prediction.to_dict() == predict_image(model, path).to_dict()
    folder_said, folder_errors = predict_images(model, [tmp_path])
    assert list(folder_said) == list(said) and set(folder_errors) == set(errors)


def test_folders_and_files_mixed_in_the_order_given(tmp_path):
    for name in ("b/2.png", "b/1.png", "a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        picture("red").save(tmp_path / name)
    said, errors = predict_images(
        colour_model(), [tmp_path / "b", str(tmp_path / "a.png"), "missing.png"]
    )
    assert list(said) == [str(tmp_path / name) for name in ("b/1.png", "b/2.png", "a.png")]
    assert list(errors) == ["missing.png"] and "No such file" in str(errors["missing.png"])


def test_nothing_but_broken_files():
    said, errors = predict_images(colour_model(), ["missing.png", "also.png"], top=1)
    assert said == {} and list(errors) == ["missing.png", "also.png"]
    assert predict_images(colour_model(), []) == ({}, {})


def test_all_pictures_go_through_the_model_at_once(tmp_path, monkeypatch):
    for number in range(5):
        picture("red").save(tmp_path / f"{number}.png")
    model, batches = colour_model(), []
    real = model.predict
    monkeypatch.setattr(model, "predict", lambda x: batches.append(len(x)) or real(x))
    assert len(predict_images(model, [tmp_path])[0]) == 5 and batches == [5]


# Mistakes


def test_a_picture_that_cannot_be_read():
    with pytest.raises(ImageError, match="missing.jpg: expected a picture"):
        predict_image(colour_model(), "missing.jpg")


@pytest.mark.parametrize("top", [0, -1])
def test_top_below_one(top):
    with pytest.raises(ValueError, match="predict_image expected top of at least 1, received"):
        predict_image(colour_model(), picture("red"), top)


def test_top_beyond_the_number_of_classes():
    assert len(predict_image(colour_model(), picture("red"), top=99).classes) == 3


@pytest.mark.parametrize(
    "model",
    [
        Sequential([layers.Flatten(), layers.Dense(2)], name="open"),
        Sequential([Input((5,)), layers.Dense(2)], name="rows"),
        Sequential([Input((8, 8, 2)), layers.Flatten(), layers.Dense(2)], name="two"),
    ],
    ids=lambda model: model.name,
)
def test_a_model_that_takes_no_pictures(model):
    message = (
        f"expected a model built for pictures .* received '{model.name}' with input shape .*: "
        "begin it with Input"
    )
    with pytest.raises(ValueError, match=message):
        predict_image(model, picture("red"))
    with pytest.raises(ValueError, match=message):
        predict_images(model, ["cat.jpg"])


def test_names_that_do_not_match_the_outputs():
    model = colour_model()
    model.class_names = ["cat", "dog"]
    with pytest.raises(
        ValueError,
        match="a class name for each of the 3 outputs of 'sequential', received 2: correct",
    ):
        predict_image(model, picture("red"))


def test_a_model_that_has_learnt_nothing_says_so():
    model = Sequential(
        [Input((6, 8, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(3)]
    )
    with pytest.warns(UserWarning, match="neither been trained nor loaded"):
        predict_image(model, picture("red"))


def test_a_model_without_its_own_preprocessing_says_so():
    model = Sequential([Input((6, 8, 3)), layers.Flatten(), layers.Dense(3)])
    model.set_weights([weights * 1 for weights in model.get_weights()])
    with pytest.warns(UserWarning, match="put Rescaling"):
        predict_image(model, picture((200, 200, 200)))


def test_read_image_gives_what_the_model_sees_before_scaling():
    array = np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    np.testing.assert_array_equal(predict_image(colour_model(), array).seen, read_image(array))
