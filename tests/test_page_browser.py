"""report.html in a real browser: Debian's chromium and chromium-driver, through selenium."""

import pytest
from chromium import (
    SIZES,
    check_not_wider_than_the_screen,
    contrast,
    forget,
    requests,
    set_screen,
    visit,
)
from hosting import hosted

pytest_plugins = ["run_fixtures", "browser_fixtures"]


@pytest.fixture(scope="module")
def address(trained):
    """Where a server on this machine has the run's folder, and a list of what it was asked."""
    with hosted(trained) as (url, asked):
        yield f"{url}report.html", asked


@pytest.fixture(params=SIZES)
def opened(request, browser, address):
    """The browser, with the page open on a screen of that size."""
    set_screen(browser, request.param)
    visit(browser, "about:blank")
    forget(browser, address[1])
    visit(browser, address[0])
    return browser


def test_nothing_is_fetched_but_the_page(opened, address):
    urls = requests(opened, address[0])
    inside = [url for url in urls if url.startswith("data:image/png;base64,")]
    assert len(inside) > 5 and len(urls) - len(inside) <= 1
    assert address[1] == ["GET /report.html"]


def test_there_are_no_errors(opened):
    assert opened.get_log("browser") == []


def test_nothing_is_wider_than_the_screen(opened):
    check_not_wider_than_the_screen(opened)


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_light_and_dark(opened, request, scheme):
    set_screen(opened, request.node.callspec.params["opened"], scheme)
    colour = "return getComputedStyle(document.querySelector('{}'))['{}']"
    page = opened.execute_script(colour.format("body", "background-color"))
    assert (contrast(page, "rgb(0, 0, 0)") < 2) == (scheme == "dark")
    for element in ("body", "figcaption", "summary", "caption"):
        assert contrast(opened.execute_script(colour.format(element, "color")), page) >= 4.5
