"""report.html in a real browser: Debian's chromium and chromium-driver, through selenium."""

import json
import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import monotonic, sleep

import pytest
from programs import PATIENCE

pytest_plugins = ["run_fixtures"]
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
OPTIONS = (
    *(
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-sync",
    ),
    *("--disable-background-networking", "--disable-component-update"),
)
# CSS pixels, and whether it is held in a hand
SIZES = {
    "telephone": (360, True),
    "desk": (1280, False),
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A headless browser that notes every request and every message; skips where there is none."""
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason="no browser test: selenium is not installed"
    )
    if not (BROWSER and DRIVER):
        print("no browser test: there are no chromium and chromedriver")
        pytest.skip("no browser test: there are no chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def address(trained):
    """Where a server on this machine has the run's folder, and a list of what it was asked."""
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, _, *what):
            asked.append(what[0])

        def end_headers(self):
            # else a page that is a minute old is not asked for again
            self.send_header("Cache-Control", "no-store")
            super().end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=trained))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/report.html", asked
    server.shutdown()
    server.server_close()


def visit(browser, page):
    """Open a page and wait until all of it is there: on a busy machine get() may return while it
    still loads.
    """
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(page)
    arrived = "return document.readyState == 'complete' && location.href == arguments[0]"
    WebDriverWait(browser, 60).until(lambda _: browser.execute_script(arrived, page))


@pytest.fixture(params=SIZES)
def opened(request, browser, address):
    """The browser, with the page open on a screen of that size."""
    width, mobile = SIZES[request.param]
    screen = {
        "width": width,
        "height": 800,
        "deviceScaleFactor": 2 if mobile else 1,
        "mobile": mobile,
    }
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    visit(browser, "about:blank")
    browser.get_log("performance"), browser.get_log("browser"), address[1].clear()
    visit(browser, address[0])
    return browser


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


def test_nothing_is_fetched_but_the_page(opened, address):
    urls = requests(opened, address[0])
    inside = [url for url in urls if url.startswith("data:image/png;base64,")]
    assert len(inside) > 5 and len(urls) - len(inside) <= 1
    assert address[1] == ["GET /report.html HTTP/1.1"]


def test_there_are_no_errors(opened):
    assert opened.get_log("browser") == []


def test_nothing_is_wider_than_the_screen(opened):
    wide = """
        const width = document.documentElement.clientWidth;
        return [...document.body.querySelectorAll(":not(pre)")]
            .filter(element => element.getBoundingClientRect().right > width + 1)
            .map(element => element.outerHTML)"""
    assert opened.execute_script(
        "return document.documentElement.scrollWidth"
    ) <= opened.execute_script("return window.innerWidth")
    assert opened.execute_script(wide) == []


def test_nothing_is_wider_than_the_screen_with_all_texts_open(opened):
    opened.execute_script(
        "document.querySelectorAll('details').forEach(details => { details.open = true })"
    )
    assert opened.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")


def test_all_pictures_are_decoded(opened):
    pictures = opened.execute_script(
        "return [...document.images].map(image => [image.complete, image.naturalWidth, image.alt, "
        "image.currentSrc])"
    )
    assert len(pictures) == 7
    for complete, width, alternative, source in pictures:
        assert complete and width > 300 and alternative and source.startswith("data:image/png")


def test_each_screen_gets_its_own(opened, request):
    """Narrow pictures and tables on the telephone, wide ones at the desk, and never both."""
    is_telephone = "telephone" in request.node.name
    widths = opened.execute_script("return [...document.images].map(image => image.naturalWidth)")
    assert widths.count(615) == (5 if is_telephone else 0)
    shown = {
        part: opened.execute_script(
            f"return getComputedStyle(document.querySelector('{part}')).display != 'none'"
        )
        for part in ("table.narrow", "figure.wide")
    }
    assert shown == {"table.narrow": is_telephone, "figure.wide": not is_telephone}


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_light_and_dark(opened, scheme):
    opened.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    colour = "return getComputedStyle(document.querySelector('{}'))['{}']"
    page = opened.execute_script(colour.format("body", "background-color"))
    assert (contrast(page, "rgb(0, 0, 0)") < 2) == (scheme == "dark")
    for element in ("body", "figcaption", "summary", "caption"):
        assert contrast(opened.execute_script(colour.format(element, "color")), page) >= 4.5
