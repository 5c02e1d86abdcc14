"""Files that are given to docs/see/network.html: what is no step is refused in words."""

import json

import pytest
from network_page import about, example, said, wait_for
from see_pages import of

pytest_plugins = ["see_fixtures"]
pytestmark = of("network")


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"format": "minicnn trace", "version": 2}', "null"]
)
def test_a_file_that_is_no_trace_is_refused_in_words(page, text, tmp_path):
    file = tmp_path / "wrong.json"
    file.write_text(text)
    page.find_element("id", "file").send_keys(str(file))
    wait_for(page, lambda: "cannot be shown" in about(page))
    assert "wrong.json cannot be shown: " in about(page)
    assert page.get_log("browser") == []
    assert said(page).startswith("conv2d/kernel/gradient[0, 0, 0, 0]")


def test_a_file_of_the_wrong_sizes_is_refused(page, tmp_path):
    found = json.loads(example())
    found["arrays"]["conv2d/output"]["values"].pop()
    file = tmp_path / "wrong.json"
    file.write_text(json.dumps(found))
    page.find_element("id", "file").send_keys(str(file))
    wait_for(page, lambda: "has not the numbers of its shape" in about(page))


def test_a_file_can_be_dropped(page):
    page.execute_script(
        "const data = new DataTransfer();"
        "data.items.add(new File([arguments[0]], 'dropped.json'));"
        "document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, "
        "cancelable: true}))",
        example(),
    )
    wait_for(page, lambda: "Your step 11 of bars" in about(page))
