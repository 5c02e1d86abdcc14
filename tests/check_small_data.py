"""What `minicnn train` reaches with few pictures, beside what it must reach: one line of JSON.

    python tests/check_small_data.py TARBALL

TARBALL is CIFAR-10's; the photographs are scikit-image's (`pip install --no-deps scikit-image`).
Exits with 1 when a bar is missed. The last result is docs/results/small_data.json. Some minutes.
"""

import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

PHOTOGRAPHS = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "hubble_deep_field.jpg",
    "retina.jpg",
    "rocket.jpg",
)
CROPS = 50  # of each
SHAPES = {300: 0.60, 600: 0.75, 1000: 0.85, 2000: 0.90}
PHOTOS_BAR, TARBALL_BAR = 0.90, 0.50


def cut(folder):
    """Cut squares out of each photograph, anywhere, a quarter to half of its shorter side."""
    spec = importlib.util.find_spec("skimage")
    if spec is None:
        sys.exit("the photographs are scikit-image's: pip install --no-deps scikit-image")
    rng = np.random.default_rng(0)
    for name in PHOTOGRAPHS:
        with Image.open(Path(spec.submodule_search_locations[0]) / "data" / name) as file:
            photograph = file.convert("RGB")
        members = folder / Path(name).stem
        members.mkdir(parents=True)
        for number in range(CROPS):
            side = int(min(photograph.size) * rng.uniform(0.25, 0.5))
            left, top = (int(rng.integers(0, edge - side + 1)) for edge in photograph.size)
            photograph.crop((left, top, left + side, top + side)).save(members / f"{number}.png")


def reached(run, *arguments):
    """Test accuracy of `minicnn train` with those arguments, and what it says of itself."""
    command = [
        sys.executable,
        "-m",
        "minicnn",
        "train",
        *map(str, arguments),
        "--output",
        str(run),
        "--json",
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ)
    result = json.loads(done.stdout)
    return {
        "accuracy": result["test"]["accuracy"],
        "pictures": result["test"]["images"],
        "epochs": result["epochs"],
        "verdict": result["verdict"]["kind"],
    }


def main(tarball):
    found = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        cut(folder / "photos")
        bars = [("6 x 50 crops of photographs", PHOTOS_BAR, ("--data", folder / "photos"))]
        bars += [
            (f"{count:,} shapes", bar, ("--data", "shapes", "--limit", count))
            for count, bar in SHAPES.items()
        ]
        options = ("--data", tarball, "--limit", 5000, "--epochs", 6)
        bars.append(("5,000 pictures of CIFAR-10, 6 epochs", TARBALL_BAR, options))
        for number, (name, bar, arguments) in enumerate(bars):
            found[name] = {"bar": bar} | reached(folder / f"run-{number}", *arguments)
            print(name, found[name], file=sys.stderr, flush=True)
    passed = all(one["accuracy"] >= one["bar"] for one in found.values())
    result = {"check": "few pictures", "passed": passed, "reached": found}
    print(
        json.dumps(result | {"python": platform.python_version(), "platform": platform.platform()})
    )
    return 0 if passed else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1])))
