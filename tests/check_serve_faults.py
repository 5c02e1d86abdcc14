"""A server against broken requests, killed workers and a stop under load.

    python tests/check_serve_faults.py [count]

starts `minicnn serve` with two workers, sends it 2,000 broken requests of serve_faults.py from 32
clients at once, and prints a JSON line (the last one is docs/results/serve_faults.json). It exits
with 1 unless each is answered with a 4xx and a sentence or is cut, every good request in between
is answered, the server's memory stays within 200 MB of what it was, it answers within 2 seconds
after a worker was killed, and loses no request that it had accepted when it is told to stop. Slow
clients are given 1 second in place of 10, so that the check takes minutes.
"""

import asyncio
import collections
import contextlib
import json
import os
import platform
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from serve_faults import FAULTS, GOOD, MAY_SUCCEED
from serving import answer_in, outside, received, request, small_model

COUNT, CLIENTS = 2000, 32
EVERY = 20  # broken requests between two good ones
MEMORY, SECONDS = 200, 2.0  # megabytes above what it was; seconds after a worker was killed
HANGING = 30.0  # seconds after which a request counts as neither answered nor cut
ROUNDS = 5  # stops under load
LIMITS = ["--limit", "header_seconds=1", "--limit", "body_seconds=1", "--limit", "idle_seconds=3"]


async def send(port, pieces):
    """What comes back first for these pieces: an Answer, or None where the server hung up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def all_pieces():
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                if isinstance(piece, float):
                    await asyncio.sleep(piece)
                else:
                    writer.write(piece)
                    await writer.drain()

    sending = asyncio.create_task(all_pieces())
    data = b""
    try:
        async with asyncio.timeout(HANGING):
            with contextlib.suppress(ConnectionError):
                while part := await reader.read(65536):
                    data += part
                    answer = answer_in(data)
                    if answer and len(answer.body) == int(answer.headers["content-length"]):
                        return answer
            return None
    finally:
        sending.cancel()
        writer.transport.abort()


def judged(fault, answer):
    """How a request ended, in a word, and whether that is as it should be."""
    if answer is None:
        return "cut", True
    told = answer.json.get("error", "") if answer.body.startswith(b"{") else ""
    good = 400 <= answer.status < 500 and len(told) > 10 and "Traceback" not in told
    return str(answer.status), good or (answer.status == 200 and fault in MAY_SUCCEED)


async def faults(port, count):
    """All broken requests, from several clients at once, and good ones in between."""
    seen, unexpected, good = collections.Counter(), [], 0
    numbers = iter(range(count))

    async def client():
        nonlocal good
        for number in numbers:
            fault = FAULTS[number % len(FAULTS)]
            try:
                answer = await send(port, fault(np.random.default_rng(number)))
                word, right = judged(fault, answer)
            except TimeoutError:
                word, right = "hanging", False
            seen[word] += 1
            if not right:
                unexpected.append([fault.__name__, number, word])
            if number % EVERY == 0:
                answer = await send(port, [request(GOOD)])
                good += 1
                if answer is None or answer.status != 200:
                    unexpected.append(["a good request", number, str(answer)[:200]])

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return dict(sorted(seen.items())), unexpected, good


def processes(server):
    """The server's process and its workers."""
    own = server.process.pid
    children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
    return [own, *map(int, children)]


def memory(server):
    """Megabytes that the server's processes have, what they share counted once."""
    total = 0
    for process in processes(server):
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
        total += int(text.split("\nPss:")[1].split()[0])
    return total / 1024


def starts(server):
    """How many workers have begun to answer so far."""
    with server.connection() as wire:
        wire.sendall(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        text = answer_in(received(wire)).body.decode()
    return int(text.split("\nminicnn_worker_starts_total ")[1].split()[0])


def kill(server, victims):
    """Seconds until the server answers after these workers were killed, and until all are
    replaced.
    """
    before = starts(server)
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    began = time.monotonic()
    answered = None
    while answered is None:
        with contextlib.suppress(OSError):
            answer = server.post(GOOD)
            if answer is not None and answer.status == 200:
                answered = time.monotonic() - began
    while starts(server) < before + len(victims):
        time.sleep(0.01)
    return answered, time.monotonic() - began


def stop_under_load(model):
    """Requests answered and lost when a server is told to stop while 32 clients ask it."""
    answered = lost = 0

    async def client(port, stopped):
        nonlocal answered, lost
        while not stopped.is_set():
            try:
                answer = await send(port, [request(GOOD, close=True)])
            except ConnectionRefusedError:
                return
            if answer is not None and answer.status == 200:
                answered += 1
            else:
                lost += 1

    async def load(server):
        stopped = asyncio.Event()
        clients = [asyncio.create_task(client(server.port, stopped)) for _ in range(CLIENTS)]
        await asyncio.sleep(1)
        code, _ = await asyncio.to_thread(server.stop)
        stopped.set()
        await asyncio.gather(*clients)
        return code

    codes = []
    for round in range(ROUNDS):
        with outside(model, "--workers", 1 + round % 2) as server:
            codes.append(asyncio.run(load(server)))
    return {"answered": answered, "lost": lost, "exit_codes": codes}


def check(count=COUNT):
    """Everything; what is printed."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "small.safetensors"
        small_model().save(model)
        with outside(model, "--workers", 2, *LIMITS) as server:
            for _ in range(20):
                server.post(GOOD)
            before = memory(server)
            seen, unexpected, good = asyncio.run(faults(server.port, count))
            time.sleep(1)
            after = memory(server)
            killed = [kill(server, processes(server)[1:2]) for _ in range(3)]
            all_killed, _ = kill(server, processes(server)[1:])
            code, said = server.stop()
        stops = stop_under_load(model)
    slowest = max(seconds for seconds, _ in killed)
    passed = (
        not unexpected
        and after - before < MEMORY
        and slowest < SECONDS
        and stops["lost"] == 0
        and {code, *stops["exit_codes"]} == {0}
        and "Traceback" not in said
    )
    return {
        "check": "broken requests, killed workers, stops under load",
        "passed": passed,
        "broken_requests": count,
        "kinds": len(FAULTS),
        "ended": seen,
        "good_requests_in_between": good,
        "unexpected": unexpected[:20],
        "memory_mb_before": round(before),
        "memory_mb_after": round(after),
        "seconds_to_an_answer_after_a_kill": round(slowest, 2),
        "seconds_to_an_answer_after_all_were_killed": round(all_killed, 2),
        "seconds_to_a_new_worker": round(max(seconds for _, seconds in killed), 2),
        "stops_under_load": stops,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


if __name__ == "__main__":
    result = check(*map(int, sys.argv[1:]))
    print(json.dumps(result))
    sys.exit(not result["passed"])
