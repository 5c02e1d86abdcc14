"""An image without a container engine: the lines of a Dockerfile, run in a copy of this machine's
file system that is written to elsewhere, and is the root of the processes in it.

It needs Linux, root, and a mount namespace of its own (`unshare --mount`). The machine, its
programs and its Python stand for the base image: so it is taken on trust that `FROM` brings such a
system, and that its packages can be installed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PATH = "/python/bin:/usr/local/bin:/usr/bin:/bin"
# How pip finds the network, where that takes settings.
NETWORK = re.compile(r"PIP_\w+|(\w+_)?(PROXY|CERT|CERT_FILE|CERT_DIR)", re.IGNORECASE)


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True)


class Root:
    """The file system, and what the Dockerfile has said so far.

    Args:
        folder: an empty one, where all that is written goes.
        context: the folder that holds the Dockerfile.
    """

    def __init__(self, folder, context):
        self.context = Path(context)
        self.written, work, self.folder = (Path(folder) / name for name in ("new", "work", "root"))
        for path in (self.written, work, self.folder):
            path.mkdir()
        layers = f"lowerdir=/,upperdir={self.written},workdir={work}"
        mount("-t", "overlay", "-o", layers, "overlay", self.folder)
        for path in ("dev", "proc", "sys"):
            mount("--rbind", f"/{path}", self.folder / path)
        self.tmp(exec="exec")
        self.environment = {"PATH": PATH}
        self.user = "0"
        self.entry, self.command, self.health = [], [], ""
        python = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
        for path in python.parents:  # which may be the home of someone who keeps others out
            inside = self.folder / path.relative_to("/")
            inside.chmod(inside.stat().st_mode | 0o555)
        self.run([python, "-m", "venv", "/python"])  # what the base image calls python and pip

    def tmp(self, exec="noexec"):
        """Let /tmp be new and empty."""
        options = f"size=256m,mode=1777,nosuid,nodev,{exec}"
        mount("-t", "tmpfs", "-o", options, "tmpfs", self.folder / "tmp")

    def build(self):
        """Do what the Dockerfile says, line by line."""
        text = (self.context / "Dockerfile").read_text(encoding="utf-8")
        text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
        for line in filter(None, text.splitlines()):
            word, rest = line.split(maxsplit=1)
            getattr(self, f"do_{word.lower()}")(rest)

    def close(self):
        """Let nothing be written any more but to /tmp, which is empty."""
        self.tmp()
        mount("-o", "remount,ro", self.folder)

    def size(self, path):
        """Bytes of all files in a folder of the root."""
        files = (self.folder / path[1:]).rglob("*")
        return sum(file.lstat().st_size for file in files if file.is_file())

    def words(self, words, user=None, **environment):
        """The words by which a command runs in the root, as the user that was named last, with
        nothing of this process' environment and without rights.
        """
        user = user or self.user
        named = (f"{name}={value}" for name, value in (self.environment | environment).items())
        drop = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--no-new-privs"]
        if user != "0":
            drop += ["--inh-caps=-all", "--bounding-set=-all"]
        return ["chroot", self.folder, *drop, "env", "-i", *named, *words]

    def run(self, words, user=None, **environment):
        """What a command prints; it must succeed."""
        done = subprocess.run(
            self.words(words, user, **environment), capture_output=True, text=True, cwd="/"
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    # Instructions

    def do_from(self, rest):
        assert re.fullmatch(r"python:3\.\d+-slim AS base|base( AS build)?", rest), rest

    def do_run(self, rest):
        if not rest.startswith("apt-get"):
            network = {name: value for name, value in os.environ.items() if NETWORK.fullmatch(name)}
            self.run(["/bin/sh", "-c", rest], **network)

    def do_copy(self, rest):
        *sources, target = rest.split()
        if sources[0].startswith("--from="):  # all stages have one root here
            assert sources[1:] == [target]
            return
        into = self.folder / target[1:]
        for source in map(self.context.joinpath, sources):
            if source.is_dir():
                shutil.copytree(source, into, dirs_exist_ok=True)
            else:
                into.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, into)

    def do_env(self, rest):
        for pair in rest.split():
            name, _, value = pair.partition("=")
            self.environment[name] = value.replace("$PATH", self.environment["PATH"])

    def do_user(self, rest):
        self.user = rest.partition(":")[0]

    def do_entrypoint(self, rest):
        self.entry = json.loads(rest)

    def do_cmd(self, rest):
        self.command = json.loads(rest)

    def do_healthcheck(self, rest):
        self.health = rest.partition("CMD ")[2]

    def do_label(self, rest):
        """Says what it is to who reads it."""

    def do_expose(self, rest):
        """Publishes nothing."""
