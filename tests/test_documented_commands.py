"""Every `minicnn ...` and `python examples/...` that README.md, CONTRIBUTING.md and docs/ print
does what they say.

Commands are taken from shell blocks, tables and text as they stand there. Quick ones run, on a
machine that has what the pages take for granted (`WORLD`); of the rest the program itself reads the
arguments. A command that is in none of
the two lists below fails: whoever documents a new one adds it.
"""

import argparse
import importlib
import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import COLOURS
from example_runs import path_of
from PIL import Image
from test_readme import PAGES, blocks, code_of

from minicnn import datasets
from minicnn.cli import main

pytest_plugins = ["run_fixtures"]

QUICK = {"predict", "evaluate", "report", "summary", "data info", "data show", "data fetch", "runs"}
SLOW = {"train", "lrfind", "check", "gradcheck", "profile", "warmup", "doctor", "explain", "trace"}
SLOW |= {"export", "prune", "quantize", "compare", "serve", "webcam", "tune", "lesson"}
COMPLETED = {  # where a page names the command alone
    "predict": ["cat.jpg"],
    "explain": ["cat.jpg"],
    "trace": ["runs/latest", "cat.jpg", "--label", "cat"],
    "export": ["runs/latest", "model.keras"],
    "prune": ["runs/latest", "--keep", "0.5", "--to", "small.safetensors"],
    "quantize": ["runs/latest", "--to", "model.tflite"],
    "compare": ["runs/latest", "model.tflite"],
    "tune": ["space.toml", "--storage", "study", "--trials", "4"],
}
# What the pages call things, and what there is in its place. "made" is a picture, a folder of such,
# or a trained run.
WORLD = {
    r"\S+\.(jpg|jpeg|png|webp)|PICTURE": "picture",
    r"studies/\w+/trials/\d+|runs/(?!latest)[\w.-]+|RUN|\S+\.safetensors": "run",
    r"\S+/|photographs|photos|pictures|FOLDER|NEW": "folder",
    r"\S+\.py": "layers",
    r"PATH|T|path|\S*cifar-10\S*\.tar\.gz": "cifar",
}
NEW = ("--output",)  # what follows them need not be there


def documented():
    """(page:line or page, words of the command) of every command, each once."""
    found = {}
    for page in PAGES:
        for text in code_of(page):
            for line in text.replace("\\\n", " ").splitlines():
                for part in re.split(r"&&|\|\||[|;>]", line):
                    words = words_of(part)
                    if words:
                        found.setdefault(tuple(words), page.name)
    return found


def words_of(line):
    """A command's words: ["minicnn", "train", ...] or ["examples/train_cifar.py", ...]; none for
    anything else.
    """
    pattern = (
        r"\s*(?:\w+=\S+ )*(?:\S*/)?(?:(?:python3?|py) (?:-m )?)?(minicnn(?= "
        r"|$)|examples/\w+\.py)(.*)"
    )
    command = re.fullmatch(pattern, line)
    return [command[1], *shlex.split(command[2], comments=True)] if command else []


COMMANDS = documented()


def test_the_pages_have_commands():
    assert len(COMMANDS) > 30
    for command in (
        "minicnn train --resume runs/NAME",
        "examples/train_cifar.py",
        "minicnn predict cat.jpg",
    ):
        assert any(" ".join(words).startswith(command) for words in COMMANDS), command
    assert all("minicnn" in text or "python" in text for _, text in blocks(PAGES[0], "sh"))


@pytest.mark.parametrize(
    "line, words",
    [
        ("minicnn evaluate --json ", ["minicnn", "evaluate", "--json"]),
        (
            ".venv/bin/python examples/train_cifar.py --limit 5  # few",
            ["examples/train_cifar.py", "--limit", "5"],
        ),
        ("MINICNN_ENGINE=reference python -m minicnn profile", ["minicnn", "profile"]),
        ("minicnn.testing.check_layer(layer, (8, 8, 3))", []),
        ("pip install minicnn", []),
    ],
)
def test_commands_are_recognised(line, words):
    assert words_of(line) == words


