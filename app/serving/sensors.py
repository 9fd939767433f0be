"""What a worker counts: Prometheus metrics, and the quality of its decisions so far."""

import time
from collections import Counter as Counts
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import ConsumerRecord
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.core.batch import Decided
from app.core.domain import Application
from app.core.labels import Revision
from app.core.messages import Example, Feedback
from app.core.metrics import Prequential
from app.core.threshold import Threshold

WINDOW = 20_000  # labels behind the rolling metrics
NEWEST = 300  # decisions that show what features are worth
ALERTS = 50  # latest ones kept in memory
LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)

COUNTERS = {
    "decisions": ("weir_decisions", "Events decided.", ("decision", "mode")),
    "repeated": ("weir_decisions_repeated", "Earlier decisions sent again.", ()),
    "labels": ("weir_labels", "Labels read, by outcome.", ("source", "outcome")),
    "astray": ("weir_events_astray", "Events entered again on their own partition.", ()),
    "letters": ("weir_dead_letters", "Records refused.", ()),
    "expired": (
        "weir_records_expired_unread",
        "Offsets that retention took before they were read.",
        ("topic", "partition"),
    ),
    "unreadable": ("weir_unreadable_batches", "Batches that could not be read.", ()),
    "foreign": (
        "weir_foreign_records",
        "Records that Weir did not write and passes over, by topic.",
        ("topic",),
    ),
    "delays": (
        "weir_delays",
        "Times that heartbeats, writes to the broker or the disk began to take too long.",
        ("what",),
    ),
    "fields_unusable": (
        "weir_fields_unusable",
        "Values of fields that are missing to the models because they are of the wrong kind.",
        ("field",),
    ),
    "examples": ("weir_examples", "Examples learned from the log.", ("label",)),
}
GAUGES = {
    "version": ("weir_learning_version", "Next examples offset to fold.", ()),
    "lag": ("weir_learning_lag", "Examples in the log and not yet in the state.", ()),
    "behind": ("weir_learning_behind_seconds", "Time since the state was last level.", ()),
    "threshold": (
        "weir_review_threshold",
        "Score from which a partition reviews, with a budget.",
        ("partition",),
    ),
    "alert_rate": (
        "weir_alerts_per_hour",
        "Alerts per hour of event time, mean over some 3 hours, with a budget.",
        ("partition",),
    ),
    "own_weight": (
        "weir_own_weight",
        "Weight of a partition's own model; the shared one has the rest.",
        ("partition",),
    ),
    "one_sided": (
        "weir_labels_one_sided",
        "1 while negatives come from reviewed events alone, with maturity off.",
        (),
    ),
    "snapshots_refused": ("weir_snapshots_refused", "Snapshots not used at start.", ()),
    "wrong_settings": (
        "weir_topic_settings_wrong",
        "Settings of topics that do harm; the log has the command that helps.",
        (),
    ),
    "partitions": ("weir_partitions", "Partitions of the events that are assigned.", ()),
}


class Sensors:
    """Counters of one worker, in a registry of its own."""

    decisions: Counter
    repeated: Counter
    labels: Counter
    astray: Counter
    letters: Counter
    expired: Counter
    unreadable: Counter
    foreign: Counter
    delays: Counter
    fields_unusable: Counter
    examples: Counter
    version: Gauge
    lag: Gauge
    behind: Gauge
    threshold: Gauge
    alert_rate: Gauge
    own_weight: Gauge
    one_sided: Gauge
    snapshots_refused: Gauge
    wrong_settings: Gauge
    partitions: Gauge

    def __init__(self, application: Application) -> None:
        self.application = application
        self.quality = Prequential(WINDOW)
        self.alerts: deque[Any] = deque(maxlen=ALERTS)
        self.newest: deque[bytes] = deque(maxlen=NEWEST)  # decisions as they were sent
        self.registry = registry = CollectorRegistry()
        for kind, table in ((Counter, COUNTERS), (Gauge, GAUGES)):
            for attribute, (name, sentence, labels) in table.items():
                setattr(self, attribute, kind(name, sentence, labels, registry=registry))
        self.latency = Histogram(
            "weir_decision_seconds",
            "Time from the event's Kafka timestamp to its decision.",
            buckets=LATENCIES,
            registry=registry,
        )

    def decided(self, decided: Sequence[tuple[ConsumerRecord, Decided]]) -> None:
        """A step has decided events, or repeated their decisions; counted by kind."""
        now, kinds = time.time(), Counts[tuple[str, str]]()
        for record, one in decided:
            fresh = one.fresh
            if fresh is None:
                continue
            kinds[fresh.decision, fresh.mode] += 1
            self.newest.append(one.raw)
            if fresh.decision != "approve":
                self.alerts.append(fresh)
            if record.timestamp >= 0:
                self.latency.observe(max(now - record.timestamp / 1000, 0.0))
        self.repeated.inc(len(decided) - kinds.total())
        for kind, count in kinds.items():
            self.decisions.labels(*kind).inc(count)

    def read(self, events: Iterable[Any]) -> None:
        """A step has judged events: count the values of their fields that are of no use."""
        unusable = self.application.unusable
        if unusable is None:
            return
        for field, count in Counts(name for event in events for name in unusable(event)).items():
            self.fields_unusable.labels(field).inc(count)

    def moved(self, partition: int, threshold: Threshold) -> None:
        """A partition's threshold followed its budget."""
        self.threshold.labels(partition).set(threshold.score)
        if (rate := threshold.alerts_per_hour) is not None:
            self.alert_rate.labels(partition).set(rate)

    def closed(self) -> None:
        """The partitions were revoked: forget the figures of each."""
        self.threshold.clear()
        self.alert_rate.clear()

    def labelled(self, feedback: Feedback, revision: Revision | None) -> None:
        """A label was read; None stands for one that was settled before."""
        outcome = "repeated" if revision is None else revision.outcome
        self.labels.labels(feedback.source, outcome).inc()

    def passed_over(self, topic: str) -> None:
        """A record of a topic was passed over: Weir did not write it."""
        self.foreign.labels(topic).inc()

    def folded(self, example: Example) -> None:
        """An example was learned. Its score is from before its label was known."""
        if example.y is None:
            self.examples.labels("withdrawn").inc()
            return
        self.examples.labels(self.application.labels.word(example.y)).inc()
        flagged = example.flagged(self.application.review)
        self.quality.update(example.y, example.score, flagged, example.w)

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
