"""CIFAR-10 in every form, genuine or not, named, found or downloaded."""

import http.server
import shutil
import subprocess
import sys
import tarfile
import threading
import warnings
from pathlib import Path

import cifar_files as files
import numpy as np
import pytest
from cifar_files import FORMS, NOT_TORONTO, ROWS, assert_is_seed, entries, header, load, tar

from minicnn.datasets import cache, cifar10, cifar10_batches
from minicnn.errors import DataError

pytest_plugins = ["cifar_fixtures"]
pytestmark = pytest.mark.usefixtures("alone")


@pytest.mark.parametrize("form", FORMS)
def test_reads_every_form(tmp_path, form):
    (tmp_path / "data").mkdir()
    data = load(FORMS[form](tmp_path / "data"))
    assert_is_seed(data, 0)
    for part, count in zip(data, (5 * ROWS, ROWS), strict=True):
        for values, sides in zip(part, ((count, 32, 32, 3), (count, 1)), strict=True):
            assert type(values) is np.ndarray and values.dtype == np.uint8 and values.shape == sides
            assert values.flags.c_contiguous and values.flags.writeable
    assert len(cifar10.CLASS_NAMES) == 10


def test_reads_a_tarball_with_pax_records_and_dots(tmp_path):
    """As made by Python's tarfile or by `tar c ./cifar-10-batches-py`: fractional times, names with
    a dot in front.
    """
    members = [
        (header("./" + info.name, type=info.type, mtime=1.5), blob)
        for info, blob in entries(files.python_members())
    ]
    path = tmp_path / "repacked.tar.gz"
    path.write_bytes(tar(members, form=tarfile.PAX_FORMAT))
    assert_is_seed(load(path), 0)


def test_accepts_text_and_user_paths(tmp_path, monkeypatch):
    files.write_tar(tmp_path / "c.tgz")
    assert_is_seed(load(str(tmp_path / "c.tgz")), 0)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert_is_seed(load("~/c.tgz"), 0)


def test_prefers_the_version_without_pickles(tmp_path):
    files.write_folder(tmp_path, files.python_members(seed=1))
    files.write_folder(tmp_path, files.binary_members(seed=2))
    assert_is_seed(load(tmp_path), 2)


def test_no_warning_of_numpy_reaches_the_user(tmp_path, genuine):
    (tmp_path / "t.tgz").write_bytes(genuine)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_is_seed(cifar10.load_data(tmp_path / "t.tgz"), 0)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.usefixtures("genuine")
def test_says_nothing_about_torontos_files(tmp_path, form):
    (tmp_path / "data").mkdir()
    path = FORMS[form](tmp_path / "data")
    for _ in range(2):
        cifar10.load_data(path)  # a warning would be an error here


def test_says_once_that_a_file_is_not_torontos(tmp_path):
    path = files.write_tar(tmp_path / "other.tar.gz")
    with pytest.warns(
        UserWarning, match=f"other.tar.gz is {NOT_TORONTO}: accuracies on it may not compare$"
    ):
        assert_is_seed(cifar10.load_data(path), 0)
    assert_is_seed(cifar10.load_data(path), 0)  # a warning would be an error here


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.usefixtures("genuine")
def test_the_original_is_known_in_every_form(tmp_path, form):
    (tmp_path / "data").mkdir()
    path = FORMS[form](tmp_path / "data")
    for _ in range(2):  # decoded, then kept
        assert cifar10.is_original(path)


@pytest.mark.filterwarnings(f"ignore:.*{NOT_TORONTO}")
def test_a_copy_is_never_the_original_however_often_it_is_loaded(tmp_path, monkeypatch, genuine):
    path = files.write_tar(tmp_path / "other.tar.gz", files.python_members(seed=5))
    for _ in range(2):
        assert not cifar10.is_original(path)
    cifar10.fetch(path)
    assert not cifar10.is_original()  # which is found without its name now
    monkeypatch.setenv("MINICNN_DATA", str(path))
    assert not cifar10.is_original()
    path.write_bytes(genuine)
    assert cifar10.is_original()


