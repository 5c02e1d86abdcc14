"""How much of anything a file may ask for: a few bytes can name very large things."""

from minicnn.errors import ModelFileError

LARGEST = 2**31 - 1  # bytes of a file: neither Protocol Buffers nor FlatBuffers hold more
OPERATORS = 10_000
AXES = 8
LONGEST = 2**20  # rows, columns or channels of an input
TEXT = 60  # characters of a name in a message
# The batch axis of a file that leaves it open, so large and so odd that nothing else is: shapes can
# be computed with it as with any number.
BATCH = 1_000_003


class Budget:
    """What is left of a number of things that a file asks for.

    Args:
        room: how many.
        what: they are.
        ending: of the file's name, for messages.
    """

    def __init__(self, room: int, what: str, ending: str):
        self.room, self.what, self.ending = room, what, ending

    def take(self, number: int) -> None:
        """Raise ModelFileError where there is not as much left."""
        self.room -= int(number)
        if self.room < 0:
            raise ModelFileError(
                f"the {self.ending} file asks for more {self.what} than a file of its size may"
            )
