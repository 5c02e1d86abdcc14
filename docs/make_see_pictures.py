"""Draws the still pictures of docs/see: `python docs/make_see_pictures.py`, some seconds.

Each page is opened in headless Chromium (Debian's chromium and chromium-driver, and selenium of the
extra `browser`), brought to a telling step, and its tables are photographed.
"""

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from selenium import webdriver

FOLDER = Path(__file__).resolve().parent / "see"
WIDTH, SCALE = 820, 1.25
COLOURS = (128, 64, 32, 24, 16)  # the first with which the file is small enough
LIMIT = 40_960  # bytes
POINT = "See.grids.{}.cells[{}].dispatchEvent(new Event('mouseenter'));"
STEP = "for (let k = 0; k < {}; k++) document.querySelectorAll('.stepper button')[1].click();"
# what is done on each page before it is photographed
PAGES = {
    "convolution": POINT.format("dx0", 11),
    "pooling": POINT.format("dx", 11),
    "batch_normalization": STEP.format(11),
    "softmax_cross_entropy": "",
    "dense": POINT.format("dkernel", 3),
    "adam_sgd": STEP.format(10),
    "receptive_field": "",
    "augmentation": POINT.format("y", 19),
}


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless browser, light."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for option in ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(option)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def photograph(driver: Any, name: str) -> tuple[bytes, float, float]:
    """The screen as PNG after the page's script, and where explanation and tables begin and end."""
    screen = {"width": WIDTH, "height": 1600, "deviceScaleFactor": SCALE, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    still = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": still})
    driver.get((FOLDER / f"{name}.html").as_uri())
    driver.execute_script(PAGES[name])
    top, bottom = driver.execute_script(
        "const boxes = [...document.querySelectorAll('#why, .stage')].map(each => "
        "each.getBoundingClientRect()); window.scrollTo(0, 0); "
        "return [boxes[0].top - 8, boxes.at(-1).bottom + 8]"
    )
    driver.execute_script("document.activeElement.blur()")
    return driver.get_screenshot_as_png(), top * SCALE, bottom * SCALE


def main() -> None:
    """Photograph all pages."""
    with chromium() as driver:
        for name in PAGES:
            png, top, bottom = photograph(driver, name)
            whole = Image.open(io.BytesIO(png)).convert("RGB")
            part = whole.crop((0, int(top), whole.width, int(bottom)))
            path = FOLDER / "pictures" / f"{name}.png"
            for colours in COLOURS:
                part.quantize(colours, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)
                if path.stat().st_size <= LIMIT:
                    break
            print(f"{path.name}: {part.width} x {part.height}, {path.stat().st_size / 1024:.1f} kB")


if __name__ == "__main__":
    main()
