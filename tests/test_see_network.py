"""docs/see/network.html in a real browser, from a file: every number is what minicnn says it is."""

import numpy as np
import pytest
from chromium import check_not_wider_than_the_screen
from network_page import about, go, said, wait_for
from see_pages import of
from trace_cases import CASES, without_an_explanation

from minicnn import explain, losses

pytest_plugins = ["see_fixtures"]
pytestmark = of("network")
ASK = """
    return arguments[0].map(([name, at]) => {
        const {value, total, terms} = See.why(name, at);
        return [value, total ?? null, terms.map(term => term.value),
                terms.map(term => term.factors.map(one => [one.name, one.at]))];
    })"""


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
    wait_for(page, lambda: "Your step" in about(page))
    assert compare(page, traced, 12) == set()
    assert page.get_log("browser") == []
    for name in list(traced.arrays)[::7]:
        shape = traced.arrays[name].shape
        go(page, f"{name}[{','.join('0' * len(shape))}]")
    assert page.get_log("browser") == []
    check_not_wider_than_the_screen(page)
    page.find_element("id", "example").click()
    wait_for(page, lambda: "The example's step" in about(page))


def test_what_minicnn_does_not_explain_the_page_does_not_either(page, tmp_path):
    model, x = without_an_explanation()
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    traced = explain.trace(model, x, [0, 1], loss=loss)
    page.find_element("id", "file").send_keys(str(traced.save(tmp_path / "step.json")))
    wait_for(page, lambda: "Your step" in about(page))
    go(page, "separable_conv2d/output[0,0,0,0]")
    assert "No explanation of its own: it depends on input_layer/output" in said(page)
    go(page, "input_layer/output[0,0,0,0]")
    assert "No other number of this step made it" in said(page)
    assert not page.find_element("id", "terms").is_displayed()
