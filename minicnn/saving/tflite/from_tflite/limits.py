"""How much of anything a file may ask for: a few bytes can name very large things."""

from minicnn.errors import ModelFileError

OPERATORS = 10_000
AXES = 8
LONGEST = 2**20  # rows, columns or channels of an input
FOLDED = 2**26  # numbers that are made while constants are computed
MADE = 2**22  # numbers of weights beside those in the file: what several operators share
TEXT = 60  # characters of a name in a message


class Budget:
    """What is left of a number of things."""

    def __init__(self, room: int, what: str):
        self.room, self.what = room, what

    def take(self, number: int) -> None:
        """Raise ModelFileError where there is not as much left."""
        self.room -= int(number)
        if self.room < 0:
            raise ModelFileError(
                f"the .tflite file asks for more {self.what} than a file of its size may"
            )
