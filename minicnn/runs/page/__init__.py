"""report.html: a training run on one page that can be opened anywhere, on a telephone and without
network too.

The page is one file. Pictures are in it as data: URLs, its style is in its head, there are no
scripts, and its content security policy forbids the browser to fetch anything. Every picture is
drawn a second time for narrow screens, with fewer columns and letters of the same size, and stands
beside its numbers as text, for those who do not see it.
"""

from minicnn.runs.page.parts import PHOTOGRAPHS, Picture
from minicnn.runs.page.render import render

__all__ = ["PHOTOGRAPHS", "Picture", "render"]
