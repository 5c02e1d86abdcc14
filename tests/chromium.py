"""A headless browser for tests: Debian's chromium and chromium-driver, through selenium. It notes
every request and every message.
"""

import json
import shutil
from contextlib import contextmanager
from time import monotonic, sleep

import pytest
from programs import PATIENCE

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
)
# CSS pixels, and whether it is held in a hand
SIZES = {
    "telephone": (360, True),
    "desk": (1280, False),
}


@contextmanager
def started(profile, *options):
    """A browser with an empty profile in that folder; the test is skipped where there is none."""
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason="no browser test: selenium is not installed"
    )
    if not (BROWSER and DRIVER):
        print("no browser test: there are no chromium and chromedriver")
        pytest.skip("no browser test: there are no chromium and chromedriver")
    chosen = webdriver.ChromeOptions()
    chosen.binary_location = BROWSER
    for option in (*OPTIONS, *options, f"--user-data-dir={profile}"):
        chosen.add_argument(option)
    chosen.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(chosen, webdriver.ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def set_screen(browser, size, scheme="light"):
    """Make the screen one of SIZES, light or dark."""
    width, mobile = SIZES[size]
    scale = 2 if mobile else 1
    screen = {"width": width, "height": 800, "deviceScaleFactor": scale, "mobile": mobile}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def visit(browser, page):
    """Open a page and wait until all of it is there: on a busy machine get() may return while it
    still loads.
    """
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(page)
    arrived = "return document.readyState == 'complete' && location.href == arguments[0]"
    WebDriverWait(browser, 60).until(lambda _: browser.execute_script(arrived, page))


def forget(browser, *logs):
    """What was noted so far belongs to another test; logs: lists to be emptied."""
    browser.get_log("performance"), browser.get_log("browser")
    for log in logs:
        log.clear()


def requests(browser, page):
    """The addresses that a loaded page asked for; the browser may tell of them a moment later."""
    urls, until = [], monotonic() + PATIENCE
    while monotonic() < until:
        events = [
            json.loads(entry["message"])["message"] for entry in browser.get_log("performance")
        ]
        sent = [
            event["params"] for event in events if event["method"] == "Network.requestWillBeSent"
        ]
        urls += [each["request"]["url"] for each in sent if each["documentURL"] == page]
        if urls and not sent:
            break
        sleep(0.2)
    return urls


WIDE = """
    const width = document.documentElement.clientWidth;
    return [...document.body.querySelectorAll(":not(pre)")]
        .filter(element => element.getBoundingClientRect().right > width + 1)
        .map(element => element.outerHTML)"""


def check_not_wider_than_the_screen(browser):
    """Nothing must be scrolled to the side."""
    whole, screen = (
        browser.execute_script(f"return {what}")
        for what in ("document.documentElement.scrollWidth", "window.innerWidth")
    )
    assert whole <= screen
    assert browser.execute_script(WIDE) == []


def contrast(one, other):
    """WCAG 2's contrast of two colours in CSS' form rgb(...), 1 to 21."""
    luminances = []
    for colour in (one, other):
        values = [int(part) / 255 for part in colour.strip("rgba()").split(",")[:3]]
        linear = [
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
            for value in values
        ]
        luminances.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(luminances) + 0.05) / (min(luminances) + 0.05)
