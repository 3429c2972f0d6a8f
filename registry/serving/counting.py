"""What the prediction service counts of itself, for `/metrics`.

Plain numbers: adding one costs nothing on the way of a request. They are of this process.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


@dataclass
class Counts:
    """Since the start of the process, but for `bytes_in_flight`, which is now."""

    runs: int = 0
    rows: int = 0
    joined: int = 0  # questions that ran together with others
    refused_busy: int = 0
    refused_memory: int = 0
    left_before_answer: int = 0
    bytes_in_flight: int = 0
    logged: int = 0
    log_dropped: int = 0
    log_failures: int = 0
    local_permits: int = 0  # given without Valkey, by this process's own count


COUNTS = Counts()
COUNTERS = {
    "runs": "Runs of models.",
    "rows": "Rows that models answered.",
    "joined": "Questions that ran together with others.",
    "refused_busy": "Questions refused because the queue of their model was full.",
    "refused_memory": "Requests refused because requests at work took all the memory they may.",
    "left_before_answer": "Questions whose client left before their run.",
    "logged": "Predictions written to the log.",
    "log_dropped": "Predictions that the log had no room for.",
    "log_failures": "Attempts to write the log that failed.",
    "local_permits": "Requests let through by this process alone, as Valkey was away.",
}


class ServingCollector:
    def collect(self) -> Iterable[Metric]:
        for name, text in COUNTERS.items():
            yield CounterMetricFamily(
                f"hamlet_predict_{name}", text, value=float(getattr(COUNTS, name))
            )
        yield GaugeMetricFamily(
            "hamlet_predict_bytes_in_flight",
            "Memory taken by requests at work, as estimated.",
            COUNTS.bytes_in_flight,
        )


SERVING = CollectorRegistry()
SERVING.register(ServingCollector())


def serving_metrics() -> bytes:
    """Prometheus' text format."""
    return generate_latest(SERVING)
