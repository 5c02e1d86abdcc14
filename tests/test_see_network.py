"""docs/see/network.html in a real browser, from a file: every number is what minicnn says it is."""

import json
import sys

import numpy as np
import pytest
from camera_pages import AXE, serious_faults
from chromium import check_not_wider_than_the_screen, forget, requests, visit
from see_pages import FOLDER as SEE
from see_pages import resize
from trace_cases import CASES, without_an_explanation

from minicnn import explain, losses

pytest_plugins = ["see_fixtures"]
PAGE = (SEE / "network.html").as_uri()
sys.path.insert(0, str(SEE.parent))
import make_trace  # noqa: E402

LARGEST = 30_000  # bytes of a script or page, without the example's numbers
EXAMPLE = 100_000  # bytes of these
ASK = """
    return arguments[0].map(([name, at]) => {
        const {value, total, terms} = See.why(name, at);
        return [value, total ?? null, terms.map(term => term.value),
                terms.map(term => term.factors.map(one => [one.name, one.at]))];
    })"""


def example():
    """The example of the page, as minicnn reads it."""
    text = (SEE / "network-example.js").read_text(encoding="utf-8")
    return text[text.index("{") : text.rindex(";")]


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    file = tmp_path_factory.mktemp("example") / "example.json"
    file.write_text(example(), encoding="utf-8")
    return explain.load_trace(file)


@pytest.fixture
def page(browser):
    """The page, as it is at first."""
    resize(browser, 1280)
    visit(browser, "about:blank")
    forget(browser)
    visit(browser, PAGE)
    return browser


