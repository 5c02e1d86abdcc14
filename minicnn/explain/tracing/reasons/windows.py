"""Windows in formulas: which pixel lies under a cell, and which windows see a pixel."""

from minicnn.explain.tracing.place import Place

PIXEL = "i*SH - top + kh*DH, j*SW - left + kw*DW"  # under cell (kh, kw) of the window at (i, j)
SAW = "(h + top - kh*DH) / SH, (w + left - kw*DW) / SW"  # the window whose cell saw pixel (h, w)


def know_window(place: Place) -> None:
    """Let formulas know the layer's window: KH, SH, DH, top, and the same of columns."""
    window = place.of.window
    pairs = (window.size, window.strides, window.dilation, window.before)
    letters = (("KH", "KW"), ("SH", "SW"), ("DH", "DW"), ("top", "left"))
    for names, pair in zip(letters, pairs, strict=True):
        place.constants |= dict(zip(names, pair, strict=True))
