"""Whether the worker lives, whether it is ready, and its metrics for Prometheus."""

from functools import partial

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, ProcessCollector

from app.serving.view import View
from app.streams.fraud.decision import known
from app.web.site import site
from app.web.status import Quality

QUALITY = {
    "average_precision": "Average precision over the labels of the rolling window.",
    "roc_auc": "Area under the ROC curve over the same labels.",
    "tpr_at_1pct_fpr": "Share of the frauds found where at most 1 % of the legitimate are flagged.",
    "recall_at_half_pct": "Share of the frauds among the 0.5 % that scored highest.",
    "alert_rate": "Share of the labelled transactions that were flagged.",
    "alert_precision": "Share of fraud among the labelled transactions that were flagged.",
    "log_loss": "Mean log loss over the same labels, nats.",
    "brier_score": "Mean squared error of the scores over the same labels.",
}


async def healthz(request: web.Request) -> web.Response:
    """200 for as long as the event loop runs, whatever the worker waits for."""
    return web.json_response({"alive": True})


async def readyz(request: web.Request) -> web.Response:
    """200 when every transaction that comes is decided as it should be, else 503 and why."""
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
    sensors, follower = view.sensors, view.worker.follower
    sensors.version.set_function(lambda: view.state.version)
    sensors.lag.set_function(lambda: follower.lag)
    sensors.behind.set_function(follower.seconds_behind)
    sensors.rules_weight.set_function(lambda: known(view.state).trial.weight)
    sensors.snapshots_refused.set_function(lambda: follower.refused_snapshots)
    sensors.partitions.set_function(lambda: len(view.held()))
    ready = Gauge("weir_ready", "1 when the worker is ready.", registry=sensors.registry)
    ready.set_function(lambda: view.unready() is None)
    for name, sentence in QUALITY.items():
        gauge = Gauge(f"weir_{name}", sentence, registry=sensors.registry)
        gauge.set_function(partial(_figure, quality, name))
    ProcessCollector(registry=sensors.registry)


def _figure(quality: Quality, name: str) -> float:
    value = quality.get()[name]
    return float("nan") if value is None else value
