"""flow_from_directory, image_dataset_from_directory and what else reads pictures by Keras' names:
Keras' values, what scripts do with them, and what is refused.
"""

import io
import os
import random
from pathlib import Path

import numpy as np
import pytest
from golden import make_folders as recipe
from PIL import Image

import minicnn
from minicnn import Input, Sequential, data, layers, preprocessing, utils
from minicnn.errors import DataError, ImageError
from minicnn.preprocessing.image import ImageDataGenerator

GOLDEN = np.load(recipe.GOLDEN)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return recipe.write(tmp_path_factory.mktemp("pictures"))


def network(shape=(4, 4, 3), outputs=3):
    model = Sequential(
        [
            Input(shape),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(outputs, activation="softmax"),
        ],
        seed=0,
    )
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def dataset(folder, **options):
    return utils.image_dataset_from_directory(
        folder, image_size=(4, 4), **{"batch_size": 4, "seed": 1, "verbose": False} | options
    )


# The same as Keras


@pytest.fixture(scope="module")
def measured(folder):
    return recipe.measured(minicnn, ImageDataGenerator, folder)


def test_nothing_was_forgotten(measured):
    assert set(measured) == set(GOLDEN)


@pytest.mark.parametrize("name", GOLDEN)
def test_as_keras(measured, name):
    received, expected = measured[name], GOLDEN[name]
    if received.size or expected.size:
        assert received.shape == expected.shape and received.dtype.kind == expected.dtype.kind
    if expected.dtype.kind == "f":
        assert received.dtype == expected.dtype
        np.testing.assert_allclose(received, expected, rtol=2e-6, atol=1e-4)
    else:
        np.testing.assert_array_equal(received, expected)


def test_they_are_where_scripts_for_keras_look():
    assert preprocessing.image_dataset_from_directory is utils.image_dataset_from_directory
    for name in ("load_img", "img_to_array", "array_to_img", "save_img"):
        assert getattr(preprocessing.image, name) is getattr(utils, name)
    assert utils.Sequence is utils.PyDataset


def test_what_is_found_is_said(folder, capsys):
    ImageDataGenerator().flow_from_directory(folder, target_size=(4, 4))
    dataset(folder, verbose=True)
    dataset(folder, verbose=True, validation_split=0.3, subset="both")
    assert capsys.readouterr().out.splitlines() == [
        "Found 21 images belonging to 3 classes.",
        "Found 21 files belonging to 3 classes.",
        "Found 21 files belonging to 3 classes.",
        "Using 15 files for training.",
        "Using 6 files for validation.",
    ]


# The flow


def flow(folder, generator=None, **options):
    generator = generator or ImageDataGenerator()
    return generator.flow_from_directory(
        str(folder), **{"target_size": (4, 4), "batch_size": 4} | options
    )


def test_a_flow_gives_every_picture_once_in_an_epoch_and_another_order_in_the_next(folder):
    batches = flow(folder, seed=1, class_mode="sparse")
    assert len(batches) == 6 and batches.n == 21
    first = [next(batches) for _ in range(6)]
    second = [next(batches) for _ in range(6)]
    plain, _ = joined(flow_in_order(folder)[index] for index in range(6))
    for epoch in (first, second):
        x, y = joined(epoch)
        assert sorted(x.sum(axis=(1, 2, 3))) == pytest.approx(sorted(plain.sum(axis=(1, 2, 3))))
        assert np.bincount(y.astype(int)).tolist() == [7, 7, 7]
    assert not np.array_equal(first[0][0], second[0][0])
    again = flow(folder, seed=1, class_mode="sparse")
    np.testing.assert_array_equal(again[0][0], first[0][0])


def joined(batches):
    return (np.concatenate(part) for part in zip(*batches, strict=True))


def flow_in_order(folder):
    return flow(folder, shuffle=False, class_mode="sparse")


def test_reset_begins_again(folder):
    batches = flow_in_order(folder)
    first, _ = next(batches), next(batches)
    batches.reset()
    np.testing.assert_array_equal(next(batches)[0], first[0])


