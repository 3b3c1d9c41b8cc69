"""What a server counts, for Prometheus. Workers count in files that they share, if there are
several: `PROMETHEUS_MULTIPROC_DIR` names their folder, which the supervisor makes."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

if TYPE_CHECKING:
    from .answering import Took

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (
    *(0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005),
    *(0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0),
)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 4096)


class Metrics:
    """Counters of one worker."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"fewfire_{name}", what, labels, registry=registry)

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(
                f"fewfire_{name}", what, labels, registry=registry, multiprocess_mode="livesum"
            )

        def histogram(name: str, what: str, buckets: Any, *labels: str) -> Histogram:
            return Histogram(f"fewfire_{name}", what, labels, registry=registry, buckets=buckets)

        requests = counter("requests", "Requests answered.", "model", "endpoint", "status")
        rows = counter("rows", "Examples answered.", "model")
        seconds = histogram(
            "request_seconds", "From the first byte to the answer.", _SECONDS, "model", "endpoint"
        )
        stages = histogram(
            "stage_seconds",
            "Parse and wait: of each request; vectorise and predict: of each batch.",
            _SECONDS,
            "model",
            "stage",
        )
        batches = histogram("batch_rows", "Examples predicted together.", _ROWS, "model")
        queues = gauge("queue_rows", "Examples that wait.", "model")
        versions = gauge("model_version", "Workers that serve a version.", "model", "version")
        reloads = counter("reloads", "Files that were loaded again.", "model", "outcome")
        # To look a child up takes longer than to count.
        self._requests, self._rows = cache(requests.labels), cache(rows.labels)
        self._seconds, self._stages = cache(seconds.labels), cache(stages.labels)
        self._batches, self._queues = cache(batches.labels), cache(queues.labels)
        self._versions, self._reloads = versions.labels, reloads.labels

    def request(self, model: str, endpoint: str, status: int, rows: int, seconds: float) -> None:
        """Count a request."""
        self._requests(model, endpoint, str(status)).inc()
        self._seconds(model, endpoint).observe(seconds)
        if rows:
            self._rows(model).inc(rows)

    def stage(self, model: str, stage: str, seconds: float) -> None:
        """Count what a part of the work took."""
        self._stages(model, stage).observe(seconds)

    def batch(self, model: str, n_rows: int, took: Took) -> None:
        """Count examples that were predicted together."""
        self._batches(model).observe(n_rows)
        self.stage(model, "vectorise", took.vectorise)
        self.stage(model, "predict", took.predict)

    def queue(self, model: str, n_rows: int) -> None:
        """Note how many examples wait."""
        self._queues(model).set(n_rows)

    def version(self, model: str, new: str, old: str | None = None) -> None:
        """Note which version of a model is served."""
        if old is not None:
            self._versions(model, old).set(0)
        self._versions(model, new).set(1)

    def reload(self, model: str, outcome: str) -> None:
        """Count a file that was loaded again: "done" or "refused"."""
        self._reloads(model, outcome).inc()

    def text(self) -> bytes:
        """Return all counters, those of the other workers included."""
        if FOLDER not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
