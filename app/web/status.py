"""How a worker is doing: its part of the status page."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from prometheus_client import Metric

from app.core.domain import Application
from app.core.messages import Prediction
from app.serving.view import View
from app.web.address import singular
from app.web.recorder import Recorder, quantile, total
from app.web.state import facts

QUALITY_EVERY = 1.0  # seconds


class Quality:
    """The rolling metrics, worked out at most once a second and only when labels came."""

    def __init__(self, view: View, clock: Callable[[], float] = time.monotonic) -> None:
        self.view, self.clock = view, clock
        self._figures = view.sensors.quality.get()
        self._at = (view.state.version, clock())

    def get(self) -> dict[str, float | None]:
        """As `Prequential.get`, of all labels that this worker has learned since its start."""
        version, at = self._at
        if self.view.state.version != version and self.clock() - at >= QUALITY_EVERY:
            self._figures = self.view.sensors.quality.get()
            self._at = (self.view.state.version, self.clock())
        return self._figures


def worker_status(view: View, recorder: Recorder, quality: Quality) -> dict[str, Any]:
    """One worker's status, from what it has in memory; counters count from its start."""
    settings, sensors = view.settings, view.sensors
    why = view.unready()
    decided = by_labels(*sensors.decisions.collect())
    labelled = by_labels(*sensors.labels.collect())
    return {
        "url": settings.url,
        "app_id": settings.app_id,
        "epoch": settings.epoch,
        "ready": why is None,
        "why": why,
        "partitions": [partition_status(view, partition) for partition in view.assigned()],
        "review_budget": settings.review_budget,
        "learning": learning_status(view),
        "decisions": sum_over(decided, 0),
        "modes": sum_over(decided, 1),
        "alerts": [alert(view.application, each) for each in reversed(sensors.alerts)],
        "repeated": total(*sensors.repeated.collect()),
        "labels": {"by_source": sum_over(labelled, 0), "by_outcome": sum_over(labelled, 1)},
        "one_sided": view.one_sided(),
        "dead_letters": total(*sensors.letters.collect()),
        "expired_unread": total(*sensors.expired.collect()),
        "topic_settings": view.wrong_settings(),
        "rates": rates(view.application, recorder),
        "latency": latency(recorder.latencies()),
        "line": recorder.line(),
        "quality": quality.get(),
    }


def partition_status(view: View, partition: int) -> dict[str, Any]:
    """A held partition, what waits in it, and with a budget what it reviews."""
    lag, opened = view.lag(partition), view.opened(partition)
    threshold = view.threshold(partition) if opened else None
    return {
        "partition": partition,
        "lag": lag.events,
        "feedback_lag": lag.feedback,
        "open": opened,
        "threshold": None if threshold is None else threshold.score,
        "alerts_per_hour": None if threshold is None else threshold.alerts_per_hour,
    }


def learning_status(view: View) -> dict[str, Any]:
    """The learning state: which models, which version, how far behind its log."""
    application, state, progress = view.application, view.state, view.progress()
    return {
        "model": application.model,
        "scope": application.scope,
        "features": application.feature_set,
        "version": progress.version,
        "end": progress.end,
        "lag": progress.lag,
        "behind_seconds": progress.behind_seconds,
        "examples": state.counts.examples,
        "positives": state.counts.positives,
        "negatives": state.counts.negatives,
        "withdrawn": state.counts.withdrawn,
        "skipped": state.counts.skipped,
        "positives_by_partition": [learned.positives for learned in view.learned().values()],
        "gauges": {gauge.name: gauge.read(state.statistics) for gauge in application.gauges},
    }


def alert(application: Application, prediction: Prediction) -> dict[str, Any]:
    """What an analyst chooses by among the latest alerts."""
    return {
        singular(application.events): prediction.id,
        application.key: prediction.key,
        **facts(application, prediction),
        "at": prediction.at,
        "score": prediction.score,
        "decision": prediction.decision,
        "reasons": [reason.text for reason in prediction.reasons],
    }


def rates(application: Application, recorder: Recorder) -> dict[str, float]:
    """Events, labels and examples a second."""
    recent = recorder.rates()
    return {
        application.events: recent.events,
        "labels": recent.labels,
        "examples": recent.examples,
    }


def latency(counted: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Quantiles in milliseconds, with the buckets that let those of several workers be merged."""
    finite = [(bound, count) for bound, count in counted if bound != float("inf")]
    above = sum(count for bound, count in counted if bound == float("inf"))
    median, high = quantile(counted, 0.5), quantile(counted, 0.99)
    return {
        "p50_ms": None if median is None else 1000 * median,
        "p99_ms": None if high is None else 1000 * high,
        "buckets": finite,
        "above": above,
    }


def add(tables: Iterable[dict[str, float]]) -> dict[str, float]:
    """Tables of numbers added up, names in order.

    >>> add([{"a": 1.0}, {"b": 2.0, "a": 0.5}])
    {'a': 1.5, 'b': 2.0}
    """
    sums: dict[str, float] = {}
    for table in tables:
        for name, value in table.items():
            sums[name] = sums.get(name, 0) + value
    return dict(sorted(sums.items()))


def by_labels(metric: Metric) -> dict[tuple[str, ...], int]:
    """A counter's values by its labels, in the order in which the labels were declared."""
    return {
        tuple(s.labels.values()): int(s.value) for s in metric.samples if s.name.endswith("_total")
    }


def sum_over(counted: dict[tuple[str, ...], int], position: int) -> dict[str, float]:
    """The counts by one of the labels."""
    return add({labels[position]: value} for labels, value in counted.items())
