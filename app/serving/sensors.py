"""What a worker counts: Prometheus metrics, and the quality of its decisions so far."""

import time
from collections import Counter as Counts
from collections import deque
from collections.abc import Sequence

from aiokafka import ConsumerRecord
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.core.batch import Answer
from app.core.labels import Revision
from app.core.metrics import Prequential
from app.core.threshold import Threshold
from app.messages import Example, Feedback, Prediction

WINDOW = 20_000  # labels behind the rolling metrics
ALERTS = 50  # latest ones kept in memory
LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)


class Sensors:
    """Counters of one worker, in a registry of its own."""

    def __init__(self, review_threshold: float) -> None:
        self.review_threshold = review_threshold
        self.quality = Prequential(WINDOW)
        self.alerts: deque[Prediction] = deque(maxlen=ALERTS)
        self.registry = registry = CollectorRegistry()
        self.decisions = Counter(
            "weir_decisions", "Transactions decided.", ["decision", "mode"], registry=registry
        )
        self.repeated = Counter(
            "weir_decisions_repeated", "Earlier decisions sent again.", registry=registry
        )
        self.latency = Histogram(
            "weir_decision_seconds",
            "Time from the transaction's Kafka timestamp to its decision.",
            buckets=LATENCIES,
            registry=registry,
        )
        self.labels = Counter(
            "weir_labels",
            "Labels read, by what they did.",
            ["source", "outcome"],
            registry=registry,
        )
        self.letters = Counter("weir_dead_letters", "Records refused.", registry=registry)
        self.examples = Counter(
            "weir_examples", "Examples learned from the log.", ["label"], registry=registry
        )
        self.version = Gauge(
            "weir_learning_version", "Next examples offset to fold.", registry=registry
        )
        self.lag = Gauge(
            "weir_learning_lag", "Examples in the log and not in the state.", registry=registry
        )
        self.behind = Gauge(
            "weir_learning_behind_seconds", "Time since the state was level.", registry=registry
        )
        self.rules_weight = Gauge(
            "weir_rules_weight", "What the rules add to the model, 0 to 1.", registry=registry
        )
        self.threshold = Gauge(
            "weir_review_threshold",
            "Score from which a partition reviews, with a budget.",
            ["partition"],
            registry=registry,
        )
        self.alert_rate = Gauge(
            "weir_alerts_per_hour",
            "Alerts an hour of event time, mean over some 3 hours, with a budget.",
            ["partition"],
            registry=registry,
        )
        self.snapshots_refused = Gauge(
            "weir_snapshots_refused", "Snapshots not used at start.", registry=registry
        )
        self.partitions = Gauge(
            "weir_partitions", "Transaction partitions held.", registry=registry
        )

    def decided(self, answers: Sequence[tuple[ConsumerRecord, Answer]]) -> None:
        """A step has decided transactions, or repeated their decisions; counted by kind."""
        now, kinds = time.time(), Counts[tuple[str, str]]()
        for record, answer in answers:
            fresh = answer.fresh
            if fresh is None:
                continue
            kinds[fresh.decision, fresh.mode] += 1
            if fresh.decision != "approve":
                self.alerts.append(fresh)
            self.latency.observe(max(now - record.timestamp / 1000, 0.0))
        self.repeated.inc(len(answers) - kinds.total())
        for kind, count in kinds.items():
            self.decisions.labels(*kind).inc(count)

    def moved(self, partition: int, threshold: Threshold) -> None:
        """A partition's threshold followed its budget."""
        self.threshold.labels(partition).set(threshold.score)
        if (rate := threshold.alerts_per_hour) is not None:
            self.alert_rate.labels(partition).set(rate)

    def closed(self) -> None:
        """The partitions are gone, and with them what was told of each."""
        self.threshold.clear()
        self.alert_rate.clear()

    def labelled(self, feedback: Feedback, revision: Revision | None) -> None:
        """A label was read; None stands for one that was settled before."""
        outcome = "repeated" if revision is None else revision.outcome
        self.labels.labels(feedback.source, outcome).inc()

    def folded(self, example: Example) -> None:
        """An example was learned. Its score is from before its label was known."""
        if example.y is None:
            self.examples.labels("withdrawn").inc()
            return
        self.examples.labels("fraud" if example.y else "legit").inc()
        flagged = example.flagged(self.review_threshold)
        self.quality.update(example.y, example.score, flagged, example.w)

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
