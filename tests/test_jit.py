"""The kernel cache: kept between processes, renewed when a source changes, proof against damage,
never in the way.
"""

import os
import re
import shutil
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from numba import config
from programs import run

import minicnn
from minicnn.machine import cache, processor

PACKAGE = Path(minicnn.__file__).parent
OUTER = """
from numba import prange
from minicnn.engine import probe_inner
from minicnn.machine.jit import parallel_jit

@parallel_jit
def outer(x):
    for i in prange(x.size):
        x[i] = probe_inner.inner(x[i])
"""
INNER = """
from minicnn.machine.jit import jit

@jit
def inner(x):
    return x + 1
"""
PROGRAM = """
import shutil, sys
import numpy as np
from minicnn.engine import probe_outer
from minicnn.machine import cache, emit

def outer(dtype):
    x = np.full(1, 5, dtype)
    probe_outer.outer(x)
    return x.item()
"""
RESULT = "print(outer(np.float64), len(cache.compiled), len(cache.loaded))"
# two kernels are compiled; the outer one from the cache has the inner one in it
COLD, WARM = (
    "6.0 2 0",
    "6.0 0 1",
)
ANNOUNCEMENT = "minicnn: compiling kernels (kept for later runs)\n"


@pytest.fixture
def package(tmp_path):
    """A copy of the package, without kept kernels, where one kernel calls another from another
    file.
    """
    shutil.copytree(PACKAGE, tmp_path / "minicnn", ignore=shutil.ignore_patterns("*.kernel"))
    engine = tmp_path / "minicnn" / "engine"
    (engine / "probe_outer.py").write_text(OUTER)
    (engine / "probe_inner.py").write_text(INNER)
    return tmp_path


def start(package, program=RESULT, **environment):
    """(what the program prints, what it writes to stderr, without how far it is: that a busy
    machine tells).
    """
    done = run(
        PROGRAM + program,
        folder=package,
        **{"NUMBA_CACHE_DIR": str(package / "cache")} | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), re.sub(
        r"minicnn: compiling kernels: .* done, .* s\n", "", done.stderr
    )


def test_the_first_run_says_that_it_compiles_and_the_next_is_silent(package):
    assert start(package) == (COLD, ANNOUNCEMENT)
    assert start(package) == (WARM, "")


def test_the_announcement_can_be_switched_off(package):
    program = "import logging; logging.getLogger('minicnn').setLevel(logging.ERROR);" + RESULT
    assert start(package, program) == (COLD, "")


def test_a_change_in_a_folder_of_a_room_is_noticed(package):
    """A file that kernels are made by may lie deeper than the room's own folder."""
    deep = package / "minicnn" / "engine" / "deep"
    deep.mkdir()
    (deep / "constants.py").write_text("TURNS = 1\n")
    assert [start(package)[0] for _ in range(2)] == [COLD, WARM]
    (deep / "constants.py").write_text("TURNS = 2\n")
    assert start(package)[0] == COLD


def test_a_change_in_a_called_function_is_noticed(package):
    """Numba watches the file of the function that is called from Python, and no other."""
    assert start(package)[0] == COLD
    (package / "minicnn" / "engine" / "probe_inner.py").write_text(INNER.replace("x + 1", "x + 2"))
    assert start(package)[0] == COLD.replace("6", "7")


DAMAGES = {
    "cut off": lambda content: content[: len(content) // 2],
    "empty": lambda _: b"",
    "random": lambda content: os.urandom(len(content)),
    "one bit in the machine code": lambda content: (
        content[:-999] + bytes([content[-999] ^ 1]) + content[-998:]
    ),
}


def test_damaged_files_are_made_anew(package):
    assert start(package)[0] == COLD
    files = sorted(package.glob("cache/**/*.kernel"))
    for damage, damaged in DAMAGES.items():
        for file in files:
            file.write_bytes(damaged(file.read_bytes()))
        assert start(package) == (COLD, ANNOUNCEMENT), damage
        assert start(package) == (WARM, ""), damage
        # nothing is left over
        assert sorted(path for path in package.glob("cache/**/*") if path.is_file()) == files


def test_every_changed_byte_and_every_missing_one_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "folder", lambda: tmp_path)
    cache.save("kernel", "key", b"machine code")
    [file] = tmp_path.iterdir()
    whole = file.read_bytes()
    assert cache.load("kernel", "key") == b"machine code"
    assert cache.load("kernel", "other key") is cache.load("other kernel", "key") is None
    for i, byte in enumerate(whole):
        for content in (whole[:i], whole[:i] + bytes([byte ^ 1]) + whole[i + 1 :]):
            file.write_bytes(content)
            assert cache.load("kernel", "key") is None
    cache.save("kernel", "key", b"machine code")
    assert cache.load("kernel", "key") == b"machine code"


def test_a_kernel_under_another_kernels_name_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "folder", lambda: tmp_path)
    names = [("kernel", "key"), ("kernel", "other key"), ("other kernel", "key")]
    for name, key in names:
        cache.save(name, key, f"{name} for {key}".encode())
    files = sorted(tmp_path.iterdir())
    whole = [file.read_bytes() for file in files]
    assert len(files) == 3
    for content in whole:
        for file in files:
            file.write_bytes(content)
        # the one whose own file it is
        assert sum(cache.load(*asked) is not None for asked in names) == 1
        assert cache.load(*names[0]) in (None, b"kernel for key")


