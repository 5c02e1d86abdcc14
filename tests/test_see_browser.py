"""docs/see in a headless browser: every page without messages and strangers, narrow and wide, light
and dark, by keyboard, without JavaScript. The numbers are tests/test_see_numbers.py's and
tests/test_see_paths.py's.
"""

import pytest
from camera_pages import AXE, serious_faults
from chromium import check_not_wider_than_the_screen, contrast, forget, requests, visit
from see_pages import FOLDER, NAMES, choose, numbers, of, resize, step, write

pytest_plugins = ["see_fixtures"]

each_page = pytest.mark.parametrize("page", NAMES, indirect=True)
each_name = pytest.mark.parametrize("name", NAMES)
FOCUSED = """
    const cell = document.activeElement.closest("td");
    for (const [name, grid] of Object.entries(See.grids))
        if (grid.cells.includes(cell)) return [name, grid.cells.indexOf(cell)];
    return [document.activeElement.tagName, document.activeElement.textContent]"""


def keys(browser, *sequence):
    """Press keys, one after the other, on what has the focus."""
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*sequence).perform()


@each_name
def test_nothing_is_fetched_but_the_page(browser, address, name):
    """Served by any web server, as the documentation's site is."""
    url, asked = address
    resize(browser, 1280)
    visit(browser, "about:blank")
    forget(browser, asked)
    visit(browser, f"{url}{name}.html")
    step(browser)
    step(browser, 0)
    assert sorted(asked) == sorted([f"GET /{name}.html", "GET /see.css", "GET /see.js"])
    urls = requests(browser, f"{url}{name}.html")
    assert not [each for each in urls if not each.startswith((url, "data:"))]
    assert browser.get_log("browser") == []


@each_page
@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_wider_than_the_screen(page, width):
    resize(page, width)
    check_not_wider_than_the_screen(page)
    step(page)
    check_not_wider_than_the_screen(page)


@each_page
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_light_and_dark(page, scheme):
    resize(page, 1280, scheme)
    colour = "return getComputedStyle(document.querySelector('{}'))['{}']"
    ground = page.execute_script(colour.format("body", "background-color"))
    assert (contrast(ground, "rgb(0, 0, 0)") < 2) == (scheme == "dark")
    for element in ("body", "caption", "td", "th", "a", ".small"):
        ink = page.execute_script(colour.format(element, "color"))
        assert contrast(ink, ground) >= 4.5, element


@each_name
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser, address, name, scheme):
    if not AXE:
        pytest.skip("no test of accessibility: AXE_CORE names no npm package")
    resize(browser, 320, scheme, motion="reduce")
    visit(browser, f"{address[0]}{name}.html")
    step(browser)
    assert serious_faults(browser) == []


@each_page
def test_the_buttons_step_forward_and_back_by_keyboard(page):
    """And say where they are; at both ends they do nothing and keep the focus."""
    from selenium.webdriver.common.keys import Keys

    read = (
        "return [document.querySelector('.stepper output').textContent, "
        "document.getElementById('why').textContent]"
    )
    step(page, 0)
    back, forward = page.find_elements("css selector", ".stepper button")
    first = page.execute_script(read)
    assert first[0].startswith("1 of ") and first[1]
    page.execute_script("arguments[0].focus()", back)
    keys(page, Keys.ENTER)
    assert page.execute_script(read) == first
    assert back.get_attribute("aria-disabled") == "true"
    keys(page, Keys.TAB, Keys.ENTER)
    second = page.execute_script(read)
    assert second[0].startswith("2 of ") and second[1] != first[1]
    keys(page, Keys.TAB, Keys.END)  # the slider
    last = page.execute_script(read)[0]
    assert last.split()[0] == last.split()[-1]
    assert forward.get_attribute("aria-disabled") == "true"
    keys(page, Keys.HOME, Keys.ARROW_RIGHT)
    assert page.execute_script(read) == second
    page.execute_script("arguments[0].focus()", back)
    keys(page, Keys.SPACE)
    assert page.execute_script(read) == first


