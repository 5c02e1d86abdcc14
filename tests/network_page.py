"""For the tests of docs/see/network.html: the step that it begins with, and how a test asks it."""

from see_pages import FOLDER

PAGE = (FOLDER / "network.html").as_uri()


def example():
    """The step that the page begins with, as the text of a file."""
    text = (FOLDER / "network-example.js").read_text(encoding="utf-8")
    return text[text.index("{") : text.rindex(";")]


def wait_for(browser, until):
    """Until it is true of the page."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 60).until(lambda _: until())


def about(browser):
    """What the page says of the step that it shows."""
    return browser.find_element("id", "about").text


def said(browser):
    """What the page says of the number that is asked for."""
    return browser.execute_script("return document.getElementById('why').textContent")


def go(browser, address):
    """Ask for a number, such as "conv2d/output[0,1,2,3]"."""
    browser.execute_script("location.hash = arguments[0]", address)
    name = address.partition("[")[0]
    wait_for(browser, lambda: said(browser).startswith(name))
