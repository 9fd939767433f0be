"""Whether the worker lives, whether it is ready, and its metrics for Prometheus."""

from collections.abc import Callable
from functools import partial

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, ProcessCollector

from app.core import domain
from app.serving.view import View
from app.web.site import site
from app.web.status import Quality

QUALITY = {
    "average_precision": "Average precision over the labels of the rolling window.",
    "roc_auc": "Area under the ROC curve over the same labels.",
    "tpr_at_1pct_fpr": "Share of positives found while at most 1 % of negatives are flagged.",
    "recall_at_half_pct": "Share of the positives among the 0.5 % that scored highest.",
    "alert_rate": "Share of the labelled events that were flagged.",
    "alert_precision": "Share of positives among the labelled events that were flagged.",
    "log_loss": "Mean log loss over the same labels, nats.",
    "brier_score": "Mean squared error of the scores over the same labels.",
}
DELAYS = {
    "heartbeat": ("heartbeat_age_seconds", "Time since the last acknowledged heartbeat was sent."),
    "write": ("unacknowledged_seconds", "Age of the oldest write that no broker acknowledged yet."),
    "disk": ("disk_seconds", "Time that a small write to the disk takes, or has taken so far."),
}


async def healthz(request: web.Request) -> web.Response:
    """200 for as long as the event loop runs, whatever the worker is waiting for."""
    return web.json_response({"alive": True})


async def readyz(request: web.Request) -> web.Response:
    """200 while every event that arrives is decided as it should be, otherwise 503 and why."""
    why = site(request).view.unready()
    if why is not None:
        raise web.HTTPServiceUnavailable(text=why)
    return web.json_response({"ready": True})


async def metrics(request: web.Request) -> web.Response:
    """Everything that the worker counts, in Prometheus' text format."""
    body = site(request).view.sensors.exposition()
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def read_at_scrape(view: View, quality: Quality) -> None:
    """Let the gauges read the worker whenever somebody scrapes, and add the process's own."""
    sensors = view.sensors
    sensors.version.set_function(lambda: view.progress().version)
    sensors.lag.set_function(lambda: view.progress().lag)
    sensors.behind.set_function(lambda: view.progress().behind_seconds)
    sensors.snapshots_refused.set_function(lambda: view.progress().refused_snapshots)
    sensors.wrong_settings.set_function(lambda: len(view.wrong_settings()))
    sensors.one_sided.set_function(view.one_sided)
    sensors.partitions.set_function(lambda: len(view.assigned()))
    for partition in range(view.application.partitions):
        sensors.own_weight.labels(partition).set_function(partial(_own_weight, view, partition))
    show(view, "ready", "1 when the worker is ready.", lambda: view.unready() is None)
    show(
        view,
        "holding",
        "1 while heartbeats are not acknowledged and the worker therefore waits.",
        view.holding,
    )
    for what, (name, sentence) in DELAYS.items():
        show(view, name, sentence, partial(_delay, view, what))
    for name, sentence in QUALITY.items():
        show(view, name, sentence, partial(_figure, quality, name))
    for gauge in view.application.gauges:
        show(view, gauge.name, gauge.sentence, partial(_read, gauge, view))
    ProcessCollector(registry=sensors.registry)


def show(view: View, name: str, sentence: str, read: Callable[[], float]) -> None:
    """Add a gauge `weir_<name>` that is read at each scrape."""
    Gauge(f"weir_{name}", sentence, registry=view.sensors.registry).set_function(read)


def _own_weight(view: View, partition: int) -> float:
    return view.state.own(partition, view.application.scope)


def _read(gauge: domain.Gauge, view: View) -> float:
    return gauge.read(view.state.statistics)  # not once and for all: snapshots bring new ones


def _delay(view: View, what: str) -> float:
    return view.delays()[what]


def _figure(quality: Quality, name: str) -> float:
    value = quality.get()[name]
    return float("nan") if value is None else value
