"""Restores: models go back at one offset of the log, and every way of folding agrees on it."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.bundle import PINNED, pack, pin
from app.core.fold import FOLD, LearningState
from app.core.manifest import Identity
from app.core.messages import LogEntry, Origin, Restore
from app.core.models.zoo import ZOO
from app.core.snapshot import (
    assemble,
    find_pinned,
    manifest_key,
    resolver,
    stale,
    unpack,
    unpack_models,
)
from app.errors import SnapshotError, StateError
from app.streams.fraud.messages import Example, read_entry
from app.wire import encode
from tests.core.folding import fold_log
from tests.core.samples import PARTITIONS, Tally, example, log, state

Log = list[tuple[int, LogEntry]]
Records = dict[bytes, bytes]
FEATURES = state().features
SECRET = b"sixteen or more."


def identity(model: str = "binned") -> Identity:
    return Identity.of(model, PARTITIONS, FEATURES, FOLD)


def pinned(of: LearningState) -> Records:
    return dict(pin(pack(of, FEATURES, "engine")))


def restore(of: LearningState, id: str = "r1", **other: object) -> Restore:
    """The entry that takes the models of a state over."""
    named = {"version": of.version, "digest": of.digest(), "model": of.model, "features": FEATURES}
    return Restore(id=id, at=0, actor="anna", reason="poison", **{**named, **other})


def with_restores(model: str, length: int, seed: int) -> tuple[Log, Records]:
    """A log with restores of earlier states at any places, some of them twice; what it names."""
    chance, entries, records = random.Random(seed), [], {}
    states = [state(model)]
    for _, one in log(length, seed):
        entries.append(one)
        if chance.random() < 0.15:
            part = list(enumerate(entries[: chance.randrange(len(entries))]))
            back = fold_log(state(model), part, resolve=resolver(records, identity(model)))
            records |= pinned(back)
            states.append(back)
        if chance.random() < 0.2:
            which = chance.randrange(len(states))
            records |= pinned(states[which])
            entries.append(restore(states[which], f"r{chance.randrange(5)}"))
    return list(enumerate(entries)), records


@settings(deadline=None, max_examples=40)
@given(
    length=st.integers(0, 40),
    seed=st.integers(0, 10_000),
    cut=st.integers(0, 60),
    model=st.sampled_from(sorted(ZOO)),
)
def test_a_fold_from_any_snapshot_gives_the_bytes_of_the_fold_from_the_start(
    length, seed, cut, model
):
    entries, records = with_restores(model, length, seed)
    resolve = resolver(records, identity(model))
    whole = fold_log(state(model), entries, resolve=resolve)
    half = fold_log(state(model), entries[: min(cut, len(entries))], resolve=resolve)
    (snapshot,) = assemble(pack(half, FEATURES, "engine"))
    begun = state(model)
    begun.load(unpack(snapshot, identity(model)))
    assert fold_log(begun, entries, resolve=resolve).digest() == whole.digest()
    assert whole.version == len(entries)


@settings(deadline=None, max_examples=25)
@given(back=st.integers(0, 30), seed=st.integers(0, 10_000))
def test_models_go_back_and_everything_else_goes_on(back, seed):
    entries = log(40, seed)
    old, new = fold_log(state(), entries[:back]), fold_log(state(), entries[:30])
    before = list(new.parts())
    assert new.restore(restore(old), 30, resolver(pinned(old), identity())(restore(old)))
    parts = list(new.parts())
    models = slice(1, 2 + PARTITIONS)
    assert parts[models] == list(old.parts())[models]
    assert parts[2 + PARTITIONS :] == before[2 + PARTITIONS :], "statistics are not models"
    assert new.counts == fold_log(state(), entries[:30]).counts
    for partition in range(PARTITIONS):
        assert new.learned_by(partition, "partition") == old.learned_by(partition, "partition")
        assert new.highest(partition) == fold_log(state(), entries[:30]).highest(partition)
    assert [(one.id, one.offset, one.version) for one in new.restores] == [("r1", 30, back)]


def test_what_is_learned_after_a_restore_is_learned_on_top_of_it():
    old, new = fold_log(state(), log(5)), fold_log(state(), log(30))
    new.restore(restore(old), 30, old.parts())
    for partition in range(PARTITIONS):
        taught = example(7, Origin(9, partition, 0), y=1)
        new.fold(taught, 31 + partition)
        old.fold(taught, 31 + partition)
    models = slice(1, 2 + PARTITIONS)
    assert list(new.parts())[models] == list(old.parts())[models]


@pytest.mark.parametrize(
    "other",
    [
        {"id": "r1"},
        {"id": "r2", "model": "blend"},
        {"id": "r2", "features": "of another release"},
    ],
    ids=["the same id again", "another model", "other features"],
)
def test_an_entry_that_is_not_wanted_moves_the_version_and_nothing_else(other):
    old, new = fold_log(state(), log(10)), fold_log(state(), log(30))
    new.restore(restore(old), 30, old.parts())
    new.fold(example(3, Origin(9, 0, 0)), 31)
    before = list(new.parts())[1:]
    entry = restore(old, **other)
    assert not new.wants(entry)
    assert not new.restore(entry, 32, ())
    assert list(new.parts())[1:] == before
    assert new.version == 33
    assert [one.id for one in new.restores] == ["r1"]


@pytest.mark.parametrize(
    ("offset", "parts", "sentence"),
    [
        (29, lambda old: old.parts(), "folded again at version 30"),
        (30, lambda old: (), "cannot be read"),
        (30, lambda old: list(old.parts())[:2], "cannot be read"),
        (30, lambda old: state("blend").parts(), "'blend', not 'binned'"),
        (30, lambda old: state(partitions=4).parts(), "4 partitions, not 3"),
        (30, lambda old: state().parts(), "names version 10, not its snapshot"),
        (30, lambda old: foreign().parts(), "other features"),
    ],
    ids=["below the version", "nothing", "cut", "model", "partitions", "version", "features"],
)
def test_what_cannot_be_restored_is_refused_and_changes_nothing(offset, parts, sentence):
    old, new = fold_log(state(), log(10)), fold_log(state(), log(30))
    before = new.digest()
    with pytest.raises(StateError, match=sentence):
        new.restore(restore(old), offset, parts(old))
    assert new.digest() == before


def foreign() -> LearningState:
    made = LearningState("binned", PARTITIONS, {"amount": [1.0]}, Tally())
    made.version = 10
    return made


def test_a_log_with_a_restore_cannot_be_folded_without_its_snapshot():
    old = fold_log(state(), log(10))
    entries: Log = [*log(30), (30, restore(old))]
    with pytest.raises(SnapshotError, match=r"snapshot 10 \([0-9a-f]{12}\) is not pinned"):
        fold_log(state(), entries, resolve=resolver({}, identity()))


def test_entries_are_told_apart_when_they_are_read():
    entries: list[LogEntry] = [example(1, Origin(1, 0, 0)), restore(state())]
    assert [read_entry(encode(entry)) for entry in entries] == entries
    with pytest.raises(msgspec.ValidationError):
        read_entry(b'{"kind": "other"}')
    assert isinstance(read_entry(encode(entries[0])), Example)


# -- pinned copies


def test_a_pinned_copy_is_found_and_no_state_begins_with_it():
    old = fold_log(state(), log(10))
    records = pinned(old)
    assert assemble(records.items()) == []
    found = find_pinned(records.items(), restore(old))
    assert dict(pin(found.records())) == records
    assert manifest_key(restore(old)) in records
    assert unpack_models(found, identity()) == list(old.parts())[: 2 + PARTITIONS]


def test_pinned_copies_are_never_deleted():
    many = [dict(pack(fold_log(state(), log(n)), FEATURES, "engine")) for n in range(6)]
    copies = [PINNED + key for key in many[0]]
    doomed = stale([*copies, *(key for records in many for key in records)])
    assert doomed == stale([key for records in many for key in records])
    assert not set(doomed) & set(copies)


def test_deleting_a_snapshot_leaves_its_pinned_copy():
    old = fold_log(state(), log(10))
    plain = dict(pack(old, FEATURES, "engine"))
    records = [*plain.items(), *pinned(old).items(), *((key, None) for key in plain)]
    assert assemble(records) == []
    assert find_pinned(records, restore(old)).version == 10


def test_a_damaged_pinned_copy_is_refused():
    old = fold_log(state(), log(10))
    records = pinned(old)
    records[min(records)] = b"other"
    with pytest.raises(SnapshotError, match="damaged in chunk 0"):
        resolver(records, identity())(restore(old))


# -- rebuilds


def test_models_of_a_rebuild_may_be_restored_but_no_state_begins_with_them():
    rebuilt = fold_log(state(), log(10))
    records = dict(pack(rebuilt, FEATURES, "engine", (SECRET,), rebuilt=True))
    (snapshot,) = assemble(records.items())
    with pytest.raises(SnapshotError, match="is of a rebuild"):
        unpack(snapshot, identity(), (SECRET,))
    assert unpack_models(snapshot, identity()) == list(rebuilt.parts())[: 2 + PARTITIONS]


def test_an_entry_that_is_passed_over_moves_the_version_only():
    folded = fold_log(state(), log(10))
    before = list(folded.parts())[1:]
    folded.pass_over(10)
    assert (folded.version, list(folded.parts())[1:]) == (11, before)
    with pytest.raises(StateError, match="folded again"):
        folded.pass_over(10)
