"""Settings for all tests."""

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
def limit_of_pixels():
    """A server sets the limit of its process, which here is that of other tests too."""
    from minicnn.data import limits

    before = limits.MAX_PIXELS
    yield
    limits.MAX_PIXELS = before
