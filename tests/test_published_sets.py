"""MNIST, Fashion-MNIST and CIFAR-100: as Keras returns them, from every form, and what is refused.

How a data set is found, kept and downloaded is shared with CIFAR-10, whose tests go further.
"""

import gzip
import http.server
import re
import struct
import threading
import warnings
import zipfile

import cifar_files
import numpy as np
import published_files as files
import pytest
from published_files import cifar100_members, cifar100_tar, digits, idx_files, npz, write

from minicnn import datasets
from minicnn.datasets import cache, cifar100, fashion_mnist, idx, mnist
from minicnn.errors import DataError

pytest_plugins = ["cifar_fixtures"]


@pytest.fixture(autouse=True)
def miniatures(alone, monkeypatch):
    """The published files are small ones, home folders are empty, nothing is set from outside."""
    for name in ("MNIST", "FASHION_MNIST", "CIFAR100"):
        monkeypatch.delenv(f"MINICNN_{name}_URL", raising=False)
    files.pin(monkeypatch)
    return alone


def assert_digits(loaded, seed=0):
    arrays = digits(seed)
    (x_train, y_train), (x_test, y_test) = loaded
    for found, key in ((x_train, "x_train"), (y_train, "y_train")):
        np.testing.assert_array_equal(found, arrays[key])
    for found, key in ((x_test, "x_test"), (y_test, "y_test")):
        np.testing.assert_array_equal(found, arrays[key])
    for found in (x_train, y_train, x_test, y_test):
        assert found.dtype == np.uint8 and found.flags.writeable and found.flags.c_contiguous
    assert x_train.shape[1:] == (28, 28) and y_train.ndim == 1


def assert_photographs(loaded, which=1, seed=0):
    arrays = files.photographs(seed)
    for part, (x, y) in zip(files.ROWS, loaded, strict=True):
        np.testing.assert_array_equal(x, arrays[part][0])
        np.testing.assert_array_equal(y, arrays[part][which][:, None])
        assert x.dtype == np.uint8 and y.dtype == np.int64 and x.flags.c_contiguous


