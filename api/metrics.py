"""Owns what Prometheus reads: the state of the queue out of the views, and this process's requests.

Views are read at most every few seconds, however many scrape. No host or supplier is named, since
the page is open and origins may be hidden; `host_health` has the names for those who may see them.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator
from typing import Any

from litestar import Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from api.services import Services
from worker.db import Row

_FRESH_SECONDS = 10.0
_STATEMENTS = {
    "queue": "select state, images from likeness.queue_counts",
    # The first of each host and class: an index has them in front.
    "oldest": "select 'waiting' as state, extract(epoch from likeness.clock() - min(i.queued_at))"
    "::float8 as age from likeness.hosts h cross join generate_series(0, 3) c (class)"
    " cross join lateral (select i.queued_at from likeness.images i where i.host_id = h.id"
    " and i.priority = c.class and i.queued_at is not null and i.retry_at is null"
    " order by i.queued_at limit 1) i",
    "alerts": "select rule, count(*) filter (where state in ('open', 'closing')) as open,"
    " max(value) as value, max(threshold) as threshold from likeness.alert_status group by rule",
    "periodic": "select task, is_overdue::int as overdue, failed_today as failed,"
    " extract(epoch from likeness.clock() - last_success_at)::float8 as age"
    " from likeness.periodic_work",
    "failures": "select reason, failed, to_be_retried from likeness.failures_by_reason",
    "hosts": "select status, count(*) as hosts, sum(in_flight)::int as in_flight,"
    " sum(fetches)::bigint as fetches, sum(faults)::bigint as faults"
    " from likeness.host_health group by status",
    "runs": "select sum(stored)::bigint as stored, sum(reused)::bigint as reused,"
    " sum(failed)::bigint as failed, sum(remaining) filter (where status = 'running')::bigint"
    " as remaining, count(*) filter (where status = 'running') as running from likeness.run_status",
}


class ViewCollector(Collector):
    """Tells Prometheus what was last read from the views; reading is ``refresh``'s."""

    def __init__(self) -> None:
        self._rows: dict[str, list[Row]] = {name: [] for name in _STATEMENTS}
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    async def refresh(self, services: Services) -> None:
        """Read the views, unless somebody just did."""
        async with self._lock:
            if time.monotonic() - self._read_at < _FRESH_SECONDS:
                return
            for name, statement in _STATEMENTS.items():
                self._rows[name] = await services.rows(statement)
            self._read_at = time.monotonic()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The families, in a fixed order."""
        queue, hosts = self._rows["queue"], self._rows["hosts"]
        yield _family("images", "Pictures by state.", "state", queue, "images")
        oldest = self._rows["oldest"]
        yield _family("images_oldest_seconds", "Age of the oldest queued.", "state", oldest, "age")
        failures = self._rows["failures"]
        yield _family("images_failed", "Pictures failed for good.", "reason", failures, "failed")
        yield _family("images_retrying", "To be tried again.", "reason", failures, "to_be_retried")
        yield _family("hosts", "Source hosts by state.", "status", hosts, "hosts")
        for name in ("in_flight", "fetches", "faults"):
            yield _family(f"hosts_{name}", f"{name} of these hosts.", "status", hosts, name)
        alerts = self._rows["alerts"]
        yield _family("alerts", "Open alerts.", "rule", alerts, "open")
        yield _family("alert_value", "What they measure, at its worst.", "rule", alerts, "value")
        yield _family("alert_threshold", "More is too much.", "rule", alerts, "threshold")
        periodic = self._rows["periodic"]
        yield _family("periodic_overdue", "Due, and not done.", "task", periodic, "overdue")
        yield _family("periodic_failed_today", "Failed runs.", "task", periodic, "failed")
        yield _family("periodic_success_age_seconds", "Since a good run.", "task", periodic, "age")
        for run in self._rows["runs"]:
            for name, value in run.items():
                yield GaugeMetricFamily(f"likeness_runs_{name}", f"{name}, all runs.", value or 0)


def _family(
    name: str, text: str, label: str, rows: Iterable[Row], column: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"likeness_{name}", text, labels=[label])
    for row in rows:
        if row[column] is not None:
            family.add_metric([row[label]], row[column])
    return family


@get("/metrics", tags=["operation"], summary="Figures for Prometheus", media_type="text/plain")
async def get_metrics(services: NamedDependency[Services], state: State) -> Response[Any]:
    registry: CollectorRegistry = state.registry
    collector: ViewCollector = state.collector
    await collector.refresh(services)
    body = await asyncio.to_thread(generate_latest, registry)
    # As a header, since a media type of text gets a second charset.
    headers = {"content-type": CONTENT_TYPE_LATEST, "cache-control": "no-store"}
    return Response(body, headers=headers)


HANDLERS = [get_metrics]
