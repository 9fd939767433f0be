"""The fold: each label once, in whatever way the log repeats it, and equal bits everywhere."""

import os
import random
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.dump import Header
from app.core.fold import LearningState
from app.core.messages import Origin, Previous
from app.core.models.zoo import ZOO
from app.errors import SettingsError, StateError
from app.streams.fraud.messages import Example
from tests.core.folding import fold_log
from tests.core.samples import GRIDS, PARTITIONS, Tally, example, log, replayed, state

seeds = st.integers(0, 10_000)


def learned(folded: LearningState) -> list[bytes]:
    """All that examples taught, without the counters of the log itself."""
    return list(folded.parts())[1:]


def restored(parts: list[bytes], model: str = "binned") -> LearningState:
    fresh = state(model)
    fresh.load(parts)
    return fresh


def interleaved(entries: list[tuple[int, Example]], seed: int) -> list[tuple[int, Example]]:
    """The same examples, each partition's in its order, the partitions mixed anew."""
    chance = random.Random(seed)
    queues: dict[int, list[Example]] = {}
    for _, entry in entries:
        queues.setdefault(entry.origin.partition, []).append(entry)
    out = []
    while queues:
        partition = chance.choice(sorted(queues))
        out.append(queues[partition].pop(0))
        if not queues[partition]:
            del queues[partition]
    return list(enumerate(out))


@settings(deadline=None, max_examples=40)
@given(length=st.integers(0, 60), seed=seeds)
def test_replayed_suffixes_teach_nothing_a_second_time(length, seed):
    once = fold_log(state(), log(length, seed))
    repeated = replayed(log(length, seed), seed)
    again = fold_log(state(), repeated)
    assert learned(again) == learned(once)
    assert again.counts.skipped == len(repeated) - length
    assert again.version == len(repeated)


@settings(deadline=None, max_examples=40)
@given(length=st.integers(0, 60), seed=seeds)
def test_partition_models_do_not_depend_on_how_partitions_interleave(length, seed):
    one = fold_log(state(), log(length, seed))
    other = fold_log(state(), interleaved(log(length, seed), seed + 1))
    assert learned(other)[1 : PARTITIONS + 1] == learned(one)[1 : PARTITIONS + 1]
    assert other.counts == one.counts


@settings(deadline=None, max_examples=30)
@given(cut=st.integers(0, 60), seed=seeds, model=st.sampled_from(sorted(ZOO)))
def test_a_dump_and_the_rest_of_the_log_give_the_same_bytes(cut, seed, model):
    entries = replayed(log(40, seed), seed)
    cut = min(cut, len(entries))
    whole = fold_log(state(model), entries)
    half = fold_log(state(model), entries[:cut])
    assert fold_log(restored(list(half.parts()), model), entries).digest() == whole.digest()


@settings(deadline=None, max_examples=30)
@given(seed=seeds)
def test_a_higher_epoch_starts_its_offsets_again(seed):
    entries = log(20, seed)
    renewed = [
        msgspec.structs.replace(entry, origin=epoch(entry.origin, 2)) for _, entry in entries
    ]
    late = [entry for _, entry in entries]
    folded = fold_log(state(), list(enumerate([*late, *renewed, *late])))
    assert folded.counts.skipped == 20
    assert learned(folded) == learned(fold_log(state(), list(enumerate([*late, *renewed]))))


