"""What holds of each play by itself, whatever happened to its workers."""

import itertools

from app.core.batch import appraise
from app.core.hashing import hash64
from app.core.labels import LabelEntry, decode_entry
from app.core.messages import Example, Origin
from app.core.threshold import KEY
from app.runtime.writer import Out
from app.serving.elsewhere import entered_again
from app.serving.evicted import PREFIX, decode_evicted
from app.serving.waiting import PREFIX as INDEX
from app.serving.waiting import Waiting, left_over
from app.streams.fraud.messages import (
    read_example,
    read_prediction,
)
from app.wire import encode
from tests.serving.memory import THEIRS, World
from tests.serving.plays import (
    ROOM,
    entered_there,
    entries,
    evicted,
    first_predictions,
    origin,
    readable,
)


def all_holds(world: World) -> None:
    the_logs_hold(world)
    the_disk_is_as_the_logs(world)


def the_logs_hold(world: World) -> None:
    each_is_decided_once(world)
    each_that_is_elsewhere_is_entered_there(world)
    each_flagged_one_is_reviewed(world)
    nothing_comes_too_early(world)
    each_label_is_learned_once(world)
    each_record_is_that_of_the_logs(world)


def each_is_decided_once(world: World) -> None:
    first = first_predictions(world)
    assert first.keys() == {event.id for _, event in readable(world)}
    for raw in world.values("predictions"):
        assert raw == first[read_prediction(raw).id], "a second decision"


def each_that_is_elsewhere_is_entered_there(world: World) -> None:
    """Each as it came, with its place, in the order of its log; what a crash repeats follows."""
    wrong = [
        record for record in world.log("events") if record.value and THEIRS.encode() in record.value
    ]
    copies = [Out(one.key, one.value, one.headers, one.timestamp) for one in entered_there(world)]
    assert list(dict.fromkeys(copies)) == [entered_again(record, epoch=1) for record in wrong]


def each_flagged_one_is_reviewed(world: World) -> None:
    decided = first_predictions(world).values()
    flagged = {raw for raw in decided if read_prediction(raw).decision != "approve"}
    assert set(world.values("review")) == flagged


def nothing_comes_too_early(world: World) -> None:
    """Review items come after their prediction, examples after what was settled."""
    topics, predicted = world.setup.topics, set()
    settled: dict[str, LabelEntry] = {}
    aside: set[bytes] = set()  # examples of labels that have left their entries
    for record in world.logs.journal:
        if record.topic == topics.predictions:
            predicted.add(record.value)
        elif record.topic == topics.review:
            assert record.value in predicted
        elif record.topic == topics.changelogs["labels"] and record.value not in (None, b"1"):
            if record.key.startswith(PREFIX):
                aside.add(decode_evicted(record.value).example)
            elif b"\0" not in record.key:
                settled[record.key.decode()] = decode_entry(record.value, "")
        elif record.topic == topics.examples:
            example = read_example(record.value)
            known = settled[example.id].revisions
            listed = any(one.origin == example.origin and one.example for one in known)
            assert listed or record.value in aside


def each_label_is_learned_once(world: World) -> None:
    """The examples that count are the settled revisions, one each, and each says what it replaces.

    Every label that was read is in its entry, and waits only while its event is unknown.
    """
    learned: dict[str, list[Example]] = {}
    latest = Origin(0, 0, -1)
    for example in map(read_example, world.values("examples")):
        if example.origin > latest:  # else it is appended again
            latest = example.origin
            learned.setdefault(example.id, []).append(example)
    decided, index, left = first_predictions(world), world.changes("labels"), evicted(world)
    for id, entry in entries(world).items():
        assert len({one.label_id for one in entry.revisions}) == len(entry.revisions)
        said = entry.revisions + left.get(id, [])
        assert len(entry.revisions) <= ROOM
        settled = sorted(one.origin for one in said if one.example)
        chain = learned.pop(id, [])
        assert [example.origin for example in chain] == settled, id
        for one, other in itertools.pairwise([None, *chain]):
            assert (one and one.y) == (other.previous and other.previous.label)
        holds = world.setup.application.labels.holds(entry)
        assert (entry.taught and entry.taught.label) == (chain[-1].y if chain else None)
        assert (holds and {"fraud": 1, "legit": 0}[holds.label]) == (chain[-1].y if chain else None)
        assert not (entry.waiting and id in decided), "it waits for what has come"
        assert all(Waiting(r.recorded, r.label_id, id).key in index for r in entry.waiting)
    assert not learned, "learned without a label"
    listed = [Waiting.read(key) for key in index if key.startswith(INDEX)]
    for one in left_over(listed, index.get):  # refused when it was entered again: a start tidies up
        assert "expired" in {r.outcome for r in entries(world)[one.id].revisions}


def each_record_is_that_of_the_logs(world: World) -> None:
    """The customers' records are those that the input and the settled labels give, to the byte."""
    application, expected = world.setup.application, {}
    for offset, event in readable(world):
        record = expected.setdefault(event.key.encode(), application.open(None))
        first, place = record.first_offset_of(hash64(event.id)), origin(world, offset)
        if first is None and (place is None or not record.entered(place)):
            record.count(event, hash64(event.id), offset, place)
        else:
            record.pass_over(offset, place)
    left = evicted(world)
    for id, entry in entries(world).items():
        said = entry.revisions + left.get(id, [])
        for one in sorted((one for one in said if one.example), key=lambda one: one.origin):
            application.note(expected[entry.key.encode()], read_example(one.example))
    for key, record in expected.items():  # whatever was entered twice, and however far apart
        distinct = {event.id for _, event in readable(world) if event.key.encode() == key}
        assert record.before(len(world.log("events"))).count == len(distinct)
    kept = {key: raw for key, raw in world.changes("customers").items() if key != KEY}
    assert kept == {key: record.encode() for key, record in expected.items()}


def each_score_is_computed_again(world: World) -> None:
    """The learning state was the fold of the log up to the version, bit by bit."""
    application, examples = world.setup.application, world.values("examples")
    state = application.new_state()
    decisions = [read_prediction(raw) for raw in first_predictions(world).values()]
    for one in sorted(decisions, key=lambda one: one.model.version):
        for offset in range(state.version, one.model.version):
            state.fold(read_example(examples[offset]), offset)
        place, review = one.source.partition, one.threshold
        verdict = appraise(application, one.features, state, place, review, one)
        again = verdict.score, verdict.decision, encode(verdict.reasons)
        assert again == (one.score, one.decision, encode(one.reasons))


def the_disk_is_as_the_logs(world: World) -> None:
    """The tables hold what their changelogs hold, the ledger the decisions."""
    disk, logged = world.disk, world.changes("labels")
    assert disk.tables["customers"] == world.changes("customers")
    assert disk.tables["labels"] == logged
    assert {id: entry.raw for id, entry in disk.decisions.items()} == first_predictions(world)
    assert disk.mark[0] == len(world.log("predictions"))
