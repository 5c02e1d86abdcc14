"""A rate that goes up once and down once."""

from minicnn.expect import number
from minicnn.schedules.base import LearningRateSchedule, at_least_0, between, positive


class OneCycle(LearningRateSchedule):
    """Up to the peak and down to nothing, once: large rates in between train faster and keep from
    overfitting.

        rate = peak / div_factor                        at the first step, a cosine up to
        rate = peak                                     at step peak_at * steps - 1, then down to
        rate = peak / div_factor / final_div_factor     at the last step

    Args:
        peak: the highest rate; model.lr_find helps to choose it.
        steps: of the whole training, epochs times batches per epoch.
        peak_at: the share of steps before the peak.
        div_factor, final_div_factor: as above.

    Source: Smith & Topin 2017, arXiv:1708.07120; with cosines as fastai's, and the numbers of
        PyTorch's OneCycleLR.

    >>> rate = schedules.OneCycle(0.1, steps=100)
    >>> round(rate(0), 6), rate(24), round(rate(99), 9)
    (0.004, 0.1, 4e-07)
    """

    def __init__(
        self,
        peak: float,
        steps: int,
        peak_at: float = 0.25,
        *,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ):
        if not 0 <= number(peak_at, "peak_at", "OneCycle") < 1:
            raise ValueError(
                f"OneCycle expected 0 <= peak_at < 1, the share of steps, received {peak_at!r}"
            )
        self.peak = at_least_0(peak, "peak", self)
        self.steps = positive(steps, "steps", self)
        self.peak_at = peak_at
        self.div_factor = positive(div_factor, "div_factor", self)
        self.final_div_factor = positive(final_div_factor, "final_div_factor", self)

    def __call__(self, step: int) -> float:
        summit, last = self.peak_at * self.steps - 1, self.steps - 1
        first = self.peak / self.div_factor
        if step < summit:
            return between(first, self.peak, step / summit)
        return between(
            self.peak, first / self.final_div_factor, min((step - summit) / (last - summit), 1.0)
        )