def epoch(origin: Origin, number: int) -> Origin:
    return msgspec.structs.replace(origin, epoch=number)


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [
        (Origin(1, 0, 5), Origin(1, 0, 6), True),
        (Origin(1, 0, 5), Origin(1, 0, 5), False),
        (Origin(1, 0, 5), Origin(1, 0, 4), False),
        (Origin(1, 0, 5, 0), Origin(1, 0, 5, 1), True),
        (Origin(1, 0, 5, 1), Origin(1, 0, 5, 0), False),
        (Origin(1, 0, 5), Origin(1, 1, 4), True),
        (Origin(1, 0, 5), Origin(2, 0, 0), True),
        (Origin(2, 0, 0), Origin(1, 0, 5), False),
    ],
    ids=[
        "next offset",
        "the same again",
        "an earlier offset",
        "next index of one record",
        "an earlier index",
        "another partition has offsets of its own",
        "a higher epoch",
        "a lower epoch",
    ],
)
def test_an_example_counts_when_its_origin_is_above_the_highest(first, second, counts):
    folded = state()
    assert folded.fold(example(1, first), 0)
    assert folded.fold(example(2, second), 1) is counts
    assert folded.version == 2
    assert folded.statistics.last == ("t2" if counts else "t1")


def test_an_example_teaches_the_shared_model_and_that_of_its_partition():
    folded = state()
    folded.fold(example(1, Origin(1, 1, 0), y=1), 0)
    x = example(1, Origin(1, 1, 0)).x
    own = [folded.logit(x, partition, "partition") for partition in range(PARTITIONS)]
    assert own[0] == own[2] == 0.0
    assert own[1] == folded.logit(x, 0, "shared") > 0.0
    assert folded.logit(x, 0, "both") == own[1] / 2
    assert folded.logit(x, 1, "both") == own[1]


@pytest.mark.parametrize("scope", ["partition", "shared", "both"])
def test_contributions_are_those_of_the_scoring_models(scope):
    folded = fold_log(state(), log(200))
    low, high = ({"amount": amount, "count": 1.0} for amount in (5.0, 500.0))
    gap = (
        folded.contributions(high, 1, scope)["amount"]
        - folded.contributions(low, 1, scope)["amount"]
    )
    assert gap == pytest.approx(folded.logit(high, 1, scope) - folded.logit(low, 1, scope))


def test_an_unknown_scope_is_an_error():
    with pytest.raises(ValueError, match="one of partition, shared, both"):
        state().logit({"amount": 1.0}, 0, "all")


def test_counts_tell_positives_negatives_and_withdrawn_apart():
    folded = state()
    for offset, (partition, y) in enumerate([(0, 1), (0, 0), (1, 1), (1, 1), (2, None), (2, 0)]):
        folded.fold(example(offset, Origin(1, partition, offset), y), offset)
    folded.fold(example(9, Origin(1, 0, 0), 1), 6)
    assert msgspec.structs.astuple(folded.counts)[:5] == (5, 3, 2, 1, 1)
    assert [folded.learned_by(partition, "partition").positives for partition in range(3)] == [
        1,
        2,
        0,
    ]
    assert folded.learned_by(0, "both") == folded.learned_by(2, "shared")
    assert folded.learned_by(0, "both").positives == 3


def test_a_withdrawn_label_is_for_the_statistics_only():
    folded = fold_log(state(), log(30))
    models = learned(folded)[: PARTITIONS + 1]
    before = folded.statistics.frauds.get("m0", 0.0)
    withdrawn = msgspec.structs.replace(
        example(5, Origin(1, 0, 1000), y=None), previous=Previous(1, 2.0, 0)
    )
    assert folded.fold(withdrawn, 30)
    assert learned(folded)[: PARTITIONS + 1] == models
    assert folded.statistics.frauds["m0"] == before - 2.0


@pytest.mark.parametrize(
    ("origin", "y"),
    [(Origin(1, 1, 2), 0), (Origin(1, 1, 2), None), (Origin(1, 1, 1), 1)],
    ids=["learned", "withdrawn", "skipped"],
)
def test_a_step_ends_for_the_shared_model_and_that_of_its_partition(origin, y):
    first, second = (example(1, Origin(1, partition, 1), y=1) for partition in (0, 1))
    entries = [first, second, example(2, origin, y)]
    running = [msgspec.structs.replace(entry, end_of_step=False) for entry in entries]
    ended, still_open = (
        learned(fold_log(state("binned_net"), enumerate(log)))[: PARTITIONS + 1]
        for log in ([*running[:2], entries[2]], running)
    )
    changed = [one != other for one, other in zip(ended, still_open, strict=True)]
    assert changed == [True, False, True, False]  # shared, and each partition's own


