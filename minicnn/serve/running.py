"""From the words of a command to a server that runs."""

import os
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from minicnn.machine import threads
from minicnn.machine.presence import NUMBA
from minicnn.serve import reloading, served, workers
from minicnn.serve.limits import Limits
from minicnn.serve.metrics import Metrics
from minicnn.serve.security import Security, is_loopback
from minicnn.serve.server import BACKLOG, Server
from minicnn.serve.service import Service

MOST_WORKERS = 4  # where nobody says how many; each takes some 100 MB
READERS = 4  # threads that read pictures, at most: they take turns at what is Python
ANYWHERE = ("0.0.0.0", "::", "")


@dataclass(kw_only=True)
class Plan:
    """What is to be served, where, and to whom.

    Attributes:
        models: files or run folders, or NAME=PATH.
        host, port: where to listen; port 0 takes one that is free.
        token: what requests must show; None lets everybody ask who can reach the server.
        allow_hosts, allow_origins: see Security.
        workers, threads: processes, and threads of each; None shares the processors out, first
            among a few processes: they read requests side by side, and none waits for threads
            that do so just now.
        batch, wait: see Service.
        reload: whether models are loaded anew when their files change.
        tls: files of a certificate and its key.
        limits: see there.
    """

    models: Sequence[str]
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    allow_hosts: Sequence[str] = ()
    allow_origins: Sequence[str] = ()
    workers: int | None = None
    threads: int | None = None
    batch: int = 32
    wait: float = 0.002
    reload: bool = False
    tls: tuple[Path, Path] | None = None
    limits: Limits = field(default_factory=Limits)


def run(plan: Plan, started: Callable[[str, list[str]], None]) -> int:
    """Serve until a signal says to stop; an exit code.

    started: called with the address and the models' names, once questions are answered.

    Raises FileNotFoundError and ModelFileError for a model, ValueError for what does not fit
    together, OSError for an address that cannot be taken.
    """
    count = plan.workers or _usual_workers(plan.threads or 1)
    if count > 1 and not hasattr(os, "fork"):
        raise ValueError("--workers expected 1 on this system, whose processes cannot fork")
    if plan.tls is not None:
        _check_tls(plan.tls)
    share = plan.threads or _share(count)
    if NUMBA or plan.threads:
        threads.set_threads(share)
    paths = _named(plan.models)
    # as they are before they are read: a worker that is started again looks whether they still are
    states = {name: (path, reloading.state(path)) for name, path in paths.items()}
    models = {name: served.load(path, name) for name, path in paths.items()}
    metrics, limits = Metrics(count), plan.limits.shared(count)
    security = Security(
        is_loopback(plan.host),
        frozenset(name.lower() for name in plan.allow_hosts),
        frozenset(plan.allow_origins),
        plan.token,
    )
    with listen(plan.host, plan.port) as listening:
        where = address(plan, listening.getsockname()[1])

        def work(number: int, parent: int | None) -> None:
            metrics.of_worker(number)
            # who is started again says nothing
            first = number == 0 and metrics.own("starts") == 0
            service = Service(
                models, limits, security, plan.batch, plan.wait, metrics, min(share, READERS)
            )
            Server(
                service,
                plan.tls,
                states if plan.reload else {},
                (lambda: started(where, list(models))) if first else (lambda: None),
                parent,
            ).run(sockets=[listening])

        def let_go() -> None:
            listening.listen(0)
            listening.close()

        if count > 1:
            return workers.run(count, work, let_go)
        work(0, None)
        return 0


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections. Raises ValueError for an address that cannot be taken."""
    try:
        family, *_ = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        of_a_name = isinstance(error, socket.gaierror) or error.errno is None
        reason = str(error.strerror or error) if of_a_name else os.strerror(error.errno or 0)
        raise ValueError(
            f"serve expected an address that is free, received --host {host} --port {port}: "
            f"{reason.lower()}: another --port may help, and 0 takes one that is free"
        ) from error


def address(plan: Plan, port: int) -> str:
    """Where the page is; the token stands behind a #, which browsers do not send."""
    host = "localhost" if plan.host in ANYWHERE else plan.host
    host = f"[{host}]" if ":" in host else host
    scheme = "http" if plan.tls is None else "https"
    return f"{scheme}://{host}:{port}/" + _fragment(plan.token)


def _fragment(token: str | None) -> str:
    """What stands behind an address, for the page: percent-encoded, for a token may have any
    sign.
    """
    return f"#token={quote(token, safe='')}" if token else ""


def _named(words: Sequence[str]) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for name, path in map(served.named, words):
        if name in paths:
            raise ValueError(
                f"serve expected models of several names, received {paths[name]} and {path}, which "
                f"are both {name!r}: write NAME={path}"
            )
        paths[name] = path
    return paths


def _check_tls(files: tuple[Path, Path]) -> None:
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(*files)
    except (ssl.SSLError, OSError) as error:
        raise ValueError(
            f"serve expected a certificate and its key in PEM, received --tls-cert {files[0]} "
            f"--tls-key {files[1]}: {error}"
        ) from error


def _usual_workers(share: int) -> int:
    """Processes with so many threads each, on the processors that there are."""
    if not hasattr(os, "fork"):
        return 1
    return max(1, min(MOST_WORKERS, threads.get_thread_count() // share))


def _share(workers: int) -> int:
    """Threads for each of so many processes."""
    return max(1, threads.get_thread_count() // workers)
