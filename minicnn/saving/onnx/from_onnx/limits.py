"""How much of anything a file may ask for: a few bytes can name very large things."""

from minicnn.errors import ModelFileError

NODES = 10_000
AXES = 8
MADE = 2**24  # numbers of weights that are not in the file, as ConstantOfShape makes them
FOLDED = 2**28  # numbers that are read and written while constants are computed
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
                f"the .onnx file asks for more {self.what} than a file of its size may"
            )