def test_a_flow_of_files_changes_pictures_as_one_of_arrays_does(folder):
    """The same numbers are drawn for picture i, wherever it comes from."""
    generator = ImageDataGenerator(rotation_range=20, horizontal_flip=True, rescale=1 / 255)
    plain = flow(folder, shuffle=False, batch_size=21)
    x, y = plain[0]
    files, arrays = flow(folder, generator, seed=3), generator.flow(x, y, 4, seed=3)
    for index in (0, 5):
        for received, expected in zip(files[index], arrays[index], strict=True):
            np.testing.assert_allclose(received, expected, atol=1e-6)


def test_a_model_trains_on_a_flow_and_predicts_in_the_order_of_its_files(folder):
    generator = ImageDataGenerator(validation_split=0.3)
    training = flow(folder, generator, subset="training", class_mode="sparse", seed=1)
    validation = flow(folder, generator, subset="validation", class_mode="sparse", shuffle=False)
    model = network()
    history = model.fit(
        training,
        epochs=2,
        steps_per_epoch=training.samples // training.batch_size,
        validation_data=validation,
        validation_steps=validation.samples // validation.batch_size,
        verbose=0,
    ).history
    assert len(history["val_loss"]) == 2 and training.epoch == 2
    x = np.concatenate([validation[i][0] for i in range(len(validation))])
    np.testing.assert_array_equal(model.predict(validation), model.predict(x))
    assert model.evaluate(validation) == model.evaluate(x, validation.classes)
    assert [Path(name).parts[0] for name in validation.filenames] == [
        ["ant", "cat", "dog"][label] for label in validation.classes
    ]


def test_links_are_followed_when_asked_for(folder, tmp_path):
    (tmp_path / "root" / "cat").mkdir(parents=True)
    Image.new("RGB", (5, 5)).save(tmp_path / "root" / "cat" / "1.jpg")
    os.symlink(folder / "dog", tmp_path / "root" / "cat" / "more")
    assert flow(tmp_path / "root").n == 1
    assert flow(tmp_path / "root", follow_links=True).n == 8
    assert len(dataset(tmp_path / "root", follow_links=True).file_paths) == 8


