"""Settings for all tests."""

from hypothesis import settings

# No deadline: the first call of a kernel compiles it. Derandomized: a failure here is a failure everywhere.
settings.register_profile("minicnn", deadline=None, derandomize=True)
settings.load_profile("minicnn")