def wait_for(browser, until):
    """Until it is true of the page."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 60).until(lambda _: until())


def said(browser):
    return browser.execute_script("return document.getElementById('why').textContent")


def go(browser, address):
    browser.execute_script("location.hash = arguments[0]", address)
    name = address.partition("[")[0]
    wait_for(browser, lambda: said(browser).startswith(name))


# The example


def test_the_example_is_what_the_script_makes(traced):
    """Up to rounding, which differs with the processor."""
    made = make_trace.example()
    assert made.rows == traced.rows and list(made.arrays) == list(traced.arrays)
    for name, array in made.arrays.items():
        if not name.endswith("/step"):  # Adam's for a gradient near 0 may have either sign
            np.testing.assert_allclose(array, traced.arrays[name], rtol=0.01, atol=1e-4)
    without = [{k: v for k, v in one.items() if k != "code"} for one in made.reasons.values()]
    assert without == [
        {k: v for k, v in one.items() if k != "code"} for one in traced.reasons.values()
    ]


def test_the_lines_that_the_example_cites_are_where_it_says(traced):
    for name, reason in traced.reasons.items():
        if "code" in reason:
            code = reason["code"]
            lines = (SEE.parent.parent / code["file"]).read_text(encoding="utf-8").splitlines()
            start = code["first"] - 1
            found = lines[start : start + len(code["lines"])]
            assert found == code["lines"], f"{name}: run python docs/make_trace.py"


def test_files_are_small():
    for name in ("network.html", "network.js", "network.css"):
        assert (SEE / name).stat().st_size < LARGEST
    assert (SEE / "network-example.js").stat().st_size < EXAMPLE
    assert (SEE / "pictures" / "network.png").stat().st_size < 60_000


# Numbers


def compare(browser, traced, count, seed=0):
    """Ask the page and minicnn about so many numbers of each array."""
    rng, asked = np.random.default_rng(seed), []
    for name, array in traced.arrays.items():
        for at in rng.permutation(array.size)[:count].tolist():
            asked.append((name, at))
    answers = browser.execute_script(ASK, asked)
    unknown = set()
    for (name, at), (value, total, terms, factors) in zip(asked, answers, strict=True):
        array = traced.arrays[name]
        found = explain.why(traced, name, np.unravel_index(at, array.shape) if array.ndim else ())
        assert value == found.value, name
        expected = sorted((term.value for term in found.terms), key=abs, reverse=True)
        if None in terms:  # NaN: a function that the page does not know
            unknown.add(name)
            continue
        np.testing.assert_allclose(terms, expected, rtol=1e-12, atol=1e-300)
        if found.recomputed is None:
            assert total is None
        else:
            size = sum(map(abs, expected))
            assert abs(total - found.recomputed) <= 1e-14 * size
        assert sorted(len(one) for one in factors) == sorted(
            len(term.factors) for term in found.terms
        )
        for term, own in zip(found.largest(1), factors, strict=False):
            if expected and (len(expected) == 1 or abs(expected[0]) > abs(expected[1])):
                places = [
                    [one.name, int(np.ravel_multi_index(one.index, traced.arrays[one.name].shape))]
                    if one.index
                    else [one.name, 0]
                    for one in term.factors
                ]
                assert own == places
    return unknown


def test_every_answer_is_that_of_minicnn(page, traced):
    assert compare(page, traced, 40) == set()


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_so_are_those_of_ones_own_network(page, make, tmp_path):
    model, x, y = make()
    model.compile("sgd" if make is CASES["chain"] else "adam", "sparse_categorical_crossentropy")
    traced = explain.trace(model, x, y)
    page.find_element("id", "file").send_keys(str(traced.save(tmp_path / "own step.json")))
    wait_for(page, lambda: "Your step" in page.find_element("id", "about").text)
    assert compare(page, traced, 12) == set()
    assert page.get_log("browser") == []
    for name in list(traced.arrays)[::7]:
        shape = traced.arrays[name].shape
        go(page, f"{name}[{','.join('0' * len(shape))}]")
    assert page.get_log("browser") == []
    check_not_wider_than_the_screen(page)
    page.find_element("id", "example").click()
    wait_for(page, lambda: "The example's step" in page.find_element("id", "about").text)


def test_what_minicnn_does_not_explain_the_page_does_not_either(page, tmp_path):
    model, x = without_an_explanation()
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    traced = explain.trace(model, x, [0, 1], loss=loss)
    page.find_element("id", "file").send_keys(str(traced.save(tmp_path / "step.json")))
    wait_for(page, lambda: "Your step" in page.find_element("id", "about").text)
    go(page, "separable_conv2d/output[0,0,0,0]")
    assert "No explanation of its own: it depends on input_layer/output" in said(page)
    go(page, "input_layer/output[0,0,0,0]")
    assert "No other number of this step made it" in said(page)
    assert not page.find_element("id", "terms").is_displayed()


# What is shown


def test_nothing_is_fetched_and_nothing_is_wrong(page):
    urls = requests(page, PAGE)
    names = {url.rpartition("/")[2] for url in urls if not url.startswith("data:")}
    assert all(url.startswith(("file:", "data:")) for url in urls)
    assert names <= {
        *("network.html", "network.js", "network.css", "network-example.js"),
        *("see.js", "see.css"),
    }
    assert page.get_log("browser") == []


def test_a_number_says_its_sum_its_terms_and_its_line(page, traced):
    go(page, "conv2d/kernel/gradient[1,2,0,1]")
    found = explain.why(traced, "conv2d/kernel", (1, 2, 0, 1))
    assert f"the sum of {len(found.terms)} terms" in said(page)
    assert "the same but for rounding" in said(page) or "the same number" in said(page)
    rows = page.find_elements("css selector", "#terms tbody tr")
    assert len(rows) == 12
    first = [link.text for link in rows[0].find_elements("tag name", "a")]
    assert first == [
        f"{one.name}[{', '.join(map(str, one.index))}]" for one in found.largest(1)[0].factors
    ]
    assert f"Computed at {found.where}" in page.find_element("id", "code").text
    lit = page.find_element("css selector", "#code .lit").text
    assert lit.startswith(f"{found.code['line']} ") and "patches.transpose" in lit
    page.find_element("id", "more").click()
    assert len(page.find_elements("css selector", "#terms tbody tr")) == min(62, len(found.terms))


def test_a_term_leads_to_the_number_it_came_from_and_back_leads_back(page):
    go(page, "conv2d/kernel/gradient[1,2,0,1]")
    link = page.find_element("css selector", "#terms tbody a:last-of-type")
    name = link.text
    link.click()
    wait_for(page, lambda: said(page).startswith(name))
    assert page.find_element("css selector", "#arrays [aria-current]").text == "dy"
    assert page.execute_script("return document.activeElement.tagName") == "TD"
    page.back()
    wait_for(page, lambda: said(page).startswith("conv2d/kernel/gradient[1, 2, 0, 1]"))


def test_a_click_and_the_arrow_keys_ask(page, traced):
    from selenium.webdriver.common.keys import Keys

    go(page, "conv2d/output[1,0,0,1]")
    cells = page.find_elements("css selector", "#table td:not(.corner)")
    assert len(cells) == 36
    cells[8].click()
    wait_for(page, lambda: said(page).startswith("conv2d/output[1, 1, 2, 1] = "))
    page.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    wait_for(page, lambda: said(page).startswith("conv2d/output[1, 2, 2, 1] = "))
    page.switch_to.active_element.send_keys(Keys.ARROW_LEFT)
    wait_for(page, lambda: said(page).startswith("conv2d/output[1, 2, 1, 1] = "))
    assert page.execute_script("return document.querySelectorAll('#table td.on').length") == 1
    shown = page.execute_script("return See.numbers().numbers")
    assert shown == traced.arrays["conv2d/output"][1, :, :, 1].astype(float).ravel().tolist()


def test_pictures_and_channels_are_chosen(page, traced):
    go(page, "conv2d/output[0,3,4,0]")
    select = page.find_element("id", "slice-3")
    select.find_elements("tag name", "option")[1].click()
    wait_for(page, lambda: said(page).startswith("conv2d/output[0, 3, 4, 1] = "))
    shown = page.execute_script("return See.numbers().numbers")
    assert shown == traced.arrays["conv2d/output"][0, :, :, 1].astype(float).ravel().tolist()


def test_a_large_array_is_shown_in_parts(page):
    go(page, "conv2d/patches[0,30,2]")
    cells = page.find_elements("css selector", "#table td:not(.corner)")
    assert len(cells) == 24 * 9
    heads = page.find_elements("css selector", "#table tbody th")
    assert [heads[0].text, heads[-1].text] == ["24", "47"]
    select = page.find_element("id", "slice-1")
    assert [one.text for one in select.find_elements("tag name", "option")] == [
        "0 to 23",
        "24 to 47",
        "48 to 71",
    ]


def test_every_layer_and_array_is_in_the_lists(page, traced):
    names = [row["name"] for row in traced.rows]
    items = page.find_elements("css selector", "#rows a")
    assert [item.text.split()[0] for item in items] == names
    for row in traced.rows:
        go(page, f"{row['arrays'][0]}[{','.join('0' * traced.arrays[row['arrays'][0]].ndim)}]")
        shown = page.execute_script(
            "return [...document.querySelectorAll('#arrays a')].map(link => "
            "decodeURIComponent(link.hash.slice(1)).replace(/\\[.*/, ''))"
        )
        assert sorted(shown) == sorted(row["arrays"])
    go(page, "conv2d/output[0,0,0,0]")
    parts = {
        part.text: [
            link.text for link in part.find_elements("xpath", "following-sibling::dd[1]//a")
        ]
        for part in page.find_elements("css selector", "#arrays dt")
    }
    assert parts["forward"] == ["output", "kernel/before", "bias/before", "patches"]
    assert parts["backward"] == ["dy", "dx", "kernel/gradient", "bias/gradient"]
    assert {"kernel/m/before", "kernel/step", "bias/after"} <= set(parts["update"])


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"format": "minicnn trace", "version": 2}', "null"]
)
def test_a_file_that_is_no_trace_is_refused_in_words(page, text, tmp_path):
    file = tmp_path / "wrong.json"
    file.write_text(text)
    page.find_element("id", "file").send_keys(str(file))
    wait_for(page, lambda: "cannot be shown" in page.find_element("id", "about").text)
    assert "wrong.json cannot be shown: " in page.find_element("id", "about").text
    assert page.get_log("browser") == []
    assert said(page).startswith("conv2d/kernel/gradient[0, 0, 0, 0]")


def test_a_file_of_the_wrong_sizes_is_refused(page, tmp_path):
    found = json.loads(example())
    found["arrays"]["conv2d/output"]["values"].pop()
    file = tmp_path / "wrong.json"
    file.write_text(json.dumps(found))
    page.find_element("id", "file").send_keys(str(file))
    wait_for(
        page, lambda: "has not the numbers of its shape" in page.find_element("id", "about").text
    )


def test_a_file_can_be_dropped(page):
    page.execute_script(
        "const data = new DataTransfer();"
        "data.items.add(new File([arguments[0]], 'dropped.json'));"
        "document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, "
        "cancelable: true}))",
        example(),
    )
    wait_for(page, lambda: "Your step 11 of bars" in page.find_element("id", "about").text)


@pytest.mark.parametrize("address", ["nothing[0]", "conv2d/output[9,9,9,9]", "%E0%A4%A", "x"])
def test_an_address_that_is_not_there_shows_the_beginning(page, address):
    visit(page, "about:blank")
    visit(page, f"{PAGE}#{address}")
    assert said(page).startswith("conv2d/kernel/gradient[0, 0, 0, 0]")
    assert page.get_log("browser") == []


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("address", ["conv2d/patches[0,0,0]", "batch_normalization/dx[0,1,2,1]"])
def test_nothing_is_wider_than_the_screen(page, width, address):
    resize(page, width)
    go(page, address)
    assert page.execute_script(
        "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )


@pytest.mark.skipif(not AXE, reason="AXE_CORE names no npm package axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_no_serious_fault(page, scheme, width):
    resize(page, width, scheme, motion="reduce")
    for address in ("pictures/output[0,1,1,0]", "conv2d/kernel/gradient[1,2,0,1]", "loss/value[]"):
        go(page, address)
        assert serious_faults(page) == []


def test_without_scripts_there_is_a_picture(page):
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        visit_without = PAGE + "?"
        page.get(visit_without)
        image = page.find_element("css selector", "noscript img")
        assert image.is_displayed() and image.size["width"] > 300
        assert not page.find_element("id", "live").is_displayed()
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
