"""Clients of an HTTP server, many connections in one process, that ask the same again and again.

    python serve_client.py HOST PORT CONNECTIONS SECONDS < request

sends the bytes of the request on every connection, the next as soon as the answer is there, and
prints a JSON object: answers, failures (any other status than 200, and what breaks off), seconds,
and milliseconds from a request to its answer. It does little else, since it shares the processors
with the server.
"""

import json
import selectors
import socket
import sys
import time


class Connection:
    """One client: sends the request, waits for the answer, and so on."""

    def __init__(self, address: tuple[str, int], request: bytes):
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.request = request
        self.received = b""
        self.length: int | None = None
        self.left = memoryview(b"")
        self.began = 0.0

    def ask(self) -> None:
        self.received, self.length = b"", None
        self.began = time.perf_counter()
        self.left = memoryview(self.request)
        self.send()

    def send(self) -> None:
        """Send as much as goes."""
        while self.left:
            try:
                self.left = self.left[self.socket.send(self.left) :]
            except BlockingIOError:
                return

    def answered(self) -> bool:
        """Whether the whole answer is there now. Raises OSError where the server hangs up."""
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionResetError
        self.received += part
        if self.length is None:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return False
            head = self.received[:end].lower()
            self.length = end + 4 + int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        return len(self.received) >= self.length


def load(host: str, port: int, connections: int, seconds: float, request: bytes) -> dict:
    """Ask for so many seconds; what came of it."""
    took: list[float] = []
    failed = 0
    with selectors.DefaultSelector() as selector:
        clients = [Connection((host, port), request) for _ in range(connections)]
        both = selectors.EVENT_READ | selectors.EVENT_WRITE
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
        began = time.perf_counter()
        for client in clients:
            client.ask()
            selector.modify(client.socket, both if client.left else selectors.EVENT_READ, client)
        waiting = len(clients)
        while waiting:
            for key, events in selector.select():
                client = key.data
                try:
                    if events & selectors.EVENT_WRITE:
                        client.send()
                        if not client.left:
                            selector.modify(client.socket, selectors.EVENT_READ, client)
                    if not events & selectors.EVENT_READ or not client.answered():
                        continue
                    good = client.received.startswith(b"HTTP/1.1 200")
                except OSError:
                    selector.unregister(client.socket)
                    failed, waiting = failed + 1, waiting - 1
                    continue
                now = time.perf_counter()
                took.append(now - client.began)
                failed += not good
                if now - began > seconds:
                    selector.unregister(client.socket)
                    waiting -= 1
                    continue
                client.ask()
                if client.left:
                    selector.modify(client.socket, both, client)
        elapsed = time.perf_counter() - began
    for client in clients:
        client.socket.close()
    took.sort()
    at = {name: 1000 * took[int(share * (len(took) - 1))] for name, share in
          (("p50", 0.5), ("p99", 0.99), ("slowest", 1.0))}  # fmt: skip
    return {"answers": len(took) - failed, "failed": failed, "seconds": elapsed, **at}


if __name__ == "__main__":
    host, port, connections, seconds = sys.argv[1:]
    told = load(host, int(port), int(connections), float(seconds), sys.stdin.buffer.read())
    print(json.dumps(told))