@pytest.mark.filterwarnings(f"ignore:.*{NOT_TORONTO}")
def test_a_copy_that_was_fetched_is_found_again_without_its_name(tmp_path):
    path = files.write_tar(tmp_path / "other.tar.gz", files.python_members(seed=5))
    cifar10.load_data(path)
    # who only trains on a file does not mean all others
    with pytest.raises(DataError, match="offline was asked for"):
        cifar10.load_data(offline=True)
    assert_is_seed(cifar10.fetch(path), 5)
    path.unlink()
    assert_is_seed(cifar10.load_data(), 5)
    assert_is_seed(cifar10.fetch(), 5)


@pytest.mark.filterwarnings(f"ignore:.*{NOT_TORONTO}")
def test_torontos_own_copy_comes_before_one_that_was_fetched(tmp_path, genuine):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "cifar-10-python.tar.gz").write_bytes(genuine)
    assert_is_seed(cifar10.load_data(), 0)
    cifar10.fetch(files.write_tar(tmp_path / "other.tar.gz", files.python_members(seed=5)))
    assert_is_seed(cifar10.load_data(), 0)


@pytest.mark.parametrize("text", [b"", b"../user", b"cifar10-*", b"\xff"])
def test_a_damaged_note_of_what_was_fetched_is_passed_over(tmp_path, text):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "cifar10.fetched").write_bytes(text)
    with pytest.raises(DataError, match="offline was asked for"):
        cifar10.load_data(offline=True)


def test_the_pinned_checksums_are_complete():
    assert cifar10.DOWNLOAD_SIZE == 170_498_071 and len(cifar10.DOWNLOAD_SHA256) == 64
    digests = [
        digest for version in cifar10_batches.VERSIONS for digest in version.batches.values()
    ]
    assert len(set(digests)) == 12 and all(len(bytes.fromhex(digest)) == 32 for digest in digests)


PLACES = {
    "Keras, unpacked": (
        "user/.keras/datasets/cifar-10-batches-py-target/cifar-10-batches-py",
        "folder",
    ),
    "Keras, packed": ("user/.keras/datasets/cifar-10-batches-py-target_archive", "tar"),
    "older Keras, unpacked": ("user/.keras/datasets/cifar-10-batches-py", "folder"),
    "older Keras, packed": ("user/.keras/datasets/cifar-10-batches-py.tar.gz", "tar"),
    "torchvision, unpacked": ("work/data/cifar-10-batches-py", "folder"),
    "torchvision, packed": ("work/data/cifar-10-python.tar.gz", "tar"),
    "put there by hand": ("home/cifar-10-python.tar.gz", "tar"),
}


def put(root, place, seed=0):
    path, form = PLACES[place]
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    if form == "tar":
        return files.write_tar(root / path, files.python_members(seed))
    folder = files.write_folder(root / "unpacked", files.python_members(seed))
    return folder.rename(root / path)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.usefixtures("genuine", "no_sockets")
def test_finds_copies_that_others_downloaded(tmp_path, place):
    path = put(tmp_path, place)
    assert_is_seed(cifar10.load_data(), 0)
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)
    assert_is_seed(cifar10.load_data(), 0)  # decoded once, the copy is no longer needed


@pytest.mark.usefixtures("genuine", "no_sockets")
def test_keras_home_moves_the_place(tmp_path, monkeypatch):
    put(tmp_path, "Keras, packed")
    (tmp_path / "user" / ".keras").rename(tmp_path / "moved")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "moved"))
    assert_is_seed(cifar10.load_data(), 0)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.usefixtures("genuine", "no_sockets")
def test_a_found_copy_that_is_not_torontos_is_skipped(tmp_path, place):
    put(tmp_path, place, seed=1)
    with (
        pytest.warns(UserWarning, match=f"skipped a copy of CIFAR-10: .* {NOT_TORONTO}"),
        pytest.raises(DataError),
    ):
        cifar10.load_data(offline=True)
    assert not [path for path in cache.home().iterdir() if path.is_dir()]


@pytest.mark.usefixtures("genuine", "no_sockets")
def test_a_broken_copy_is_skipped_for_a_good_one(tmp_path):
    folder = put(tmp_path, "Keras, unpacked")
    (folder / "test_batch").write_bytes(b"broken")
    put(tmp_path, "Keras, packed")
    with pytest.warns(
        UserWarning, match="skipped a copy of CIFAR-10: .*test_batch: expected the testing batch"
    ):
        assert_is_seed(cifar10.load_data(), 0)