def test_what_begins_with_a_dot_is_left_out(tmp_path):
    for name in ("cat/1.png", "cat/._1.png", "cat/.thumbs/2.png", ".ipynb_checkpoints/3.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (5, 5)).save(tmp_path / name)
    batches = flow(tmp_path)
    assert batches.filenames == ["cat/1.png"] and batches.class_indices == {"cat": 0}
    assert dataset(tmp_path).class_names == ["cat"] and len(dataset(tmp_path).file_paths) == 1


# The dataset


def labels_of(source):
    return [y.tolist() for _, y in source]


def test_an_epoch_has_every_picture_once_in_an_order_of_its_own(folder):
    pictures = dataset(folder)
    epochs = [np.concatenate([y for _, y in pictures]) for _ in range(3)]
    assert all(np.bincount(y).tolist() == [7, 7, 7] for y in epochs)
    assert len({tuple(y) for y in epochs}) == 3
    pictures.epoch = 0
    np.testing.assert_array_equal(np.concatenate([y for _, y in pictures]), epochs[0])


def test_map_cache_prefetch_shuffle_take_and_skip(folder):
    pictures = dataset(folder, shuffle=False)
    whole = labels_of(pictures)
    calls = []

    def halved(x, y):
        calls.append(len(x))
        return x / 2, y

    mapped = pictures.map(halved, num_parallel_calls=-1).cache().prefetch(buffer_size=-1)
    assert not calls and len(mapped) == mapped.cardinality() == 6
    for _ in range(2):
        for (x, y), (x_half, y_half) in zip(pictures, mapped, strict=True):
            np.testing.assert_array_equal(x / 2, x_half)
            assert y.tolist() == y_half.tolist()
    assert calls == [4, 4, 4, 4, 4, 1]
    assert labels_of(pictures.take(2)) == whole[:2] and labels_of(pictures.skip(4)) == whole[4:]
    assert labels_of(pictures.take(-1)) == labels_of(pictures.take(99)) == whole
    shuffled = pictures.shuffle(100, seed=1)
    first, second = labels_of(shuffled), labels_of(shuffled)
    assert sorted(first) == sorted(second) == sorted(whole) and first != second
    fixed = pictures.shuffle(100, seed=1, reshuffle_each_iteration=False)
    assert labels_of(fixed) == labels_of(fixed) == first
    alone = dataset(folder, label_mode=None).map(lambda x: x + 1)
    assert min(x.min() for x in alone) >= 1


def test_batches_in_a_loop_have_the_numpy_of_tensorflow(folder):
    (images, labels), *_ = dataset(folder).take(1)
    assert type(labels.numpy()) is type(images[0].numpy()) is np.ndarray
    np.testing.assert_array_equal(images.numpy()[0], images[0].numpy())
    (images,) = dataset(folder, label_mode=None).take(1)
    model = Sequential([Input(images.shape[1:]), layers.GlobalAveragePooling2D(), layers.Dense(2)])
    np.testing.assert_array_equal(model(images), model(images.numpy()))
    assert type(dataset(folder)[0][0]) is np.ndarray  # what a training takes


def test_a_cache_that_is_filled_over_several_epochs_has_every_picture_once(folder):
    pictures = dataset(folder)
    kept = pictures.cache()
    next(iter(kept.take(2)))
    list(pictures)  # the one that it was made from goes on to its next epoch
    kept.on_epoch_end()
    assert np.bincount(np.concatenate([y for _, y in kept])).tolist() == [7, 7, 7]


def test_layers_map_batches(folder):
    rescaled = dataset(folder, shuffle=False).map(lambda x, y: (layers.Rescaling(1 / 255)(x), y))
    for (x, _), (plain, _) in zip(rescaled, dataset(folder, shuffle=False), strict=True):
        np.testing.assert_allclose(x, plain / 255, rtol=1e-6)


def test_a_model_takes_batches_in_their_order_as_keras_does(folder):
    asked = []

    def seen(x, y):
        asked.append(y.tolist())
        return x, y

    pictures = dataset(folder, shuffle=False).map(seen)
    model = network()
    model.fit(pictures, epochs=2, validation_data=dataset(folder), verbose=0)
    whole = labels_of(dataset(folder, shuffle=False))
    assert asked == [whole[0], *whole, *whole]
    x, y = joined(dataset(folder, shuffle=False))
    assert model.evaluate(dataset(folder)) == pytest.approx(model.evaluate(x, y))
    np.testing.assert_array_equal(model.predict(dataset(folder, shuffle=False)), model.predict(x))


def test_a_training_goes_on_with_the_epochs_of_its_dataset(folder, tmp_path):
    def weights(epochs, **options):
        model = network()
        model.fit(dataset(folder), epochs=epochs, seed=2, verbose=0, **options)
        return model.get_weights()

    whole = weights(3)
    weights(1, resume=tmp_path)
    for received, expected in zip(weights(3, resume=tmp_path), whole, strict=True):
        np.testing.assert_array_equal(received, expected)


@pytest.mark.parametrize("seed", [0, 1, 5])
def test_training_and_validation_share_no_file(folder, seed):
    parts = [
        set(dataset(folder, validation_split=0.4, subset=subset, seed=seed).file_paths)
        for subset in ("training", "validation")
    ]
    assert not parts[0] & parts[1] and len(parts[0] | parts[1]) == 21


# PyDataset


class Numbers(utils.PyDataset):
    def __init__(self, n, **options):
        super().__init__(**options)
        self.n, self.begun, self.ended = n, 0, 0

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        x = np.full((2, 4, 4, 3), 50.0 * index, np.float32)
        return x, np.array([index % 3, (index + 1) % 3])

    def on_epoch_begin(self):
        self.begun += 1

    def on_epoch_end(self):
        self.ended += 1


def test_a_pydataset_is_a_source():
    source = Numbers(3, workers=2, use_multiprocessing=True, max_queue_size=4)
    assert source.num_batches == 3 and source.workers == 2 and len(list(source)) == 3
    network().fit(source, epochs=2, validation_data=Numbers(2), verbose=0)
    assert source.begun == source.ended == 2
    with pytest.raises(TypeError, match="no argument 'wrokers'. Did you mean 'workers'"):
        Numbers(3, wrokers=2)


def test_a_pydataset_may_tell_its_length_as_num_batches_and_need_not_call_super():
    class Other(utils.Sequence):
        num_batches = 2

        def __init__(self):
            pass

        __getitem__ = Numbers.__getitem__

    assert len(Other()) == 2
    network().fit(Other(), verbose=0)
    with pytest.raises(NotImplementedError, match="PyDataset expected __len__ or num_batches, how"):
        len(utils.PyDataset())
    with pytest.raises(NotImplementedError, match=r"expected __getitem__\(index\), which makes"):
        utils.PyDataset()[0]
    with pytest.raises(TypeError, match="received None, which is without end: num_batches is that"):
        len(type("Endless", (utils.PyDataset,), {"num_batches": None})())


# Pictures and arrays


def test_pictures_go_to_files_and_back(tmp_path):
    x = np.floor(np.random.default_rng(0).random((6, 5, 3)) * 256).astype(np.float32)
    for path in (tmp_path / "a.png", str(tmp_path / "b.bmp")):
        utils.save_img(path, x, scale=False)
        np.testing.assert_array_equal(utils.img_to_array(utils.load_img(path)), x)
    file = io.BytesIO()
    utils.save_img(file, x[..., :1], "png", scale=False)
    np.testing.assert_array_equal(data.read_image(file.getvalue())[..., 0], x[..., 0])
    utils.save_img(tmp_path / "c.jpg", x)
    assert utils.load_img(tmp_path / "c.jpg", target_size=(2, 3)).size == (3, 2)
    utils.save_img(tmp_path / "d", x, file_format="JPG")


def test_plot_model_writes_a_picture(tmp_path):
    path = tmp_path / "net.png"
    utils.plot_model(network(), to_file=str(path), show_shapes=True, dpi=60)
    assert data.read_image(path).shape[2] == 3


# What is refused


def wrong(message, kind=ValueError):
    return pytest.raises(kind, match=message)


def bad_flows(root, other):
    one = ImageDataGenerator(validation_split=0.3)
    return {
        "has no class_mode 'multi'": lambda: flow(root, class_mode="multi"),
        "has no class_mode 'raw'. Give labels of your own": lambda: flow(root, class_mode="raw"),
        "has no color_mode 'rgba'. Pictures are put on": lambda: flow(root, color_mode="rgba"),
        "has no interpolation 'lanczos3'. Use 'lanczos'": lambda: flow(
            root, interpolation="lanczos3"
        ),
        "expected two classes for class_mode='binary', received 3: use": lambda: flow(
            root, class_mode="binary"
        ),
        "received '.*nowhere', which is no folder: correct": lambda: flow(root / "nowhere"),
        "without any: move the pictures of each": lambda: flow(root / "cat" / "also"),
        "expected classes to be subfolders of .*, received 'cow', which is none": lambda: flow(
            root, classes=["cat", "cow"]
        ),
        "in the subfolders of .*, received none: correct the path": lambda: flow(other),
        "expected subset 'training' or 'validation' of an .*received 'test' with": lambda: flow(
            root, one, subset="test"
        ),
        "received 'training' with validation_split=0.0": lambda: flow(root, subset="training"),
        "flow_from_directory with featurewise_center expected": lambda: flow(
            root, ImageDataGenerator(featurewise_center=True)
        ),
        "expected batch_size of at least 1, received 0": lambda: flow(root, batch_size=0),
        r"size is expected as \(height, width\)": lambda: flow(root, target_size=(4, 4, 3)),
        "expected shuffle as True or False, received 3": lambda: flow(root, shuffle=3),
    }


@pytest.mark.parametrize("number", range(15))
def test_flows_that_cannot_be(folder, tmp_path, number):
    (tmp_path / "cat").mkdir()
    message, make = list(bad_flows(folder, tmp_path).items())[number]
    with wrong("(flow_from_directory|a picture's) .*" * (not message.startswith("flow")) + message):
        make()


BAD_DATASETS = {
    "has no label_mode 'sparse'": {"label_mode": "sparse"},
    "has no color_mode 'grey'. Use 'grayscale'": {"color_mode": "grey"},
    "has no interpolation 'area'. Use 'bilinear' or 'nearest'": {"interpolation": "area"},
    "has no labels 'infered'. Did you mean": {"labels": "infered"},
    "has no subset 'test'": {"subset": "test", "validation_split": 0.2},
    "expected validation_split and subset together, received .*subset=None": {
        "validation_split": 0.2
    },
    "received validation_split=None and subset='both'": {"subset": "both"},
    "expected validation_split as a finite number above 0 and below 1, received 1": {
        "subset": "both",
        "validation_split": 1,
    },
    "expected a seed with validation_split, received None: without": {
        "subset": "training",
        "validation_split": 0.2,
        "seed": None,
    },
    "to leave pictures to the validation subset, received 21": {
        "subset": "both",
        "validation_split": 0.01,
    },
    "expected two classes for label_mode='binary', received": {"label_mode": "binary"},
    "expected a label for each of the 21 files, received 3": {"labels": [1, 2, 3]},
    "expected numbers as labels, received the words 'cat'": {"labels": ["cat"] * 21},
    "expected class_names with labels='inferred' only, received None": {
        "labels": None,
        "class_names": ["cat"],
    },
    "expected class_names to be subfolders of .* 'cow', which is none": {"class_names": ["cow"]},
    "expected batch_size of at least 1, received None": {"batch_size": None},
}


@pytest.mark.parametrize("message", BAD_DATASETS)
def test_datasets_that_cannot_be(folder, message):
    with wrong("image_dataset_from_directory .*" + message):
        dataset(folder, **BAD_DATASETS[message])


def test_folders_that_are_none(folder, tmp_path):
    for labels in ("inferred", None):
        with wrong("received '.*nothing', which is no folder", DataError):
            dataset(folder / "nothing", labels=labels)
    (tmp_path / "cat").mkdir()
    with wrong(r"expected pictures \(.bmp, .*\) in .*, received none: correct", DataError):
        dataset(tmp_path)


def test_a_file_that_is_no_picture_is_named_when_its_batch_is_due(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.png").write_bytes(b"no picture")
    for source in (flow(tmp_path), dataset(tmp_path)):
        with wrong("1.png: expected a picture .*received a file that starts with", ImageError):
            source[0]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda d: d[6], "expected a batch from 0 to 5, received 6"),
        (lambda d: d.batch(3), "Dataset has no 'batch'. It has batches already"),
        (lambda d: d.unbatch(), "fit takes batches"),
        (lambda d: d.repeat(), "goes through it again and again"),
        (lambda d: d.as_numpy_iterator(), "Batches are NumPy arrays"),
        (lambda d: d.filter(len), "Choose pictures before"),
        (lambda d: d.cache("a"), "takes 1 positional argument but 2 were given"),
        (lambda d: d.shuffle(0), "shuffle expected buffer_size of at least 1, received 0"),
        (lambda d: d.take(1.5), "take expected count of at least 0, received 1.5"),
    ],
)
def test_what_a_dataset_cannot_do(folder, call, message):
    with pytest.raises((AttributeError, ValueError, TypeError, IndexError), match=message):
        call(dataset(folder))


