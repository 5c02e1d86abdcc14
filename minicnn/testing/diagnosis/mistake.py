"""What the families of mistakes speak of: a mistake, a suspect, and a finding."""

from dataclasses import dataclass

from minicnn.types import Array


@dataclass(frozen=True)
class Mistake:
    """A usual mistake in a backward pass.

    Args:
        name: a few words.
        says: what the gradient is then, the rest of a sentence that begins with "dkernel"; {} where
            a suspect has its detail.
        fix: what to do about it.
        of_several: whether it explains several tensors at once, and so more than others that fit.
        of_last_resort: whether any other that fits says more.
    """

    name: str
    says: str
    fix: str
    of_several: bool = False
    of_last_resort: bool = False


@dataclass(frozen=True)
class Suspect:
    """A mistake, and the gradient that a backward with that mistake claims.

    Args:
        mistake: which.
        gradient: of the tensor that is looked at; None where none comes back.
        detail: goes into the mistake's {}.
    """

    mistake: Mistake
    gradient: Array | None
    detail: str = ""


@dataclass(frozen=True)
class Finding:
    """A mistake that fits a tensor's gradient; str() is the sentence."""

    tensor: str
    mistake: Mistake
    detail: str = ""

    def __str__(self) -> str:
        says = self.mistake.says.format(self.detail)
        return f"d{self.tensor} {says}: {self.mistake.fix.format(self.detail)}"
