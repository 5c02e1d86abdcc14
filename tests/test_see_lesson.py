"""docs/see/lesson.html: Python in a page. Without its folder it says what is missing; with a
stand-in for Pyodide it does what the command line does; Pyodide itself runs in node, as far as it
goes without NumPy for it.

PYODIDE names the folder of npm's package pyodide, for the last of these.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from chromium import forget, visit
from hosting import hosted
from see_pages import FOLDER

from minicnn.lessons.limit import within

pytest_plugins = ["see_fixtures"]
STAND_IN = """
globalThis.asked = [];
globalThis.loadPyodide = async (options) => ({
  loadPackage: async (names) => asked.push(["packages", names]),
  unpackArchive: (bytes, kind) => asked.push(["wheel", bytes.byteLength, kind]),
  toPy: (value) => value,
  globals: { set: (name, value) => asked.push([name, value]) },
  runPythonAsync: async () => ({ toJs: () => [0, "all is right"] }),
  FS: { readFile: (name) => `# ${name}`, writeFile: (name, text) => asked.push([name, text]) },
});
"""
IN_NODE = """
const lesson = require(process.argv[2]);
(async () => {
  const { loadPyodide } = await import(process.argv[3] + "/pyodide.mjs");
  const python = await loadPyodide({ indexURL: process.argv[3] + "/" });
  const version = python.runPython("import sys; sys.platform");
  const bytes = new Uint8Array(require("fs").readFileSync(process.argv[4]));
  python.unpackArchive(bytes, "wheel");
  let reached = "all of it";
  try { await lesson.run(python, ["lesson"]); }
  catch (error) { reached = /No module named '(\\w+)/.exec(error.message)[1]; }
  console.log(JSON.stringify({ version, reached, packages: lesson.PACKAGES }));
})();
"""


@pytest.fixture
def served(tmp_path):
    """A copy of the folder on a server, to which tests add."""
    root = tmp_path / "see"
    shutil.copytree(FOLDER, root)
    with hosted(root) as (url, _):
        yield root, f"{url}lesson.html"


def until(browser, condition):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 20).until(lambda one: one.execute_script(f"return {condition}"))


SAID = "document.getElementById('said').textContent"


def test_without_the_folder_the_page_says_what_is_missing(browser):
    visit(browser, (FOLDER / "lesson.html").as_uri())
    forget(browser)
    assert len(browser.find_elements("css selector", "#number option")) == 10
    assert browser.get_log("browser") == []
    browser.execute_script("document.getElementById('start').click()")
    told = until(browser, SAID)
    print(told)
    assert told.startswith("There is no pyodide/pyodide.js beside this page")
    forget(browser)


def test_with_it_lessons_are_written_and_checked(browser, served):
    root, address = served
    (root / "pyodide").mkdir()
    (root / "pyodide" / "pyodide.js").write_text(STAND_IN)
    (root / "pyodide" / "minicnn.whl").write_bytes(b"123")
    visit(browser, address)
    forget(browser)
    browser.execute_script("document.getElementById('number').value = '4'; start()")
    until(browser, "!document.getElementById('check').disabled")
    assert browser.execute_script("return document.getElementById('text').value") == "# lesson_4.py"
    browser.execute_script(
        "asked.splice(2); document.getElementById('text').value = 'x = 1';"
        "document.getElementById('check').click()"
    )
    until(browser, f"{SAID} === 'all is right'")
    packages, wheel, written, words = browser.execute_script("return asked")
    assert packages == ["packages", ["numpy", "pillow", "safetensors", "tqdm"]]
    assert wheel == ["wheel", 3, "wheel"] and written == ["lesson_4.py", "x = 1"]
    assert words == ["arguments", ["lesson", "4", "--check"]]
    assert browser.get_log("browser") == []


def test_the_program_is_small():
    assert sum((FOLDER / f"lesson.{kind}").stat().st_size for kind in ("html", "js")) < 30_000


def test_pyodide_itself_as_far_as_it_goes(tmp_path):
    """It starts and unpacks minicnn, whose command then asks for what is not there, NumPy."""
    folder = os.environ.get("PYODIDE")
    if not folder or not shutil.which("node"):
        pytest.skip("PYODIDE names no npm package pyodide, or there is no node")
    wheel, program = tmp_path / "minicnn.whl", tmp_path / "program.cjs"
    shutil.make_archive(str(tmp_path / "minicnn"), "zip", FOLDER.parent.parent, "minicnn")
    (tmp_path / "minicnn.zip").rename(wheel)
    program.write_text(IN_NODE)
    done = subprocess.run(
        ["node", program, FOLDER / "lesson.js", Path(folder).resolve(), wheel],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    print(told)
    assert told["version"] == "emscripten" and told["reached"] in told["packages"]


def test_where_no_thread_can_be_started_there_is_no_limit(monkeypatch):
    def refuses(*_, **__):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("minicnn.lessons.limit.threading.Thread.start", refuses)
    with within(0.1):
        assert sum(range(10)) == 45