@pytest.mark.parametrize(
    "x, options, message",
    [
        (
            np.zeros((4, 4)),
            {},
            r"expected one picture \(H, W, 3\) or .*, received \(4, 4\)",
        ),
        (np.zeros((4, 4, 4)), {}, r"received \(4, 4, 4\)"),
        (np.full((4, 4, 3), 300), {"scale": False}, "levels from 0 to 255, received 300 to 300"),
        (np.full((4, 4, 3), np.nan), {}, "received nan to nan"),
        (np.zeros((4, 4, 3)), {"scale": 7}, "expected scale as True or False, received 7"),
    ],
)
def test_arrays_that_are_no_picture(tmp_path, x, options, message):
    with wrong("array_to_img .*" + message):
        utils.array_to_img(x, **options)
    with wrong("array_to_img .*" + message):
        utils.save_img(tmp_path / "a.png", x, **options)


def test_files_that_are_no_picture(tmp_path):
    with wrong("save_img expected a path that ends in .png, .*a.doc", ImageError):
        utils.save_img(tmp_path / "a.doc", np.zeros((4, 4, 3)))


def test_a_norm_of_no_order():
    with wrong("normalize expected order as a whole number above 0, received 0"):
        utils.normalize(np.eye(3), order=0)


def test_get_file_is_refused_with_the_way_out():
    with pytest.raises(AttributeError, match="'get_file'. Use urllib.request.urlretrieve"):
        utils.get_file  # noqa: B018  the look-up is the test


def test_nothing_touches_the_global_generators(folder):
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    list(dataset(folder, validation_split=0.3, subset="training"))
    flow(folder)[0]
    assert before == (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002
