"""What a demo has published, and what came of it by the output topics."""

import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
from aiokafka import ConsumerRecord

from app.core.domain import Application
from app.core.messages import Example
from app.core.metrics import Prequential
from app.data.rows import Due, Labelled
from app.runtime.topics.shapes import Topics

RECENT = 20_000  # labels behind the rolling figures


class _Id(msgspec.Struct):
    id: str


read_id = msgspec.json.Decoder(_Id).decode


class Tally:
    """Counts what goes in and comes out, and what is still owed.

    Parameters
    ----------
    on_review
        Called with the id of each event that comes up for review.
    """

    def __init__(
        self, application: Application, topics: Topics, on_review: Callable[[str], None]
    ) -> None:
        self.application, self.on_review = application, on_review
        self.published = self.labels = self.examples = self.dead_letters = 0
        self.decisions: Counter[str] = Counter()
        self.version = self.event_time = 0
        self.seconds = self.cpu_seconds = 0.0
        self.undecided: dict[str, int] = {}  # record's timestamp, epoch ms, by event
        self.reviewed: set[str] = set()
        self.unreviewed: set[str] = set()
        self.unlearned: dict[str, int] = {}  # what is to be taught, by event
        self.taught: dict[str, tuple[int, float, bool]] = {}  # label, score, alert; by event
        self.latencies = array("f")  # ms
        self.recent = Prequential(RECENT)
        self._read = {
            topics.predictions: self._predicted,
            topics.review: self._reviewed,
            topics.examples: self._learned,
            topics.dead_letters: self._refused,
        }

    @property
    def topics(self) -> list[str]:
        """What has to be observed."""
        return list(self._read)

    # -- what goes in

    def begin(self, cpu_seconds: Callable[[], float]) -> None:
        """The traffic begins; `cpu_seconds` returns what the workers have used so far."""
        self._cpu, self._cpu_before, self._began = cpu_seconds, cpu_seconds(), time.monotonic()

    def end(self) -> None:
        """The traffic has ended."""
        self.seconds = time.monotonic() - self._began
        self.cpu_seconds = self._cpu() - self._cpu_before

    def send_events(self, rows: Iterable[Labelled], at: int) -> None:
        """Events were published in records of this timestamp."""
        for row in rows:
            self.undecided[row.event.id] = at
            self.event_time = row.event.at
            self.published += 1

    def send_labels(self, due: Iterable[Due]) -> None:
        """Labels were published."""
        for label in due:
            taught = self.application.labels.teaches[label.feedback.label]
            self.unlearned[label.feedback.id] = taught
            self.labels += 1

    # -- what comes out

    def see(self, topic: str, records: Iterable[ConsumerRecord]) -> None:
        """Take in new records of an output topic."""
        for record in records:
            self._read[topic](record)

    def _predicted(self, record: ConsumerRecord) -> None:
        try:
            prediction = self.application.read_prediction(record.value or b"")
        except msgspec.DecodeError:
            return  # somebody else's
        self.decisions[prediction.decision] += 1
        sent = self.undecided.pop(prediction.id, None)
        if sent is not None:
            self.latencies.append(record.timestamp - sent)
        if prediction.decision != "approve" and prediction.id not in self.reviewed:
            self.unreviewed.add(prediction.id)

    def _reviewed(self, record: ConsumerRecord) -> None:
        id = self.application.read_prediction(record.value).id
        self.reviewed.add(id)
        self.unreviewed.discard(id)
        self.on_review(id)

    def _learned(self, record: ConsumerRecord) -> None:
        example = self.application.sift(record.value, record.offset, record.timestamp)
        self.version = record.offset + 1
        if not isinstance(example, Example):
            return
        self.examples += 1
        if example.y is None:
            self.taught.pop(example.id, None)
            return
        flagged = example.flagged(self.application.review)
        self.taught[example.id] = example.y, example.score, flagged
        self.recent.update(example.y, example.score, flagged)
        if self.unlearned.get(example.id) == example.y:
            del self.unlearned[example.id]

    def _refused(self, record: ConsumerRecord) -> None:
        self.dead_letters += 1
        with suppress(msgspec.DecodeError):  # of another producer: the demo's own can be read
            id = read_id(record.value).id
            self.undecided.pop(id, None)
            self.unlearned.pop(id, None)

    # -- figures

    @property
    def predictions(self) -> int:
        return self.decisions.total()

    def latency(self, latest: int | None = None) -> dict[str, float | None]:
        """Percentiles of the time from an event's record to its prediction's, ms."""
        values = self.latencies if latest is None else self.latencies[-latest:]
        if not values:
            return {"p50": None, "p99": None}
        p50, p99 = np.percentile(values, (50, 99)).tolist()
        return {"p50": p50, "p99": p99}

    def summary(self) -> dict[str, Any]:
        """Everything so far. The quality is over all events whose label was learned."""
        quality = Prequential(max(1, len(self.taught)))
        for y, score, flagged in self.taught.values():
            quality.update(y, score, flagged)
        figures = quality.get()
        return {
            "transactions": self.published,
            "predictions": self.predictions,
            "review": len(self.reviewed),
            "labels": self.labels,
            "learned": len(self.taught),
            "dead_letters": self.dead_letters,
            "version": self.version,
            "average_precision": figures["average_precision"],
            "alert_precision": figures["alert_precision"],
            "latency_ms": self.latency(),
            "seconds": round(self.seconds, 3),
            "worker_cpu_us": round(1e6 * self.cpu_seconds / max(1, self.published), 1),
        }