def test_every_setting_that_changes_machine_code_makes_another_key(monkeypatch):
    codegen = types.SimpleNamespace(magic_tuple=lambda: ("processor",))

    def key():
        return repr(cache.KernelCache(key)._key(("types",), codegen))

    usual = key()
    for name in cache.SETTINGS:
        with monkeypatch.context() as patch:
            patch.setattr(config, name, "another")  # which all of them are in this version of Numba
            assert key() != usual, name
    assert key() == usual and {"BOUNDSCHECK", "OPT"} < set(cache.SETTINGS)


BEYOND = """
import numpy as np
from minicnn.machine.jit import jit

@jit
def beyond(x):
    return x[len(x)]

def answer():
    try:
        return beyond(np.zeros(3)) is not None
    except IndexError:
        return "told"
"""


def test_a_pass_with_bounds_checks_does_not_use_kernels_without_them(package):
    (package / "minicnn" / "engine" / "probe_beyond.py").write_text(BEYOND)
    program = (
        "from minicnn.engine import probe_beyond; print(probe_beyond.answer(), len(cache.compiled))"
    )
    assert start(package, program)[0] == "True 1"
    assert start(package, program)[0] == "True 0"
    assert start(package, program, NUMBA_BOUNDSCHECK="1")[0] == "told 1"


READ_ONLY = (
    "cache.can_be_written = lambda place: 'user' in str(place); "  # root could write everywhere
)


def test_a_cache_that_can_only_be_read_is_read_and_what_is_new_is_kept_elsewhere(package):
    """As in an image that was warmed up when it was built, and that is run read-only or by another
    user.
    """
    assert start(package) == (COLD, ANNOUNCEMENT)
    image = sorted(package.glob("cache/**/*.kernel"))
    user = {"XDG_CACHE_HOME": str(package / "user"), "HOME": str(package / "user")}
    assert start(package, READ_ONLY + RESULT, **user) == (WARM, "")
    more = READ_ONLY + "outer(np.float32); " + RESULT
    assert start(package, more, **user) == ("6.0 2 1", ANNOUNCEMENT)
    assert start(package, more, **user) == ("6.0 0 2", "")
    assert sorted(package.glob("cache/**/*.kernel")) == image
    assert len(list(package.glob("user/**/*.kernel"))) == 2


def test_a_cache_behind_the_one_that_is_written_is_read(package):
    """The image has them beside the sources, and the user has a folder of his own, still empty."""
    own = {"NUMBA_CACHE_DIR": str(package / "own")}
    assert start(package, NUMBA_CACHE_DIR="") == (COLD, ANNOUNCEMENT)
    assert start(package, **own) == (WARM, "")
    assert not list(package.glob("own/**/*.kernel"))
    # and what can only be read is read where nothing can be written
    nowhere = "cache.can_be_written = lambda place: False; "
    assert start(package, nowhere + RESULT, **own) == (WARM, "")


def test_kernels_run_when_the_cache_vanishes_meanwhile(package):
    vanish = "outer(np.float32); shutil.rmtree(cache.folder()); "
    assert start(package, vanish + RESULT)[0] == "6.0 4 0"
    assert start(package)[0] == WARM  # what came after it is kept


def test_kernels_run_when_the_cache_can_no_longer_be_read_or_written(package):
    """Its files have become folders, and then there is a file in place of the whole folder."""
    assert start(package)[0] == COLD
    for file in package.glob("cache/**/*.kernel"):
        file.unlink()
        file.mkdir()
    assert start(package)[0] == COLD
    no_folder = "shutil.rmtree(cache.folder()); cache.folder().write_text('');"
    assert start(package, no_folder + RESULT)[0] == COLD


def test_kernels_run_where_nothing_can_be_written(package):
    """Beside the source there is a file where the cache folder would be, and the user's own cannot
    be made.
    """
    cache = package / "minicnn" / "machine" / "__pycache__"
    shutil.rmtree(cache, ignore_errors=True)
    cache.write_text("")
    nowhere = {
        name: str(package / "minicnn" / "py.typed" / "x")
        for name in ("HOME", "XDG_CACHE_HOME", "TMPDIR")
    }
    nowhere |= {"NUMBA_CACHE_DIR": "", "PYTHONDONTWRITEBYTECODE": "1"}
    announcement = (
        "minicnn: compiling kernels (at every start: no folder can be written to keep them in)\n"
    )
    for _ in range(2):
        assert start(package, **nowhere) == (COLD, announcement)


def test_without_a_setting_the_cache_is_beside_the_source(package):
    for expected in (COLD, WARM):
        assert start(package, NUMBA_CACHE_DIR="")[0] == expected
    assert len(list(package.glob("minicnn/machine/__pycache__/*.kernel"))) == 2


def test_another_processor_has_kernels_of_its_own(package):
    """As in a home directory that several machines share."""
    # another than this one, whatever this one is
    features = "+sse3" if processor.target() == ("generic", "") else ""
    other = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": features}
    for environment in ({}, other):
        assert start(package, **environment)[0] == COLD
    for environment in ({}, other):
        assert start(package, **environment)[0] == WARM


def test_processes_that_start_together_do_not_disturb_each_other(package):
    with ThreadPoolExecutor(4) as pool:
        printed = [done[0] for done in pool.map(lambda _: start(package), range(4))]
    assert {line.split()[0] for line in printed} == {"6.0"}
    assert start(package) == (WARM, "")
    assert len(list(package.glob("cache/*/*"))) == 2
