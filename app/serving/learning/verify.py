"""Computes stored decisions again: do the logs still lead to what was decided?"""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from aiokafka import ConsumerRecord, TopicPartition

from app.core.batch import appraise, model_used
from app.core.domain import Application
from app.core.fold import LearningState
from app.core.messages import Prediction
from app.errors import Refused
from app.runtime.reading import bounds, reader, stretch
from app.serving.answers import prediction_in
from app.serving.learning.timeline import Timeline, timeline
from app.serving.setup import Setup
from app.wire import encode


class Place(NamedTuple):
    """Where a decision is in the predictions topic."""

    partition: int
    offset: int


class Finding(NamedTuple):
    """A decision that differs from what the logs lead to, or cannot be compared; and why."""

    place: Place
    id: str
    version: int
    why: str


class Report(NamedTuple):
    """The outcome for the decisions that were checked. `versions` counts learning states."""

    equal: int
    different: list[Finding]
    not_compared: list[Finding]
    versions: int


async def stored(setup: Setup, limit: int | None = None, id: str = "") -> list[ConsumerRecord]:
    """Records of the predictions topic: the newest `limit` of them, or all of one event."""
    topic = setup.topics.predictions
    tps = [TopicPartition(topic, partition) for partition in range(setup.settings.partitions)]
    found: list[ConsumerRecord] = []
    for tp in tps:
        async with reader(setup.settings.brokers, tp) as consumer:
            begin, end = await bounds(consumer, tp)
            start = begin if limit is None or id else max(begin, end - limit)
            async for records in stretch(consumer, tp, start, end):
                found += _of(id, records) if id else records
    found.sort(key=attrgetter("timestamp", "partition", "offset"))
    return found if limit is None else found[-limit:]


async def verify(
    setup: Setup,
    records: Sequence[ConsumerRecord],
    advanced: Callable[[], None] = lambda: None,
) -> Report:
    """Compute the decisions in records of the predictions topic again.

    Decisions of another engine, model, scope or feature set are not compared, nor is what cannot be
    read as one. What can be is, whoever wrote it. The threshold of
    review is the one that a decision names, or the settings' where it names none; that of
    blocking is always the settings'. `advanced` is called after each decision.

    Raises
    ------
    StateError
        The examples log does not reach back far enough.
    """
    application, report, versions = setup.application, Report(0, [], [], 0), set[int]()
    equal = 0
    async with timeline(setup) as past:
        end = await past.end()
        for record, prediction in _in_order(application, _distinct(records), report.not_compared):
            used, place = prediction.model, Place(record.partition, record.offset)
            finding = Finding(place, prediction.id, used.version, "")
            if why := incomparable(prediction, application):
                report.not_compared.append(finding._replace(why=why))
            elif why := await _compare(past, end, record.partition, prediction, application):
                report.different.append(finding._replace(why=why))
            else:
                equal += 1
                versions.add(used.version)
            advanced()
    return report._replace(equal=equal, versions=len(versions))


def incomparable(prediction: Prediction, application: Application) -> str:
    """Why a decision cannot be compared under these settings and this engine; '' when it can."""
    if prediction.engine != application.engine:
        return f"engine {prediction.engine}"
    used = prediction.model
    if (used.name, used.scope) != (application.model, application.scope):
        return f"model {used.name}, scope {used.scope}"
    if used.features != application.feature_set:
        return f"features {used.features}"
    return ""


def differing(
    prediction: Prediction, state: LearningState, partition: int, application: Application
) -> list[str]:
    """Names of what differs by a bit from the result of features, state and threshold."""
    x, review = prediction.features, prediction.threshold
    verdict = appraise(application, x, state, partition, review, prediction)
    again = {
        "score": verdict.score,
        "decision": verdict.decision,
        "reasons": verdict.reasons,
        "model": model_used(application, state, partition),
    }
    first = {name: getattr(prediction, name) for name in again}
    names = [name for name in again if encode(again[name]) != encode(first[name])]
    return names if prediction.source.partition == partition else [*names, "source"]


async def _compare(
    past: Timeline, end: int, partition: int, prediction: Prediction, application: Application
) -> str:
    version = prediction.model.version
    if not 0 <= version <= end:
        return f"version {version} is not in the log"
    state = await past.reach(version)
    return ", ".join(differing(prediction, state, partition, application))


def _of(id: str, records: Iterable[ConsumerRecord]) -> list[ConsumerRecord]:
    wanted = b'"id":' + encode(id)  # as Weir writes it; no other field has this name
    return [record for record in records if wanted in (record.value or b"")]


def _distinct(records: Iterable[ConsumerRecord]) -> list[ConsumerRecord]:
    """A decision that was repeated, byte for byte, is checked once."""
    first: dict[tuple[int, bytes], ConsumerRecord] = {}
    for record in records:
        first.setdefault((record.partition, record.value), record)
    return list(first.values())


def _in_order(
    application: Application, records: Iterable[ConsumerRecord], strangers: list[Finding]
) -> list[tuple[ConsumerRecord, Prediction]]:
    """Records and their predictions, by version; adds findings for what is no decision."""
    read = []
    for record in records:
        try:
            read.append((record, prediction_in(record, application)))
        except Refused as why:
            place = Place(record.partition, record.offset)
            strangers.append(Finding(place, "", 0, f"foreign: {why}"))
    return sorted(read, key=lambda pair: pair[1].model.version)
