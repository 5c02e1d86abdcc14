// Python in the page, for lesson.html: Pyodide, NumPy and minicnn from a folder beside it.
// Works in node too, where the test of it hands in the loader and the files.
"use strict";

const Lesson = (() => {
  // What minicnn needs beside Python's own library; all of them are in Pyodide's distribution.
  const PACKAGES = ["numpy", "pillow", "safetensors", "tqdm"];
  const COMMAND = `
import contextlib, io
from minicnn.cli import main
said = io.StringIO()
with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
    try:
        code = main(list(arguments))
    except SystemExit as end:
        code = end.code
(code, said.getvalue())`;

  // A Python that has minicnn. load: Pyodide's loadPyodide; options: its own; wheel: minicnn's bytes.
  async function start(load, options, wheel, tell = () => {}) {
    tell("Starting Python …");
    const python = await load(options);
    tell("Loading NumPy …");
    await python.loadPackage(PACKAGES);
    tell("Loading minicnn …");
    python.unpackArchive(wheel, "wheel");
    return python;
  }

  // A command as in a terminal, run(python, ["lesson", "4"]): its exit code and what it said.
  async function run(python, words) {
    python.globals.set("arguments", python.toPy(words));
    const [code, said] = (await python.runPythonAsync(COMMAND)).toJs();
    return { code, said };
  }

  const file = (number) => `lesson_${number}.py`;

  // The text of a lesson, as `minicnn lesson 4` writes it.
  async function write(python, number) {
    const { code, said } = await run(python, ["lesson", String(number)]);
    if (code !== 0) throw new Error(said);
    return python.FS.readFile(file(number), { encoding: "utf8" });
  }

  // What `minicnn lesson 4 --check` says of a text.
  async function check(python, number, text) {
    python.FS.writeFile(file(number), text);
    return run(python, ["lesson", String(number), "--check"]);
  }

  return { PACKAGES, start, run, write, check };
})();

if (typeof module !== "undefined") module.exports = Lesson;
