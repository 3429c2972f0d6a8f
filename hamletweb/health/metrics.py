"""What `/metrics` says beside the requests: runs, heartbeats, queues, workers, dropped episodes.

Read when somebody asks, so that a number is never older than the scrape. All web processes give
the same answer for these; only the requests are each process's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import redis
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Min, Sum
from django.utils import timezone
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from hamletweb.health.requests import REGISTRY
from registry.hosts import workers
from registry.hosts.queues import QUEUES
from registry.serving.counting import serving_metrics
from training.models import Run, RunStatus

# Kombu keeps messages of a higher priority in lists of their own.
PRIORITY_SUFFIXES = ("", *(f"\x06\x16{priority}" for priority in (3, 6, 9)))


class PlatformCollector:
    """Registered once; `collect` runs at each scrape."""

    def collect(self) -> Iterator[Metric]:
        for up, families in (
            ("hamlet_database_up", run_families),
            ("hamlet_broker_up", broker_families),
        ):
            try:
                found = list(families())
            except (DatabaseError, redis.RedisError, OSError):
                found = None
            yield GaugeMetricFamily(up, "1 if it answered this scrape.", float(found is not None))
            yield from found or ()


def run_families() -> Iterable[Metric]:
    by_status = GaugeMetricFamily("hamlet_runs", "Runs by status.", labels=["status"])
    counts = dict(Run.objects.order_by().values_list("status").annotate(Count("pk")))
    for status in RunStatus.values:
        by_status.add_metric([status], counts.get(status, 0))
    yield by_status
    running = Run.objects.filter(status=RunStatus.RUNNING)
    found = running.aggregate(oldest=Min("heartbeat_at"), dropped=Sum("episodes_dropped"))
    yield GaugeMetricFamily(
        "hamlet_run_oldest_heartbeat_seconds",
        "Age of the oldest heartbeat of a running run.",
        _age(found["oldest"]),
    )
    yield GaugeMetricFamily(
        "hamlet_running_episodes_dropped",
        "Episodes of running runs that watchers did not get, as newer ones came too fast.",
        found["dropped"] or 0,
    )
    waiting = Run.objects.filter(status=RunStatus.QUEUED).aggregate(oldest=Min("queued_at"))
    yield GaugeMetricFamily(
        "hamlet_run_longest_wait_seconds",
        "How long the first of the waiting runs has waited.",
        _age(waiting["oldest"]),
    )


def broker_families() -> Iterable[Metric]:
    lengths = GaugeMetricFamily("hamlet_queue_messages", "Waiting tasks.", labels=["queue"])
    with redis.Redis.from_url(
        settings.CELERY_BROKER_URL, socket_timeout=2.0, socket_connect_timeout=1.0
    ) as broker:
        # A queue without a message does not exist in the broker and counts 0.
        for queue in QUEUES:
            lengths.add_metric(
                [queue], sum(broker.llen(queue + suffix) for suffix in PRIORITY_SUFFIXES)
            )
        watched = sum(count for _, count in broker.pubsub_numsub(*run_channels(broker)))
    yield lengths
    yield GaugeMetricFamily(
        "hamlet_watched_subscriptions",
        "Subscriptions to runs: one for each run that a web process shows to somebody.",
        watched,
    )
    ages = GaugeMetricFamily(
        "hamlet_worker_heard_seconds", "Seconds since a worker's last word.", labels=["worker"]
    )
    for worker in workers.heard_workers(within_s=3600.0):
        ages.add_metric([worker.name], worker.age_s)
    yield ages


def run_channels(broker: redis.Redis) -> list[bytes]:
    return broker.pubsub_channels("hamlet:run:*")


def _age(moment: object) -> float:
    return max((timezone.now() - moment).total_seconds(), 0.0) if moment else 0.0


PLATFORM = CollectorRegistry()
PLATFORM.register(PlatformCollector())
ProcessCollector(registry=PLATFORM)


def metrics_text() -> bytes:
    """Prometheus' text format."""
    return generate_latest(PLATFORM) + generate_latest(REGISTRY) + serving_metrics()
