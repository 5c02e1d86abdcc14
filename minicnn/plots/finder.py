"""Which learning rate to train with."""

from typing import Any

import numpy as np

from minicnn.names import known_arguments
from minicnn.plots.base import Plot, new_figure, table, tidy
from minicnn.plots.palette import HAIRLINE, INK, TRAINING


@known_arguments
def lr_finder(finder: Any, *, title: str = "Learning rate finder") -> Plot:
    """Draw the loss against the learning rate, which rose from step to step, and mark the rate that
    is suggested.

    Args:
        finder: what `model.lr_find` returned: `.learning_rates`, `.losses` (both (steps,)),
            `.suggestion`.

    Raises ValueError when there is not one finite loss, or not one loss for each rate.
    """
    rates, losses = np.asarray(finder.learning_rates, float), np.asarray(finder.losses, float)
    suggestion = finder.suggestion
    if rates.shape != losses.shape or not np.isfinite(losses).any():
        raise ValueError(
            "lr_finder expected a loss for each learning rate, one of them finite at least, "
            f"received {rates.size} rates and {losses.size} losses, {np.isfinite(losses).sum()} "
            "finite: start lr_find from a lower rate"
        )
    finite = losses[np.isfinite(losses)]
    low, high = finite.min(), finite[0]
    margin = 0.15 * max(high - low, 0.1 * abs(low), 1e-3)

    subtitle = "No rate is suggested" if suggestion is None else f"Suggested: {suggestion:.2g}"
    subtitle += f"; lowest loss {low:.3f} at {rates[losses == low][0]:.2g}"
    figure = new_figure(7.5, 4.6, title, subtitle)
    axes = figure.subplots()
    axes.plot(rates, losses, color=TRAINING, linewidth=1.8)
    axes.set_xscale("log")
    axes.set_ylim(low - margin, high + 3 * margin)  # a loss that explodes leaves at the top
    if suggestion is not None:
        axes.axvline(suggestion, color=INK, linewidth=1.5, linestyle="--")
        # of the line: where there is more room
        side = "left" if suggestion**2 < rates[0] * rates[-1] else "right"
        axes.text(
            suggestion,
            high + 2.8 * margin,
            f" suggested: {suggestion:.2g} ",
            ha=side,
            va="top",
            color=INK,
        )
    axes.set_xlabel("Learning rate", color=INK)
    axes.set_ylabel("Loss", color=INK)
    axes.grid(color=HAIRLINE, linewidth=0.6)
    tidy(axes)
    nearest = None if suggestion is None else int(np.abs(rates - suggestion).argmin())
    points = enumerate(zip(rates, losses, strict=True))
    rows = [
        [f"{rate:.3g}", f"{loss:.4g}", "suggested" * (i == nearest)] for i, (rate, loss) in points
    ]
    data = {"learning_rates": rates.tolist(), "losses": losses.tolist(), "suggestion": suggestion}
    return Plot(figure, data, f"{subtitle}\n{table(['learning rate', 'loss', ''], *rows)}")
