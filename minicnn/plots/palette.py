"""What each colour means, in all figures alike.

Blue and vermillion are for and against: what speaks for a class and what against it, numbers above
and below 0, right answers and wrong ones. Green is what counts, the pictures held out; grey what it
is compared with: the training pictures, a mean, chance. The colours of SERIES stand for names that
    a legend gives, and mean nothing else.

They are Okabe and Ito's (2008), told apart by every kind of colour vision; orange, purple and sky
blue are darkened to the contrast of three to one that a line needs on white (WCAG 2.2, 1.4.11). Nor
is a colour ever the only difference: dashes, marks and words say the same.
"""

from matplotlib.colors import LinearSegmentedColormap

FOR = RIGHT = POSITIVE = "#0072B2"  # blue; also bars and shades that only count
AGAINST = WRONG = NEGATIVE = "#D55E00"  # vermillion
VALIDATION = "#009E73"  # green
TRAINING = MUTED = "#59636E"  # grey
INK, HAIRLINE = "#1F2328", "#D1D9E0"  # what is written and what is chosen; lines that guide the eye
CAPTION = "#6E7781"  # below pictures: legible on white and on a dark page
PALE = "#7FB5D8"  # blue that other colours can lie on, and bars that are not the chosen one

SERIES = ((INK, "o"), ("#C98400", "s"), ("#994F88", "^"), ("#2E9BD6", "D"))  # with their marks

_COLD = ["#F5F8FA", "#CFE3F1", PALE, FOR, "#004A75"]
SHADES = LinearSegmentedColormap.from_list("shades", _COLD)  # from none to many
SIGNED = LinearSegmentedColormap.from_list(
    "signed", ["#8A3A00", NEGATIVE, "#F5F8FA", POSITIVE, "#004A75"]
)
