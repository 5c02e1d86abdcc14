"""What docs/see/network.html shows of a step in a real browser: sums, terms, tables and lists."""

import pytest
from camera_pages import AXE, serious_faults
from chromium import requests, visit
from network_page import PAGE, go, said, wait_for
from see_pages import of, resize

from minicnn import explain

pytest_plugins = ["see_fixtures"]
pytestmark = of("network")


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