@pytest.mark.usefixtures("genuine")
def test_the_environment_names_a_file(tmp_path, monkeypatch):
    put(tmp_path, "Keras, packed")
    monkeypatch.setenv(
        "MINICNN_DATA", str(files.write_tar(tmp_path / "c.tgz", files.python_members(seed=1)))
    )
    assert_is_seed(load(), 1)
    # path= goes before
    assert_is_seed(load(files.write_tar(tmp_path / "d.tgz", files.python_members(seed=2))), 2)


@pytest.mark.parametrize("name", ["nothing-here", "."])
@pytest.mark.usefixtures("genuine", "no_sockets")
def test_a_wrong_path_is_refused_not_replaced_by_a_download(tmp_path, monkeypatch, name):
    put(tmp_path, "Keras, packed")
    kind = "a folder without them" if name == "." else "a path where nothing is"
    with pytest.raises(
        DataError, match=f"expected cifar-10-python.tar.gz, .*, received {kind}: correct the path"
    ):
        cifar10.load_data(name)
    monkeypatch.setenv("MINICNN_DATA", name)
    with pytest.raises(DataError, match="MINICNN_DATA"):
        cifar10.load_data()


@pytest.mark.parametrize("how", ["argument", "environment"])
@pytest.mark.usefixtures("no_sockets")
def test_offline_opens_no_socket(monkeypatch, how):
    monkeypatch.setenv("MINICNN_CIFAR_URL", "http://127.0.0.1:9/x")
    if how == "environment":
        monkeypatch.setenv("MINICNN_OFFLINE", "1")
    with pytest.raises(
        DataError,
        match=r"is not in .*\.keras/datasets, data, and: offline .* nothing was downloaded: get",
    ) as caught:
        cifar10.load_data(offline=True if how == "argument" else None)
    assert "\n" not in str(caught.value) and "datasets.shapes" in str(caught.value)


@pytest.fixture
def site(monkeypatch, alone):
    """A server for the files in the folder site, named by MINICNN_CIFAR_URL; it has a list of
    requests.
    """
    (alone / "site").mkdir()
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            requests.append(self.path)

    def handler(*arguments):
        return Handler(*arguments, directory=str(alone / "site"))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv(
            "MINICNN_CIFAR_URL", f"http://127.0.0.1:{server.server_port}/cifar.tar.gz"
        )
        yield requests
        server.shutdown()
        thread.join()


def test_downloads_once(tmp_path, genuine, site):
    (tmp_path / "site" / "cifar.tar.gz").write_bytes(genuine)
    for _ in range(2):
        assert_is_seed(cifar10.load_data(), 0)
    assert site == ["/cifar.tar.gz"]
    assert (cache.home() / "cifar-10-python.tar.gz").read_bytes() == genuine


@pytest.mark.usefixtures("site")
def test_offline_false_outranks_the_environment(tmp_path, monkeypatch, genuine):
    (tmp_path / "site" / "cifar.tar.gz").write_bytes(genuine)
    monkeypatch.setenv("MINICNN_OFFLINE", "1")
    assert_is_seed(cifar10.load_data(offline=False), 0)


@pytest.mark.usefixtures("site")
def test_downloads_where_home_cannot_be_written(tmp_path, genuine):
    (tmp_path / "site" / "cifar.tar.gz").write_bytes(genuine)
    (tmp_path / "home").write_text("a file, not a folder")
    with pytest.warns(UserWarning, match="cannot be written"):
        assert_is_seed(cifar10.load_data(), 0)


@pytest.mark.usefixtures("genuine", "site")
def test_all_sources_failing_is_one_line(tmp_path):
    page = b"<!DOCTYPE html><title>Moved</title>"
    (tmp_path / "site" / "cifar.tar.gz").write_bytes(page)
    with pytest.raises(
        DataError, match="expected .* bytes, received 35 starting with b'<!DOCTYPE html>"
    ) as caught:
        cifar10.load_data()
    message = str(caught.value)
    assert (
        "\n" not in message
        and "cifar.tar.gz: " in message
        and "name it (path, or --data in commands, or MINICNN_DATA)" in message
    )
    assert not (cache.home() / "cifar-10-python.tar.gz").exists()


def test_importing_the_data_sets_does_not_import_the_network():
    code = "import sys, minicnn.datasets; sys.exit('urllib.request' in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], check=False, cwd=Path(cifar10.__file__).parents[2]
        ).returncode
        == 0
    )