@each_page
def test_every_number_is_reached_by_arrow_keys(page):
    """A table is one tab stop; Tab goes on to the next; what is reached is explained."""
    from selenium.webdriver.common.keys import Keys

    step(page)
    grids = page.execute_script(
        "return Object.values(See.grids).filter(grid => grid.element.querySelector('[role=grid]'))"
        ".map(grid => [grid.element.id.slice(5), grid.element.querySelectorAll('thead th').length, "
        "grid.cells.length, grid.element.querySelectorAll('[tabindex=\"0\"]').length])"
    )
    assert grids and all(stops == 1 for *_, stops in grids)
    for name, columns, cells, _ in grids:
        page.execute_script(
            "See.grids[arguments[0]].element.querySelector('[tabindex=\"0\"]').focus()", name
        )
        keys(page, Keys.HOME, *[Keys.ARROW_UP] * (cells // columns))
        assert page.execute_script(FOCUSED) == [name, 0]
        for k in range(columns, cells, columns):
            keys(page, Keys.ARROW_DOWN)
            assert page.execute_script(FOCUSED) == [name, k]
        if columns > 1:
            keys(page, Keys.ARROW_RIGHT)
            assert page.execute_script(FOCUSED) == [name, cells - columns + 1]
        assert page.find_element("id", "why").text
    keys(page, Keys.TAB)
    assert page.execute_script(FOCUSED)[0] == "A"  # behind the last table: the other pages


@each_page
def test_screen_readers_get_tables(page):
    """Captions, heads of rows and columns, names of inputs, and a line that is read when it
    changes.
    """
    found = page.execute_script(
        "return [...document.querySelectorAll('.grid table')].map(table => "
        "[table.caption.textContent, "
        "table.querySelectorAll('thead th[scope=col]').length, "
        "table.querySelectorAll('tbody th[scope=row]').length, table.tBodies[0].rows.length, "
        "[...table.querySelectorAll('input')].every(input => input.ariaLabel)])"
    )
    assert found
    for caption, columns, heads, rows, named in found:
        assert caption and columns and heads == rows and named
    why = page.find_element("id", "why")
    assert why.get_attribute("role") == "status" and why.text


@each_page
def test_a_number_can_be_written(page):
    """What is no number is marked, and the last good one stays."""
    (name, k) = page.execute_script(
        "for (const [name, grid] of Object.entries(See.grids)) for (const [k, cell] of "
        "grid.cells.entries()) if (cell.querySelector('input')) return [name, k]; return ['', 0]"
    )
    if not name:
        pytest.skip("the numbers of this page are written into its settings")
    box = page.execute_script(
        "return See.grids[arguments[0]].cells[arguments[1]].firstChild", name, k
    )
    page.execute_script("arguments[0].focus()", box)
    keys(page, "3")
    assert numbers(page)[name][k] == 3
    before = {key: list(map(str, values)) for key, values in numbers(page).items()}
    keys(page, "x")
    assert box.get_attribute("aria-invalid") == "true"
    page.execute_script("arguments[0].blur()", box)
    assert box.get_attribute("value") == "3" and box.get_attribute("aria-invalid") == "false"
    after = {key: list(map(str, values)) for key, values in numbers(page).items()}
    assert {key: after[key] for key in before} == before


@pytest.mark.parametrize(
    ("page", "field", "values"),
    [
        ("adam_sgd", "a", [""]),
        ("adam_sgd", "beta_2", ["1", "-0.1"]),
        ("softmax_cross_entropy", "smoothing", ["", "1.5"]),
        ("augmentation", "angle", ["1000", ""]),
    ],
    indirect=["page"],
)
def test_a_setting_that_is_none_is_marked_and_changes_nothing(page, field, values):
    before = {key: list(map(str, value)) for key, value in numbers(page).items()}
    for value in values:
        choose(page, **{field: value})
        assert page.find_element("id", field).get_attribute("aria-invalid") == "true"
        after = {key: list(map(str, value)) for key, value in numbers(page).items()}
        assert after == before


@of("dense")
def test_numbers_are_read_as_people_write_them(page):
    """Some keyboards have a comma, and what is shown has a minus sign that is no hyphen."""
    box = page.execute_script("return See.grids.x.cells[0].firstChild")
    for text, meant in (("1,5", 1.5), ("−2", -2), (" .25", 0.25), ("-1e-2", -0.01)):
        page.execute_script("arguments[0].focus()", box)
        keys(page, text)
        assert numbers(page)["x"][0] == meant
        page.execute_script("arguments[0].blur()", box)
        assert float(box.get_attribute("value").replace("−", "-")) == meant


@of("receptive_field")
def test_a_kernel_must_be_whole(page):
    before = list(numbers(page)["layers"])
    for value in (0, 2.5, 100):
        write(page, "layers", [value])
        box = page.execute_script("return See.grids.layers.cells[0].firstChild")
        assert box.get_attribute("aria-invalid") == "true"
        assert list(numbers(page)["layers"]) == before


@each_page
def test_nothing_moves_unless_asked(page):
    read = "return document.getElementById('why').textContent + document.getAnimations().length"
    before = page.execute_script(read)
    page.execute_async_script("setTimeout(arguments[0], 300)")
    assert page.execute_script(read) == before
    resize(page, 1280, motion="reduce")
    style = "return getComputedStyle(document.querySelector('.grid td')).transitionDuration"
    assert page.execute_script(style) == "0s"


@each_name
def test_without_javascript_the_picture_stands_there(browser, name):
    resize(browser, 320)
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        visit_plain = (FOLDER / f"{name}.html").as_uri()
        browser.get(visit_plain)
        (picture,) = browser.find_elements("css selector", "noscript img, figure img")
        assert picture.is_displayed() and picture.size["width"] > 250
        assert int(picture.get_attribute("naturalWidth")) > 600
        assert len(picture.get_attribute("alt")) > 40
        assert not browser.find_element("id", "live").is_displayed()
        assert browser.find_element("css selector", "figcaption").text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
