"""Draws docs/pictures/camera_*.png: `python docs/make_camera_pictures.py MODEL CIFAR`, with what
the browser tests need.

The camera sees one test picture, of which the model is sure. At the desk it is also shown where the
network looks; of the telephone there is the first screen, in light and in dark.
"""

import io
import sys
import tempfile
from pathlib import Path
from time import sleep

from PIL import Image

PICTURES = Path(__file__).resolve().parent / "pictures"
sys.path.insert(0, str(PICTURES.parents[1] / "tests"))

import chromium  # noqa: E402
from camera_pages import CAMERA, allow_camera, served, wait, write_camera  # noqa: E402
from check_camera import sure_pictures  # noqa: E402

from minicnn import models  # noqa: E402

CLASS = "automobile"
HEIGHT = 620  # of the desk's screen, which ends where the page does


def screenshot(browser, address, size, scheme, explain):
    """The page while the camera runs."""
    chromium.set_screen(browser, size, scheme)
    chromium.visit(browser, "about:blank")
    chromium.visit(browser, address)
    enabled = "return !document.getElementById('camera').disabled"
    wait(browser, lambda _: browser.execute_script(enabled))
    if explain:
        browser.find_element("id", "explain").click()
    browser.find_element("id", "camera").click()
    wait(browser, lambda page: page["names"][0] == CLASS and page["rate"] != "–")
    wait(browser, lambda page: page["heat"] == explain)
    sleep(3)  # for which the figures count
    return Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")


def save(picture, name):
    """In few colours."""
    few = picture.quantize(128, kmeans=2, dither=Image.Dither.NONE)
    few.save(PICTURES / name, optimize=True)


with tempfile.TemporaryDirectory() as temporary:
    names, pictures = sure_pictures(models.load_model(sys.argv[1]), sys.argv[2])
    film = Path(temporary) / "film.mjpeg"
    write_camera(film, [pictures[names.index(CLASS)]])
    options = [option.format(film) for option in CAMERA]
    with (
        served(sys.argv[1]) as address,
        chromium.started(Path(temporary) / "profile", *options) as browser,
    ):
        allow_camera(browser, address)
        desk = screenshot(browser, address, "desk", "light", True)
        save(desk.crop((130, 0, 1150, HEIGHT)), "camera_desk.png")
        both = Image.new("RGB", (740, 800), "#D1D9E0")
        for place, scheme in enumerate(("light", "dark")):
            shot = screenshot(browser, address, "telephone", scheme, False)
            both.paste(shot.resize((360, 800), Image.Resampling.LANCZOS), (380 * place, 0))
        save(both, "camera_telephone.png")
