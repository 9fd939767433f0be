"""How a worker is doing, and all workers together: the facts of the status page."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from prometheus_client import Metric

from app.messages import Prediction
from app.serving.view import View, frauds_learned
from app.streams.fraud.decision import known
from app.web.recorder import Recorder, quantile, total

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
        "partitions": [partition_status(view, partition) for partition in view.held()],
        "review_budget": settings.review_budget,
        "learning": learning_status(view),
        "decisions": sum_over(decided, 0),
        "modes": sum_over(decided, 1),
        "alerts": [alert(prediction) for prediction in reversed(sensors.alerts)],
        "repeated": total(*sensors.repeated.collect()),
        "labels": {"by_source": sum_over(labelled, 0), "by_outcome": sum_over(labelled, 1)},
        "dead_letters": total(*sensors.letters.collect()),
        "rates": recorder.rates(),
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
        "lag": lag.transactions,
        "feedback_lag": lag.feedback,
        "open": opened,
        "threshold": None if threshold is None else threshold.score,
        "alerts_per_hour": None if threshold is None else threshold.alerts_per_hour,
    }


def learning_status(view: View) -> dict[str, Any]:
    """The learning state: which models, which version, how far behind its log."""
    follower, settings, counts = view.worker.follower, view.settings, view.state.counts
    return {
        "model": settings.model,
        "scope": settings.model_scope,
        "features": settings.features,
        "version": view.state.version,
        "end": max(follower.end, view.state.version),
        "lag": follower.lag,
        "behind_seconds": follower.seconds_behind(),
        "examples": counts.examples,
        "frauds": counts.frauds,
        "legitimate": counts.legitimate,
        "withdrawn": counts.withdrawn,
        "skipped": counts.skipped,
        "frauds_by_partition": list(frauds_learned(view.state).values()),
        "trial": known(view.state).trial.figures._asdict(),
    }


def alert(prediction: Prediction) -> dict[str, Any]:
    """What an analyst chooses by among the latest alerts."""
    return {
        "transaction": prediction.id,
        "customer": prediction.customer,
        "merchant": prediction.merchant,
        "location": prediction.location,
        "amount": prediction.amount,
        "at": prediction.at,
        "score": prediction.score,
        "decision": prediction.decision,
        "reasons": [reason.text for reason in prediction.reasons],
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


def together(statuses: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The sums over all workers; learning and quality are those of the most advanced one.

    Every worker folds the same log, so those figures differ only by what a worker has
    seen since its start.
    """
    ahead = max(statuses, key=lambda status: status["learning"]["version"])
    longest = max(statuses, key=lambda status: status["quality"]["n"])
    partitions = [one for status in statuses for one in status["partitions"]]
    line = Counter[str]()
    for status in statuses:
        line.update({str(slot): value for slot, value in status["line"].items()})
    return {
        "workers": len(statuses),
        "ready": sum(status["ready"] for status in statuses),
        "decisions": add(status["decisions"] for status in statuses),
        "modes": add(status["modes"] for status in statuses),
        "labels": {
            name: add(status["labels"][name] for status in statuses)
            for name in ("by_source", "by_outcome")
        },
        "alerts": sorted(
            (one for status in statuses for one in status["alerts"]),
            key=lambda one: one["at"],
            reverse=True,
        ),
        "dead_letters": sum(status["dead_letters"] for status in statuses),
        "rates": {
            **add(status["rates"] for status in statuses),
            "examples": max(status["rates"]["examples"] for status in statuses),
        },
        "latency": latency(merged(status["latency"] for status in statuses)),
        "line": dict(sorted(line.items())),
        "lag": sum(one["lag"] or 0 for one in partitions),
        "feedback_lag": sum(one["feedback_lag"] or 0 for one in partitions),
        "review_budget": ahead["review_budget"],
        "alerts_per_hour": sum(one["alerts_per_hour"] or 0 for one in partitions),
        "learning": ahead["learning"],
        "learning_lag": max(status["learning"]["lag"] for status in statuses),
        "quality": longest["quality"],
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


def merged(latencies: Iterable[dict[str, Any]]) -> list[tuple[float, float]]:
    """The buckets of several workers, added up."""
    counts: dict[float, float] = {}
    for one in latencies:
        for bound, many in [*one["buckets"], (float("inf"), one["above"])]:
            counts[bound] = counts.get(bound, 0) + many
    return sorted(counts.items())


def by_labels(metric: Metric) -> dict[tuple[str, ...], int]:
    """A counter's values by its labels, in the order in which the labels were declared."""
    return {
        tuple(s.labels.values()): int(s.value) for s in metric.samples if s.name.endswith("_total")
    }


def sum_over(counted: dict[tuple[str, ...], int], position: int) -> dict[str, float]:
    """The counts by one of the labels."""
    return add({labels[position]: value} for labels, value in counted.items())
