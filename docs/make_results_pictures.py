"""Draws the pictures of docs/results_explained.md by running the code on that page, half a minute
of training.

    MINICNN_DATA=cifar-10-python.tar.gz python docs/make_results_pictures.py

prints what the page quotes, so that numbers, words and pictures are of one and the same run.
"""

import os
import re
import tempfile
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).resolve().parent


def main() -> None:
    """Run every Python block of the page in an empty folder, keep its pictures in 256 colours."""
    page = (DOCS / "results_explained.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    data = os.environ.get("MINICNN_DATA")
    if data:
        os.environ["MINICNN_DATA"] = str(Path(data).resolve())  # also from the folder below
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        exec(
            compile("\n".join(blocks), "results_explained.md", "exec"),
            {"__name__": "results_explained"},
        )
        for path in sorted(Path(folder).glob("results_*.png")):
            few = Image.open(path).convert("RGB").quantize(256, kmeans=3, dither=Image.Dither.NONE)
            few.save(DOCS / "pictures" / path.name, optimize=True)
            print(f"docs/pictures/{path.name}")
        os.chdir(DOCS)


if __name__ == "__main__":
    main()
