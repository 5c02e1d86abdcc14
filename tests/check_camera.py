"""The camera's page with a network of photographs, in Debian's Chromium, with ten test pictures of
CIFAR-10 that the network is sure of as its camera: as `minicnn serve` shows it and as `minicnn
export web` writes it.

    ONNXRUNTIME_WEB=package AXE_CORE=node_modules/axe-core python tests/check_camera.py MODEL CIFAR

prints a JSON line (the last one is docs/results/camera.json), and exits with 1 unless both pages
name nine of the ten as `predict` does, update ten times a second, ask nothing of another server,
say nothing on the console, and have no fault that axe-core calls serious. The two packages are got
with `npm pack onnxruntime-web` and `npm install axe-core`. A machine that has something else to do
updates less often.
"""

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import chromium
import numpy as np
from camera_pages import (
    AXE,
    CAMERA,
    RUNTIME,
    allow_camera,
    alone,
    read,
    serious_faults,
    served,
    wait,
    watch,
    write_camera,
)

from minicnn import datasets, models
from minicnn.cli import main

SURE, ENOUGH, OFTEN = 0.99, 9, 10


def sure_pictures(model, data):
    """The first test picture of each class of which the model is sure, and the classes."""
    x = datasets.cifar10.load_data(data)[1][0][:2000]
    probabilities = model.predict(x, verbose=0)
    names = model.class_names
    found = {}
    for picture, row in zip(x, probabilities, strict=True):
        if row.max() > SURE:
            found.setdefault(names[row.argmax()], picture)
    return list(found), list(found.values())


def figures(browser):
    """Medians of what the page says of its own pace, over five seconds."""
    found = {"rate": [], "trip": [], "inside": []}
    end = time.monotonic() + 5
    while time.monotonic() < end:
        page = read(browser)
        for name, values in found.items():
            number = page[name].removesuffix(" ms")
            values += [float(number)] if number != "–" else []
        time.sleep(0.25)
    return {name: statistics.median(values) for name, values in found.items()}


def looked_at(browser, address, names, pictures):
    """What happens on a page."""
    allow_camera(browser, address)
    chromium.visit(browser, "about:blank")
    chromium.forget(browser)
    chromium.visit(browser, address)
    faults = []
    for size in chromium.SIZES:
        for scheme in ("light", "dark"):
            chromium.set_screen(browser, size, scheme)
            faults += serious_faults(browser)
            chromium.check_not_wider_than_the_screen(browser)
    chromium.set_screen(browser, "desk")
    enabled = "return !document.getElementById('camera').disabled"
    wait(browser, lambda _: browser.execute_script(enabled))
    browser.find_element("id", "camera").click()
    wait(browser, lambda page: page["names"][0] != "–")
    seen = watch(browser, pictures, 2 * len(pictures) + 2)
    pace = figures(browser)
    chromium.visit(browser, "about:blank")
    urls = chromium.requests(browser, address)
    return {
        "right": sum(one == {name} for one, name in zip(seen, names, strict=True)),
        "updates_per_second": pace["rate"],
        "round_trip_ms": pace["trip"],
        "computing_ms": pace["inside"],
        "messages": [entry["message"] for entry in browser.get_log("browser")],
        "foreign_requests": [url for url in urls if not url.startswith(address)],
        "serious_faults": faults,
    }


def check(file, data, folder):
    """Both pages of a model."""
    model = models.load_model(file)
    names, pictures = sure_pictures(model, data)
    write_camera(folder / "film.mjpeg", pictures)
    words = ["export", "web", str(file), "--to", str(folder / "app"), "--runtime", RUNTIME]
    sys.stdout = sys.stderr  # one line of JSON is the result
    assert main(words) == 0
    sys.stdout = sys.__stdout__
    options = [option.format(folder / "film.mjpeg") for option in CAMERA]
    found = {}
    with chromium.started(folder / "profile", *options) as browser:
        for name, place in (("served", served(file)), ("alone", alone(folder / "app"))):
            with place as address:
                found[name] = looked_at(browser, address, names, pictures)
        version = browser.capabilities["browserVersion"]
    package = json.loads((Path(RUNTIME) / "package.json").read_text(encoding="utf-8"))
    axe = json.loads((Path(AXE) / "package.json").read_text(encoding="utf-8"))
    return {
        "check": "the camera's page",
        "passed": all(
            one["right"] >= ENOUGH
            and one["updates_per_second"] >= OFTEN
            and not (one["messages"] or one["foreign_requests"] or one["serious_faults"])
            for one in found.values()
        ),
        "pictures": len(pictures),
        "input": list(np.shape(pictures[0])),
        **found,
        "chromium": version,
        "onnxruntime-web": package["version"],
        "axe-core": axe["version"],
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
    }


if __name__ == "__main__":
    if len(sys.argv) != 3 or not (RUNTIME and AXE):
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as temporary:
        result = check(Path(sys.argv[1]), sys.argv[2], Path(temporary))
    print(json.dumps(result))
    sys.exit(not result["passed"])
