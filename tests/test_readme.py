"""What README.md, CONTRIBUTING.md and docs/ say is so: their code runs, what they name exists."""

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from programs import PATIENCE
from test_keras_parity import BARS

from minicnn import datasets, testing

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))  # its programs import each other by name
first_screen = import_module("first_screen")
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "minicnn" / "engine" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHECKED = (ROOT / "docs" / "how_it_is_checked.md").read_text(encoding="utf-8")
NO_CODE = {
    "notation.md",
    "docs/README.md",
    "speed.md",
    "results.md",
    "how_it_is_checked.md",
    "decisions.md",
    "serve.md",
    "webcam.md",
    "container.md",
    "SECURITY.md",
    "engine/README.md",
}
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: name_of(page))


def name_of(page):
    """Its file's name; of the READMEs, those in folders have the folder's name before it."""
    in_folder = page.stem == "README" and page.parent != ROOT
    return f"{page.parent.name}/{page.name}" if in_folder else page.name


def blocks(page, language):
    """(line number of its first line, text) of every fenced block in that language."""
    text = page.read_text(encoding="utf-8")
    fenced = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text[: block.start(1)].count("\n") + 1, block[1]) for block in fenced]


def run(page, folder, monkeypatch):
    """Execute a page's Python blocks one after the other, in `folder`; returns the names that they
    leave behind.

    A page that asks for CIFAR-10 without naming a file gets a small set of drawn shapes, in the
    same form.
    """
    real_load_data = datasets.cifar10.load_data

    def load_data(path=None, **options):
        return (
            real_load_data(path, **options)
            if path
            else datasets.shapes.load_data(train=200, test=50)
        )

    monkeypatch.setattr(datasets.cifar10, "load_data", load_data)
    monkeypatch.setenv("MINICNN_HOME", str(folder / "home"))  # where caches go
    monkeypatch.chdir(folder)
    names = {"__name__": page.stem}
    for line, block in blocks(page, "python"):
        code = "\n" * (line - 1) + block  # so that a traceback names the line of the page
        exec(compile(code, str(page), "exec"), names)
    return names


# of the Keras script: here it has few pictures
@pytest.mark.filterwarnings("ignore:.*averages that lag")
@each_page
def test_code_blocks_run(page, tmp_path, monkeypatch):
    if name_of(page) == "tune.md":
        pytest.importorskip("optuna", reason="optuna is not installed")
    names = run(page, tmp_path, monkeypatch)
    assert (len(names) > 2) == (name_of(page) not in NO_CODE)
    if name_of(page) == "README.md":
        assert names["accuracy"] > 0.9, "README says that the shapes are learnt to 90 %"
    if page.name == "first_steps.md":
        claimed, happened = names["dx"][1, 4, 5, 2], names["layer"].forward(names["x"]) - names["y"]
        assert claimed == pytest.approx((happened * names["dy"]).sum() / names["h"], rel=1e-8)


def test_readmes_example_has_eleven_lines():
    ((_, example),) = blocks(PAGES[0], "python")
    assert (
        "## In eleven lines" in README
        and len([line for line in example.splitlines() if line]) == 11
    )


def test_readmes_table_is_what_its_program_makes_of_the_results():
    results, accuracies = (
        json.loads(path.read_text()) for path in (first_screen.RESULTS, first_screen.ACCURACIES)
    )
    rows = first_screen.table(results, accuracies)
    assert first_screen.with_table(README, first_screen.PROGRAM, rows) == README


def test_the_first_screen_has_one_picture_the_table_and_the_code():
    first = README[: README.index("## Start")]
    assert len(first.splitlines()) <= 50
    assert first.count("![") == 1 and first.index("![") < first.index(
        "| one epoch |"
    ) < first.index("```python")


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [
        page.name for page in PAGES if page.parent.name == "docs" and f"({page.name}" not in index
    ] == ["README.md"]


@each_page
def test_files_that_are_named_exist(page):
    text = page.read_text(encoding="utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text)]
    missing = [link for link in links if not (page.parent / link).exists()]
    named = re.findall(r"(?<![\w/.])((?:minicnn|tests|docs|examples|\.ci)/[\w./*-]*\w)", text)
    missing += [name for name in named if not list(ROOT.glob(name))]
    assert not missing


def code_of(page):
    """Shell blocks and `inline code`."""
    text = page.read_text(encoding="utf-8")
    return [block for _, block in blocks(page, "sh")] + re.findall(r"`([^`\n]+)`", text)


def test_options_of_the_example_that_are_named_exist():
    example = [sys.executable, str(ROOT / "examples" / "train_cifar.py"), "--help"]
    shown = subprocess.run(
        example, capture_output=True, text=True, check=True, timeout=PATIENCE
    ).stdout
    for page in (PAGES[0], ROOT / "docs" / "data.md"):
        spans = [code for code in code_of(page) if not code.startswith("minicnn ")]
        named = {option for code in spans for option in re.findall(r"(?<!\S)--[a-z-]+", code)}
        assert named and named <= set(re.findall(r"--[a-z-]+", shown)), page.name


def test_the_first_screen_has_the_two_commands_that_ci_runs():
    (_, job), (_, tests) = blocks(PAGES[0], "sh")
    assert README.index(tests) < README.index("\n## From the first look to the last")
    for command in (job, tests):
        assert len(command.splitlines()) == 1
        assert f"'{command.strip()}'\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def table_rows(first_word):
    """The numbers in the table rows of how_it_is_checked.md that begin so."""
    (row,) = re.findall(rf"^\| {first_word}[^|]*\|(.*)\|$", CHECKED, re.MULTILINE)
    return [float(number) for number in re.findall(r"[\d.]+(?:e-\d+)?", row)]


@pytest.mark.parametrize("quantity", ["outputs", "gradients", "losses"])
def test_parity_figures_are_within_the_bounds_that_the_tests_assert(quantity):
    double, allowed_double, single, allowed_single = table_rows(quantity)
    assert (allowed_double, allowed_single) == (
        BARS["float64"][quantity],
        BARS["float32"][quantity],
    )
    assert double < allowed_double and single < allowed_single


def test_gradient_figures_are_within_the_bounds_that_the_command_applies():
    for first_word, bound in (
        ("each layer", testing.TOLERANCE),
        ("a network", testing.MODEL_TOLERANCE),
    ):
        measured, allowed = table_rows(first_word)
        assert allowed == bound and measured < allowed


def test_no_figure_is_left_open():
    assert not [
        page.name for page in PAGES if re.search(r"\{\{\w+\}\}", page.read_text(encoding="utf-8"))
    ]
