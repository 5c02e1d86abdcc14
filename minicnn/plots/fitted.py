"""Plots as they stand on a page, which has titles of its own."""

from minicnn.plots.base import HEADER, MARGIN, Plot

# inches: 7 and 3 pictures of a grid, whose width all plots have, so that they end together
PAGE, TELEPHONE = (
    9.3,
    4.1,
)


def fitted(plot: Plot, width: float = PAGE, stretch: float = 1.3) -> Plot:
    """Make a plot's figure as wide as the page, or a telephone, with letters as large as before.

    Its titles are left out, because headings and captions of the page say the same.

    Args:
        stretch: how many times as high as wide it may become, if it was as high before.
    """
    before, height = plot.figure.get_size_inches()
    height -= HEADER - MARGIN
    for title in plot.figure.texts[:2]:
        title.set_visible(False)
    if plot.figure.axes:  # else a grid, whose pictures have their places
        height = min(height, max(height * width / before, stretch * width))
        plot.figure.set_layout_engine("constrained", rect=(0.01, 0.01, 0.98, 0.98))
    plot.figure.set_size_inches(width, height)
    return plot
