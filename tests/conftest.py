"""Settings for all tests."""

import os
import signal

import pytest
from hypothesis import settings

# No deadline: the first call of a kernel compiles it. Derandomized: a failure here is a failure
# everywhere.
settings.register_profile("minicnn", deadline=None, derandomize=True)
settings.load_profile("minicnn")


@pytest.fixture(autouse=True)
def ctrl_c_as_in_python():
    """Python's own handler: a shell with the tests in the background ignores Ctrl-C, and a test may
    set another.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def variables_as_they_were():
    """Programs that run in the process of the tests set variables of the environment, such as the
    number of BLAS' threads, which other programs that tests start would find.
    """
    before = dict(os.environ)
    yield
    for name in (os.environ.keys() | before.keys()) - {"PYTEST_CURRENT_TEST"}:
        if name not in before:
            del os.environ[name]
        elif os.environ.get(name) != before[name]:
            os.environ[name] = before[name]


def limit_of_pixels():
    """A server sets the limit of its process, which here is that of other tests too."""
    from minicnn.data import limits

    before = limits.MAX_PIXELS
    yield
    limits.MAX_PIXELS = before


# of a server that one test starts, and of one for all tests of a file
limit_within_a_test = pytest.fixture(autouse=True)(limit_of_pixels)
limit_within_a_file = pytest.fixture(autouse=True, scope="module")(limit_of_pixels)