def test_a_hole_in_the_log_moves_the_version_over_it():
    folded = state()
    folded.fold(example(1, Origin(1, 0, 0)), 7)
    assert folded.version == 8


@pytest.mark.parametrize(
    ("origin", "offset", "sentence"),
    [
        (Origin(1, 0, 99), 4, "example 4 is folded again at version 5"),
        (Origin(1, 3, 0), 5, "partition 3, but there are 3"),
        (Origin(1, -1, 0), 5, "partition -1, but there are 3"),
    ],
    ids=["below the version", "a partition too many", "a negative partition"],
)
def test_what_cannot_be_of_this_log_is_refused_and_changes_nothing(origin, offset, sentence):
    folded = fold_log(state(), log(5))
    before = folded.digest()
    with pytest.raises(StateError, match=sentence):
        folded.fold(example(1, origin), offset)
    assert folded.digest() == before


def test_parts_are_made_when_they_are_asked_for():
    parts = fold_log(state(), log(10)).parts()
    header = msgspec.msgpack.decode(next(parts), type=Header)
    assert (header.model, header.partitions, header.version) == ("binned", PARTITIONS, 10)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (LearningState("logistic", PARTITIONS, GRIDS, Tally()), "'binned', not 'logistic'"),
        (LearningState("binned", 4, GRIDS, Tally()), "3 partitions, not 4"),
        (LearningState("binned", PARTITIONS, {"amount": [1.0]}, Tally()), "other features"),
    ],
    ids=["model", "partitions", "grids"],
)
def test_a_dump_of_another_state_is_refused(target, sentence):
    with pytest.raises(StateError, match=sentence):
        target.load(fold_log(state(), log(5)).parts())


@pytest.mark.parametrize(
    "damage",
    [
        lambda parts: [],
        lambda parts: parts[:2],
        lambda parts: [b"\xc1", *parts[1:]],
        lambda parts: [parts[0], b"\xc1", *parts[2:]],
        lambda parts: [parts[0], b"\xa1\xff", *parts[2:]],
        lambda parts: [parts[1], parts[0], *parts[2:]],
        lambda parts: [parts[0], msgspec.msgpack.encode({"columns": []}), *parts[2:]],
    ],
    ids=[
        "nothing",
        "cut",
        "no header",
        "no model",
        "text that is none",
        "another order",
        "half a model",
    ],
)
def test_a_damaged_dump_is_refused(damage):
    with pytest.raises(StateError):
        state().load(damage(list(fold_log(state(), log(5)).parts())))


def test_an_unknown_model_is_a_settings_error():
    with pytest.raises(SettingsError, match="forest"):
        LearningState("forest", 1, GRIDS, Tally())


def test_another_process_comes_to_the_same_bytes():
    script = (
        "from tests.core.folding import fold_log; from app.core.models.zoo import ZOO; "
        "from tests.core.samples import log, state; "
        "print(*[fold_log(state(model), log(200)).digest() for model in ZOO])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    ran = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == [fold_log(state(model), log(200)).digest() for model in ZOO]


EARLIER = {  # what the release before heads made of `log(200)`
    "binned": "419d15cd9c2b913cbe5427936edb7b16b03ff871074ab58c4eac0e505bf0ed5e",
    "bayes": "1c5622670d27cb8174d166a98f44f1b5069f18e5933df2d679ce2adbc9a8ebad",
}


@pytest.mark.parametrize("model", EARLIER)
def test_a_state_without_heads_has_the_bytes_that_it_had_before_there_were_any(model):
    folded = fold_log(state(model), log(200))
    assert "heads" not in msgspec.msgpack.decode(next(folded.parts()))
    assert folded.features == "a71a2db203b8407b"
    assert folded.digest() == EARLIER[model]
