"""Draws docs/pictures/report_*.png: `python docs/make_report_pictures.py RUN`, with what the
browser tests need.

A telephone's first screens stand beside each other; of the desk there is the first screen, in light
and in dark.
"""

import base64
import io
import sys
from pathlib import Path

from PIL import Image
from selenium import webdriver

from minicnn import runs

PICTURES = Path(__file__).resolve().parent / "pictures"
SCREENS, HEIGHT = 5, 780  # of a telephone


def screenshot(browser: webdriver.Chrome, width: int, height: int, scheme: str) -> Image.Image:
    """The top of the page on a screen so wide."""
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.refresh()
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    shot = browser.execute_cdp_cmd(
        "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip}
    )
    return Image.open(io.BytesIO(base64.b64decode(shot["data"])))


def few(shot: Image.Image) -> Image.Image:
    """The picture in 256 colours, the rare ones too: a verdict's edge is a narrow one."""
    return shot.convert("RGB").quantize(256, kmeans=3, dither=Image.Dither.NONE)


options = webdriver.ChromeOptions()
options.binary_location = "/usr/bin/chromium"
for option in (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--hide-scrollbars",
):
    options.add_argument(option)
with webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver")) as browser:
    browser.get(runs.find(sys.argv[1]).page.resolve().as_uri())
    long = screenshot(browser, 360, SCREENS * HEIGHT, "light")
    telephone = Image.new("RGB", (SCREENS * 380 - 20, HEIGHT), "#D1D9E0")
    for number in range(SCREENS):
        telephone.paste(
            long.crop((0, number * HEIGHT, 360, (number + 1) * HEIGHT)), (380 * number, 0)
        )
    few(telephone).save(PICTURES / "report_telephone.png", optimize=True)
    for scheme in ("light", "dark"):
        few(screenshot(browser, 1100, 1250, scheme)).save(
            PICTURES / f"report_{scheme}.png", optimize=True
        )