def quietly(load, *arguments, **options):
    """Without the warning about files that are not the published ones."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* is not the .* publish")
        return load(*arguments, **options)


# Every form


MNIST_FORMS = {
    "mnist.npz": lambda d: write(d, {"mnist.npz": npz(digits())}) / "mnist.npz",
    "a folder with it": lambda d: write(d, {"mnist.npz": npz(digits())}),
    "four files": lambda d: write(d, idx_files(digits())),
    "four files, as torchvision": lambda d: (
        write(d / "MNIST" / "raw", idx_files(digits())) / "../.."
    ),
    "mnist/": lambda d: write(d / "mnist", idx_files(digits())) / "..",
}


@pytest.mark.parametrize("form", MNIST_FORMS)
@pytest.mark.usefixtures("no_sockets")
def test_mnist_in_every_form(tmp_path, form):
    assert_digits(mnist.load_data(MNIST_FORMS[form](tmp_path / "data")))


@pytest.mark.parametrize("below", [".", "fashion-mnist", "FashionMNIST/raw"])
@pytest.mark.usefixtures("no_sockets")
def test_fashion_mnist_in_every_form(tmp_path, below):
    write(tmp_path / "data", {})
    write(tmp_path / "data" / below.split("/")[0], {})
    write(tmp_path / "data" / below, idx_files(digits(1)))
    assert_digits(fashion_mnist.load_data(tmp_path / "data"), 1)
    assert len(fashion_mnist.CLASS_NAMES) == 10


@pytest.mark.parametrize("form", ["tar", "folder", "parent of a tar", "parent of a folder"])
@pytest.mark.usefixtures("no_sockets")
def test_cifar100_in_every_form(tmp_path, form):
    if "tar" in form:
        path = write(tmp_path, {"cifar-100-python.tar.gz": cifar100_tar()})
        path = path if "parent" in form else path / "cifar-100-python.tar.gz"
    else:
        folder = cifar_files.write_folder(tmp_path, cifar100_members())
        path = folder.parent if "parent" in form else folder
    assert_photographs(cifar100.load_data(path=path))
    assert_photographs(cifar100.load_data("coarse", path), 2)


def test_they_are_where_scripts_for_keras_look():
    assert datasets.mnist is mnist and datasets.fashion_mnist is fashion_mnist
    assert datasets.cifar100 is cifar100


# Found, kept, downloaded

PLACES = {
    "mnist": ["user/.keras/datasets/mnist.npz", "home/mnist.npz", "work/data/MNIST/raw"],
    "fashion_mnist": [
        "user/.keras/datasets/fashion-mnist",
        "home/fashion-mnist",
        "work/data/FashionMNIST/raw",
    ],
    "cifar100": [
        "user/.keras/datasets/cifar-100-python-target",
        "user/.keras/datasets/cifar-100-python-target_archive",
        "user/.keras/datasets/cifar-100-python.tar.gz",
        "work/data/cifar-100-python",
        "home/cifar-100-python.tar.gz",
    ],
}


def put(root, name, place, seed=None):
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    if name == "cifar100" and place.endswith(("gz", "archive")):
        path.write_bytes(cifar100_tar(seed or 0))
    elif name == "cifar100":
        members = {
            key.split("/")[1]: blob for key, blob in files.cifar100_members(seed or 0).items()
        }
        write(path, members)
    elif place.endswith("npz"):
        path.write_bytes(npz(digits(seed or 0)))
    else:
        own = 1 if name == "fashion_mnist" else 0
        write(path, idx_files(digits(own if seed is None else seed)))


def assert_is(name, loaded):
    if name == "cifar100":
        assert_photographs(loaded)
    else:
        assert_digits(loaded, int(name == "fashion_mnist"))


@pytest.mark.parametrize(
    "name, place", [(name, place) for name, places in PLACES.items() for place in places]
)
@pytest.mark.usefixtures("no_sockets")
def test_finds_copies_that_others_downloaded_and_keeps_them(tmp_path, name, place):
    put(tmp_path, name, place)
    load = files.SETS[name].load_data
    assert_is(name, load())
    (tmp_path / place.split("/")[0]).rename(tmp_path / "away")
    if place.startswith("home"):
        (tmp_path / "away").rename(tmp_path / "home")
    assert_is(name, load())


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.usefixtures("no_sockets")
def test_a_found_copy_that_is_not_the_published_is_skipped(tmp_path, name):
    put(tmp_path, name, PLACES[name][0], seed=7)
    with (
        pytest.warns(UserWarning, match="skipped a copy of .* is not the .* publish"),
        pytest.raises(DataError, match="offline was asked for, so nothing was downloaded: get"),
    ):
        files.SETS[name].load_data(offline=True)


@pytest.fixture
def site(alone):
    """A server for the files in the folder site: its address, and the list of requests."""
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            requests.append(self.path)

    def handler(*arguments):
        return Handler(*arguments, directory=str(alone / "site"))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", requests
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", PLACES)
def test_downloads_once(alone, monkeypatch, site, name):
    address, requests = site
    blobs = {"mnist": {"a.npz": npz(digits())}, "cifar100": {"a.tgz": cifar100_tar()}}
    blobs = blobs.get(name, idx_files(digits(1)))
    write(alone / "site", blobs)
    own = address if len(blobs) > 1 else f"{address}/{next(iter(blobs))}"
    monkeypatch.setenv(f"MINICNN_{name.upper()}_URL", own)
    for _ in range(2):
        assert_is(name, files.SETS[name].load_data())
    assert sorted(requests) == sorted(f"/{file}" for file in blobs)


@pytest.mark.parametrize("name", PLACES)
def test_a_download_of_other_content_is_refused(alone, monkeypatch, site, name):
    address, _ = site
    blobs = {"mnist": {"a.npz": npz(digits(5))}, "cifar100": {"a.tgz": cifar100_tar(5)}}
    blobs = blobs.get(name, idx_files(digits(5)))
    write(alone / "site", blobs)
    own = address if len(blobs) > 1 else f"{address}/{next(iter(blobs))}"
    monkeypatch.setenv(f"MINICNN_{name.upper()}_URL", own)
    with pytest.raises(
        DataError, match=r"expected (SHA-256|\d+ bytes), received .*name it .path, or --data"
    ) as caught:
        files.SETS[name].load_data()
    assert "\n" not in str(caught.value)
    assert not [path for path in cache.home().iterdir() if path.is_dir() and any(path.iterdir())]


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.usefixtures("no_sockets")
def test_offline_by_the_environment(monkeypatch, name):
    monkeypatch.setenv("MINICNN_OFFLINE", "1")
    with pytest.raises(DataError, match=r"is not in .*, data.*, and: offline .*datasets\.shapes"):
        files.SETS[name].load_data()


FORMS = {
    "mnist": lambda d: write(d, {"mnist.npz": npz(digits())}) / "mnist.npz",
    "fashion_mnist": lambda d: write(d, idx_files(digits(1))),
    "cifar10": lambda d: cifar_files.write_tar(write(d, {}) / "cifar-10-python.tar.gz"),
    "cifar100": lambda d: (
        write(d, {"cifar-100-python.tar.gz": cifar100_tar()}) / "cifar-100-python.tar.gz"
    ),
}


@pytest.mark.parametrize("named", FORMS)
@pytest.mark.parametrize("asked", [*FORMS])
@pytest.mark.usefixtures("no_sockets")
def test_the_environment_names_another_data_set(tmp_path, monkeypatch, named, asked):
    if named == asked:
        return
    monkeypatch.setenv("MINICNN_DATA", str(FORMS[named](tmp_path / "data")))
    title = {
        "mnist": "MNIST",
        "fashion_mnist": "Fashion-MNIST",
        "cifar10": "CIFAR-10",
        "cifar100": "CIFAR-100",
    }[asked]
    with pytest.raises(
        DataError,
        match=f"^MINICNN_DATA does not name {title}: .*data.*Where it names another data set, name "
        "this one by path, or in MINICNN_DATA a folder in which both are$",
    ) as error:
        getattr(datasets, asked).load_data()
    print(error.value)


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.usefixtures("no_sockets")
def test_the_environment_names_a_folder_and_a_wrong_one_is_refused(tmp_path, monkeypatch, name):
    folder = write(tmp_path / "data", {})
    monkeypatch.setenv("MINICNN_DATA", str(folder))
    with pytest.raises(DataError, match=r"a folder without them: correct .* \(or MINICNN_DATA\)"):
        files.SETS[name].load_data()
    put(tmp_path, name, f"data/{PLACES[name][0].split('/')[-1].replace('-target', '')}")
    assert_is(name, files.SETS[name].load_data())


def test_keras_default_path_is_as_none_but_a_file_of_that_name_is_read(tmp_path):
    put(tmp_path, "mnist", "user/.keras/datasets/mnist.npz")
    assert_digits(mnist.load_data("mnist.npz"))
    (tmp_path / "work" / "mnist.npz").write_bytes(npz(digits(3)))
    with pytest.warns(UserWarning, match="mnist.npz is not the MNIST that is published"):
        assert_digits(mnist.load_data(path="mnist.npz"), 3)


# What is refused, in one line


def changed(**arrays):
    return digits() | arrays


def npy_with(header):
    """mnist.npz whose x_train.npy has that header."""

    def make(folder):
        path = write(folder, {"mnist.npz": npz(digits())}) / "mnist.npz"
        body = header.encode().ljust(118) + b"\n"
        blob = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(body)) + body
        with zipfile.ZipFile(path, "w") as whole:
            for key, array in digits().items():
                whole.writestr(f"{key}.npy", blob + array.tobytes())
        return path

    return make


def damaged(blob):
    return blob[: len(blob) // 2] + bytes(50) + blob[len(blob) // 2 + 50 :]


def mnist_file(blob):
    return lambda folder: write(folder, {"mnist.npz": blob}) / "mnist.npz"


def four(**blobs):
    files_ = idx_files(digits())
    for part, blob in blobs.items():
        name = next(name for name in files_ if part in name)
        files_[name] = blob(files_[name])
    return lambda folder: write(folder, files_)


BAD_MNIST = {
    "a web page": (
        mnist_file(b"<!DOCTYPE html>"),
        "received .*: a web page was saved",
    ),
    "empty": (mnist_file(b""), "expected mnist.npz, received a file that starts with b''"),
    "another npz": (mnist_file(npz({"a": np.zeros(3)})), "expected mnist.npz with x_train, x_test"),
    "cut off": (mnist_file(npz(digits())[:-100]), "another or a damaged file"),
    "other shapes": (
        mnist_file(npz(changed(x_train=np.zeros((12, 28, 27), np.uint8)))),
        r"x_train: expected .*'shape': \(12, 28, 28\)}, received .*27",
    ),
    "other numbers": (
        mnist_file(npz(changed(y_test=np.zeros(5)))),
        r"y_test: expected .*received .*f8",
    ),
    "pickled": (
        mnist_file(npz(changed(y_test=np.array([print] * 5)))),
        "received .*'descr': '|O'",
    ),
    "a program for a header": (npy_with("__import__('os').abort()"), "x_train: expected"),
    "deep": (npy_with("(" * 100), "x_train: expected"),
    "labels": (
        mnist_file(npz(changed(y_train=np.full(12, 11, np.uint8)))),
        "expected labels from 0 to 9, received 11",
    ),
    "not packed": (four(t10k=gzip.decompress), "expected an idx file, packed with gzip"),
    "packed badly": (four(t10k=damaged), "(damaged one|expected an idx file)"),
    "packed short": (four(t10k=lambda blob: blob[:-9]), "a whole gzip file, received a damaged"),
    "too many": (
        four(t10k=lambda blob: gzip.compress(gzip.decompress(blob) + b"0")),
        r"expected an idx file of \(5, 28, 28\) bytes, received 3937 bytes",
    ),
    "a bomb": (
        four(t10k=lambda blob: gzip.compress(gzip.decompress(blob) + bytes(10**8))),
        r"received 80\d\d bytes",
    ),
    "numbers of two bytes": (
        four(t10k=lambda blob: gzip.compress(b"\0\0\x0b\x03" + gzip.decompress(blob)[4:])),
        "that start with 00 00 0b 03",
    ),
}


@pytest.mark.parametrize("fault", BAD_MNIST)
def test_bad_files_of_mnist_are_refused(tmp_path, fault):
    make, message = BAD_MNIST[fault]
    with pytest.raises(DataError, match=message) as caught:
        quietly(mnist.load_data, make(tmp_path / "data"))
    print(caught.value)
    assert "\n" not in str(caught.value)


def test_flipped_bytes_of_an_npz_are_noticed_or_without_effect(tmp_path):
    blob, rng = npz(digits()), np.random.default_rng(0)
    for _ in range(60):
        at = int(rng.integers(len(blob)))
        path = mnist_file(blob[:at] + bytes([blob[at] ^ 0x55]) + blob[at + 1 :])(tmp_path / "d")
        try:
            assert_digits(quietly(mnist.load_data, path))
        except DataError:
            pass


def test_the_two_sets_of_one_form_are_not_mistaken(tmp_path):
    folder = write(tmp_path / "data", idx_files(digits(1)))
    with pytest.raises(DataError, match="expected MNIST, received Fashion-MNIST, whose files have"):
        mnist.load_data(folder)
    write(folder, idx_files(digits(0)))
    with pytest.raises(DataError, match="expected Fashion-MNIST, received MNIST, whose files"):
        fashion_mnist.load_data(folder)


def test_cifar100_refuses_another_label_mode():
    with pytest.raises(
        ValueError,
        match=r"label_mode 'fine' or 'coarse', received 'course'\. Did you mean",
    ):
        cifar100.load_data("course")


def test_cifar100_refuses_what_is_missing_wrong_or_of_another_set(tmp_path):
    members = cifar100_members()
    one = {key: blob for key, blob in members.items() if not key.endswith("test")}
    path = tmp_path / "cifar-100-python.tar.gz"
    faults = {
        "received no testing batch 1 of 1": one,
        r"labels 0|the label 100, not only 0 to 99": members
        | {"cifar-100-python/test": files.pickled("test", *wrong(fine=100))},
        "the label 20, not only 0 to 19": members
        | {"cifar-100-python/test": files.pickled("test", *wrong(coarse=20))},
        "it has 4 labels and 5 pictures, not 5": members
        | {"cifar-100-python/test": files.pickled("test", *wrong(cut=4))},
        "expected 4 plain files such as 'cifar-100-python/file": cifar_files.python_members(),
    }
    for message, content in faults.items():
        cifar_files.write_tar(path, content)
        with pytest.raises(DataError, match=message) as caught:
            quietly(cifar100.load_data, path=path)
        assert "\n" not in str(caught.value)


def wrong(fine=None, coarse=None, cut=None):
    pixels, first, second = files.photographs()["test"]
    if fine is not None:
        first = first.copy()
        first[-1] = fine
    if coarse is not None:
        second = second.copy()
        second[-1] = coarse
    return pixels, first[:cut], second


def test_the_pinned_checksums_are_complete(monkeypatch):
    monkeypatch.undo()
    sums = [digest for title in idx.PUBLISHED.values() for digest in title.values()]
    sums += [mnist.DOWNLOAD.sha256, cifar100.DOWNLOAD.sha256, *cifar100.SHA256.values()]
    assert len(set(sums)) == 12 and all(len(bytes.fromhex(digest)) == 32 for digest in sums)
    assert set(fashion_mnist.SIZES) == set(idx.IDX) == set(idx.PUBLISHED["MNIST"])
    assert all(
        re.match("https://", address)
        for address in (
            *mnist.DOWNLOAD.mirrors,
            *cifar100.DOWNLOAD.mirrors,
            *fashion_mnist.ADDRESSES,
        )
    )
