"""How numbers are written for people, everywhere alike."""

import re


def counted(number: int, what: str) -> str:
    """A number of things: "1 picture", "2,000 pictures", "3 classes"."""
    plural = f"{what}es" if what.endswith("s") else f"{what}s"
    return f"{number:,} {what if number == 1 else plural}"


def percent(share: float, digits: int = 1) -> str:
    """A share of 1 as "96.9 %"."""
    return f"{100 * share:.{digits}f} %"


def duration(seconds: float) -> str:
    """Seconds as "1 h 5 min", "5 min 12 s" or "12 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes} min"
        if hours
        else f"{minutes} min {rest} s"
        if minutes
        else f"{rest} s"
    )


def snake_case(class_name: str) -> str:
    """The layer name that Keras derives from a class: Conv2D -> conv2d, MaxPooling2D ->
    max_pooling2d.
    """
    separated = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", class_name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", separated).lower()
