"""What is counted, in the text format of Prometheus.

All workers count in one block of memory that they share, a row each, and whichever is asked adds
the rows up.

Source: Prometheus' exposition formats, text format 0.0.4.
"""

import mmap
from bisect import bisect_left

import numpy as np

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
PICTURES = (1, 2, 4, 8, 16, 32, 64, 128)
PATHS = (
    *("/", "/v1/predict", "/v1/models", "/v2", "/v2/health/live", "/v2/health/ready"),
    *("/v2/models", "/v2/infer", "/ping", "/invocations", "/metrics", "/openapi.json", "other"),
)
STATUSES = (
    *(200, 204, 304, 400, 401, 403, 404, 405, 408, 411, 413, 415, 421, 429, 431, 500, 503, 504),
    0,  # any other
)


class Metrics:
    """Counters that only grow, and what is the case now.

    Args:
        workers: processes that count.
    """

    def __init__(self, workers: int = 1):
        self._places: dict[str, slice] = {}
        size = 0
        for name, length in (
            ("requests", len(PATHS) * len(STATUSES)),
            ("seconds", len(SECONDS) + 2),
            ("batches", len(PICTURES) + 2),
            ("model_seconds", 1),
            ("queue_seconds", 1),
            ("in_flight", 1),
            ("reloads", 1),
            ("failed_reloads", 1),
            ("starts", 1),
        ):
            self._places[name] = slice(size, size + length)
            size += length
        shared = mmap.mmap(-1, 8 * size * workers)
        self._all = np.frombuffer(shared, np.float64).reshape(workers, size)
        self._own = self._all[0]

    def of_worker(self, number: int) -> None:
        """Count in that worker's row from now on; nothing waits for it yet."""
        self._own = self._all[number]
        self.set("in_flight", 0)

    def add(self, name: str, value: float = 1) -> None:
        """Count one more, or so many."""
        self._own[self._places[name].start] += value

    def set(self, name: str, value: float) -> None:
        """Note what is the case now."""
        self._own[self._places[name].start] = value

    def own(self, name: str) -> float:
        """What this worker and those before it have counted of one thing."""
        return float(self._own[self._places[name].start])

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        column = PATHS.index(path) if path in PATHS else len(PATHS) - 1
        row = STATUSES.index(status) if status in STATUSES else len(STATUSES) - 1
        self._own[self._places["requests"].start + column * len(STATUSES) + row] += 1
        self._observe("seconds", SECONDS, seconds)

    def batch(self, pictures: int, seconds: float, waited: float) -> None:
        """Count a batch: its size, how long the model took, and how long the first one waited."""
        self._observe("batches", PICTURES, pictures)
        self.add("model_seconds", seconds)
        self.add("queue_seconds", waited)

    def text(self) -> str:
        """All of it, as Prometheus reads it."""
        total = self._all.sum(axis=0)
        lines = ["# TYPE minicnn_requests_total counter"]
        counts = total[self._places["requests"]].reshape(len(PATHS), len(STATUSES))
        for path, row in zip(PATHS, counts, strict=True):
            for status, count in zip(STATUSES, row, strict=True):
                if count:
                    labels = f'path="{path}",status="{status or "other"}"'
                    lines.append(f"minicnn_requests_total{{{labels}}} {count:.0f}")
        lines += self._histogram("minicnn_request_seconds", total[self._places["seconds"]], SECONDS)
        lines += self._histogram("minicnn_batch_pictures", total[self._places["batches"]], PICTURES)
        for name, kind, place in (
            ("minicnn_model_seconds_total", "counter", "model_seconds"),
            ("minicnn_queue_seconds_total", "counter", "queue_seconds"),
            ("minicnn_requests_in_flight", "gauge", "in_flight"),
            ("minicnn_reloads_total", "counter", "reloads"),
            ("minicnn_failed_reloads_total", "counter", "failed_reloads"),
            ("minicnn_worker_starts_total", "counter", "starts"),
        ):
            value = total[self._places[place].start]
            lines += [f"# TYPE {name} {kind}", f"{name} {value:.10g}"]
        return "\n".join(lines) + "\n"

    def _observe(self, name: str, edges: tuple[float, ...], value: float) -> None:
        """A histogram: counts up to each edge and beyond the last, and then the sum."""
        place = self._places[name]
        self._own[place.start + bisect_left(edges, value)] += 1
        self._own[place.stop - 1] += value

    @staticmethod
    def _histogram(name: str, numbers: np.ndarray, edges: tuple[float, ...]) -> list[str]:
        counts = np.cumsum(numbers[:-1])
        lines = [f"# TYPE {name} histogram"]
        for edge, count in zip((*edges, "+Inf"), counts, strict=True):
            lines.append(f'{name}_bucket{{le="{edge}"}} {count:.0f}')
        return [*lines, f"{name}_sum {numbers[-1]:.10g}", f"{name}_count {counts[-1]:.0f}"]