def picture(path, colour="red"):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(str(path))).integers(0, 25, (40, 50, 3), np.uint8)
    Image.fromarray(np.uint8(COLOURS[colour]) + noise).save(path)


@pytest.fixture
def world(trained, here, monkeypatch):
    """The working directory of someone who has pictures, a run, and CIFAR-10, for which drawn
    shapes stand in.
    """
    for name in ("red", "blue"):
        for number in range(10):
            picture(here / "folder" / name / f"{number}.png", name)
    shutil.copytree(trained, here / "runs" / "first")
    (here / "runs" / "latest").symlink_to("first")
    (here / "cifar").mkdir()
    small = datasets.shapes.load_data(train=60, test=20)
    for load in ("load_data", "fetch"):
        monkeypatch.setattr(datasets.cifar10, load, lambda *_, **__: small)
    monkeypatch.setattr(datasets.cifar10, "called", lambda *_, **__: "CIFAR-10")
    return here


def placed(words):
    """The words, with what there is in place of what the pages name; pictures and runs are made
    under their names.
    """
    placed = []
    for before, word in zip(["", *words], words, strict=False):
        kind = next((kind for pattern, kind in WORLD.items() if re.fullmatch(pattern, word)), None)
        path = Path(word)
        if before in NEW or kind is None:
            placed.append(word)
        elif kind == "picture":
            picture(path)
            placed.append(word)
        elif kind == "layers":
            path.write_text("from minicnn import layers\n\n\nclass Swish(layers.ReLU):\n    pass\n")
            placed.append(word)
        elif kind == "run":
            if path.suffix and not path.exists():
                shutil.copy("runs/first/model.safetensors", path)
            elif not path.exists():
                shutil.copytree("runs/first", path)
            placed.append(word)
        else:
            placed.append({"folder": "folder", "cifar": "cifar"}[kind])
    return placed


def read_only(command, monkeypatch):
    """Have a command end when its arguments are read."""
    module = importlib.import_module(f"minicnn.cli.{command}")
    monkeypatch.setattr(module, "run", lambda _: 0)


@pytest.mark.parametrize(
    "words", [words for words in COMMANDS if words[0] == "minicnn"], ids=" ".join
)
@pytest.mark.usefixtures("world")
def test_a_documented_command_works(words, monkeypatch, capsys):
    if len(words) == 1 or words[1].startswith("--") or words[1:] == ("COMMAND", "--help"):
        words = ("minicnn", "doctor", "--help")
    _, command, *arguments = words
    name = f"data {arguments[0]}" if command == "data" and arguments else command
    arguments = placed(arguments or COMPLETED.get(command, []))
    goes_on = "--resume" in arguments and "--epochs" not in arguments
    if "--help" in arguments:
        with pytest.raises(SystemExit) as stopped:
            main([command, *arguments])
        assert stopped.value.code == 0
        return
    if name not in QUICK and not goes_on:
        assert name in SLOW, (
            f"{' '.join(words)} ({COMMANDS[words]}) is new here: add it to QUICK or SLOW"
        )
        read_only(command, monkeypatch)
    code = main([command, *arguments])
    printed = capsys.readouterr()
    # of two epochs
    below = "--min-accuracy" in arguments and "expected an accuracy of" in printed.err
    assert code == (1 if below else 0), printed.err
    assert printed.out or name in SLOW


class ArgumentsRead(Exception):
    """The program has got as far as it is to get here."""


@pytest.mark.parametrize(
    "words", [words for words in COMMANDS if words[0] != "minicnn"], ids=" ".join
)
@pytest.mark.usefixtures("here")
def test_a_documented_example_takes_its_arguments(words, monkeypatch):
    read = argparse.ArgumentParser.parse_args

    def stop(parser, *arguments):
        read(parser, *arguments)
        raise ArgumentsRead

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)
    monkeypatch.setattr(sys, "argv", [*words])
    with pytest.raises(ArgumentsRead):
        runpy.run_path(str(path_of(Path(words[0]).name)), run_name="__main__")
