"""Several "hosts" on one machine, for the long checks: network namespaces h0, h1 ... on a bridge,
with addresses 10.77.0.10, .11 ..., hostnames of their own, and links that can be slow, and be cut.

It needs root, and Linux' ip and tc. Only these namespaces are touched, and nothing leaves the
machine. MPI starts its processes in them through `agent`, in the place of ssh.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NETWORK = "10.77.0"
SWITCH = "sw"
AGENT = """#!/bin/bash
while [[ "$1" == -* ]]; do shift; done
host=$1; shift
exec ip netns exec "$host" unshare --uts /bin/sh -c "hostname $host; $*"
"""


def possible() -> bool:
    """Whether namespaces can be made here."""
    return os.geteuid() == 0 and all(shutil.which(name) for name in ("ip", "tc", "unshare"))


def ip(*words: object) -> None:
    subprocess.run(["ip", *map(str, words)], check=True, capture_output=True)


@contextmanager
def up(count: int, rate: str | None = None) -> Iterator[list[str]]:
    """So many hosts, by name; rate, such as "100mbit", of each one's link in both directions."""
    names = [f"h{number}" for number in range(count)]
    down(names)
    try:
        ip("netns", "add", SWITCH)
        ip("-n", SWITCH, "link", "add", "br0", "type", "bridge")
        ip("-n", SWITCH, "link", "set", "br0", "up")
        for number, name in enumerate(names):
            ip("netns", "add", name)
            peer = ["peer", "name", f"p{number}", "netns", SWITCH]
            ip("link", "add", "eth0", "netns", name, "type", "veth", *peer)
            ip("-n", name, "addr", "add", f"{NETWORK}.1{number}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", SWITCH, "link", "set", f"p{number}", "master", "br0", "up")
            for place, device in ((name, "eth0"), (SWITCH, f"p{number}")):
                if rate:
                    limit = ["root", "tbf", "rate", rate, "burst", "256k", "latency", "50ms"]
                    qdisc = ["tc", "-n", place, "qdisc", "add", "dev", device, *limit]
                    subprocess.run(qdisc, check=True, capture_output=True)
            own = Path("/etc/netns", name)
            own.mkdir(parents=True, exist_ok=True)
            lines = ["127.0.0.1 localhost", *(f"{NETWORK}.1{n} {h}" for n, h in enumerate(names))]
            (own / "hosts").write_text("\n".join(lines) + "\n")
        yield names
    finally:
        down(names)


def down(names: list[str]) -> None:
    """Take them away, with all that runs in them."""
    for name in [*names, SWITCH]:
        there = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
        for pid in there.stdout.split():
            subprocess.run(["kill", "-9", pid], capture_output=True)
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
        shutil.rmtree(Path("/etc/netns", name), ignore_errors=True)


def cut(number: int) -> None:
    """Cut the link of a host."""
    ip("-n", SWITCH, "link", "set", f"p{number}", "down")


def agent(folder: Path) -> Path:
    """The program that MPI starts processes on hosts with."""
    path = folder / "agent"
    path.write_text(AGENT)
    path.chmod(0o755)
    return path


def on(host: str, command: list[str]) -> list[str]:
    """A command line that runs on a host."""
    entered = ["ip", "netns", "exec", host, "unshare", "--uts", "sh", "-c"]
    return [*entered, f'hostname {host}; exec "$@"', "sh", *command]
