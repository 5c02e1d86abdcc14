"""What hypothesis draws: geometries of sliding windows that fit their picture."""

from hypothesis import strategies as st


@st.composite
def windows(draw, dilated=False, largest=7):
    """A picture shape (N, H, W, C) and a window over it, often at the edges of what is allowed.

    Batch 1, one channel, odd sizes, a stride beyond the kernel, and a kernel as large as the
    picture all come up.
    """
    size = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    dilation = (draw(st.integers(1, 3)), draw(st.integers(1, 3))) if dilated else (1, 1)
    extent = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    padding = draw(st.sampled_from(["valid", "same"]))
    picture = [draw(st.integers(1 if padding == "same" else e, max(e, largest))) for e in extent]
    if padding == "valid" and draw(st.integers(0, 4)) == 0:
        picture = extent  # the kernel is as large as the picture
    return {
        "x_shape": (draw(st.integers(1, 3)), *picture, draw(st.integers(1, 3))),
        "size": size,
        "strides": (draw(st.integers(1, 4)), draw(st.integers(1, 4))),
        "padding": padding,
        "dilation": dilation,
    }


seeds = st.integers(0, 2**32 - 1)
