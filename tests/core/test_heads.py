"""Heads: several models in one learning state, each with examples and features of its own."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.bundle import pack, pin
from app.core.dump import Scorer
from app.core.fold import FOLD, LearningState
from app.core.heads import Head, heads_digest
from app.core.manifest import Identity
from app.core.messages import Origin, Restore
from app.core.model_set import ModelSet
from app.core.snapshot import assemble, resolver, unpack
from app.errors import StateError
from app.streams.fraud.messages import Example
from tests.core.folding import fold_log
from tests.core.samples import (
    GRIDS,
    HEADS,
    PARTITIONS,
    Tally,
    example,
    headed,
    log,
    replayed,
    state,
    to_heads,
)

NAMES = ("", *HEADS)
seeds = st.integers(0, 10_000)


def head_of(entry: Example) -> str:
    return entry.head or ""


def models_of(folded: LearningState) -> dict[str, list[bytes]]:
    """The dumped models by head."""
    parts, each = list(folded.parts())[1:], 1 + PARTITIONS
    return {name: parts[n * each : (n + 1) * each] for n, name in enumerate(["", *sorted(HEADS)])}


@settings(deadline=None, max_examples=25)
@given(length=st.integers(0, 80), seed=seeds)
def test_each_head_learns_its_own_examples_and_no_other(length, seed):
    """As a state that has this head alone and sees where all steps end."""
    entries = to_heads(length, seed)
    folded = fold_log(headed(), entries)
    probes = [example(n, Origin(1, 0, 0)).x for n in range(20)]
    for name, head in {"": Head("binned", GRIDS), **HEADS}.items():
        alone = ModelSet(head.model, PARTITIONS, head.grids)
        for _, entry in entries:
            if head_of(entry) == name and entry.y is not None:
                alone.learn(entry.x, entry.y == 1, entry.w, entry.origin.partition)
            if entry.end_of_step:
                alone.end_step(entry.origin.partition)
        assert models_of(folded)[name] == list(alone.parts())
        for partition, scope in ((0, "both"), (1, "partition"), (2, "shared")):
            expected = [alone.logit(x, partition, scope) for x in probes]
            assert folded.logits(probes, partition, scope, name) == expected
            assert [folded.logit(x, partition, scope, name) for x in probes] == expected
            assert folded.contributions(probes[0], partition, scope, name) == alone.contributions(
                probes[0], partition, scope
            )
            assert folded.learned_by(partition, scope, name) == alone.learned_by(partition, scope)


def test_statistics_see_all_examples_and_counts_count_them():
    entries = to_heads(60)
    plain = [(n, msgspec.structs.replace(entry, head=msgspec.UNSET)) for n, entry in entries]
    of_heads, of_one = fold_log(headed(), entries), fold_log(state(), plain)
    assert len({head_of(entry) for _, entry in entries}) == len(NAMES)
    assert of_heads.statistics.frauds == of_one.statistics.frauds
    assert of_heads.counts == of_one.counts
    assert [of_heads.highest(n) for n in range(3)] == [of_one.highest(n) for n in range(3)]


class Asking(Tally):
    """Notes what the models that it is shown have learned."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def learn(self, example: Example, models: Scorer) -> None:
        super().learn(example, models)
        self.seen.append(models.learned_by(0, "shared").positives)


def test_statistics_are_shown_the_models_of_the_examples_head():
    folded = LearningState("binned", PARTITIONS, GRIDS, Asking(), HEADS)
    for offset, name in enumerate(["night", "night", "", "night", ""]):
        entry = example(offset, Origin(1, 0, offset), y=1)
        folded.fold(msgspec.structs.replace(entry, head=name), offset)
    assert folded.statistics.seen == [0, 1, 0, 2, 1]


@settings(deadline=None, max_examples=25)
@given(cut=st.integers(0, 60), seed=seeds)
def test_a_dump_of_heads_and_the_rest_of_the_log_give_the_same_bytes(cut, seed):
    entries = replayed(to_heads(40, seed), seed)
    whole, half = fold_log(headed(), entries), fold_log(headed(), entries[:cut])
    again = headed()
    again.load(half.parts())
    assert again.digest() == half.digest()
    assert fold_log(again, entries).digest() == whole.digest()


def restore(of: LearningState) -> Restore:
    """The entry that takes the models of a state over."""
    named = {"version": of.version, "digest": of.digest(), "features": of.features}
    return Restore(id="r1", at=0, model="binned", **named)


def test_a_restore_takes_the_models_of_every_head_back():
    entries = to_heads(60)
    old, new = fold_log(headed(), entries[:20]), fold_log(headed(), entries)
    frauds = dict(new.statistics.frauds)
    assert new.restore(restore(old), 60, old.parts())
    assert models_of(new) == models_of(old)
    for name in NAMES:
        for partition in range(PARTITIONS):
            learned = new.learned_by(partition, "partition", name)
            assert learned == old.learned_by(partition, "partition", name)
    assert new.statistics.frauds == frauds


def test_examples_may_be_looked_up_before_they_are_folded():
    entries = to_heads(60)
    folded, plain = headed(), fold_log(headed(), entries)
    cells = folded.look_up([entry for _, entry in entries])
    for (offset, entry), where in zip(entries, cells, strict=True):
        folded.fold(entry, offset, where)
    assert folded.digest() == plain.digest()


def test_an_example_of_an_unknown_head_is_refused_and_changes_nothing():
    folded = fold_log(headed(), to_heads(10))
    before = folded.digest()
    entry = msgspec.structs.replace(example(1, Origin(1, 0, 99)), head="weekend")
    with pytest.raises(StateError, match="of the head 'weekend', which is unknown"):
        folded.fold(entry, 10)
    assert folded.digest() == before


@pytest.mark.parametrize(
    ("of", "into"),
    [
        (headed(), state()),
        (state(), headed()),
        (headed({"night": HEADS["night"]}), headed()),
        (headed(), headed({**HEADS, "night": Head("bayes", {"night": [0.4, 0.6]})})),
        (headed(), headed({**HEADS, "night": Head("binned", {"night": [0.5]})})),
    ],
    ids=["of none", "of some into none", "one too few", "other features", "another model"],
)
def test_a_dump_of_other_heads_is_refused(of, into):
    assert of.features != into.features, "so that no snapshot comes as far as this"
    with pytest.raises(StateError):
        into.load(fold_log(of, log(5)).parts())


def test_the_order_in_which_heads_are_named_changes_nothing():
    backwards = dict(reversed(HEADS.items()))
    assert heads_digest(GRIDS, backwards) == heads_digest(GRIDS, HEADS)
    entries = to_heads(30)
    assert fold_log(headed(backwards), entries).digest() == fold_log(headed(), entries).digest()


def test_a_snapshot_holds_the_models_of_every_head():
    old = fold_log(headed(), to_heads(60))
    (snapshot,) = assemble(pack(old, old.features, "engine"))
    fresh = headed()
    fresh.load(unpack(snapshot, Identity.of("binned", PARTITIONS, fresh.features, FOLD)))
    assert fresh.digest() == old.digest()


def test_a_restore_finds_the_models_of_every_head_and_nothing_behind_them():
    old = fold_log(headed(), to_heads(60))
    records = dict(pin(pack(old, old.features, "engine")))
    found = resolver(records, Identity.of("binned", PARTITIONS, old.features, FOLD))(restore(old))
    assert list(found) == list(old.parts())[: 1 + len(NAMES) * (1 + PARTITIONS)]
