"""What a record of the examples log is, and that whatever lies in it folds alike everywhere."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.entries import Foreign, Found, Skipped, Unknown, sifter
from app.core.fold import LearningState
from app.core.folding import fold_entry
from app.core.messages import Origin, Restore, Skip
from app.core.origins import EPOCHS, FAR
from app.errors import StateError
from app.streams.fraud.messages import Example
from app.units import DAY_MS
from app.wire import encode
from tests.core.samples import example, log, state

sift = sifter(Example)
GOOD = example(1, Origin(1, 0, 5))
RESTORE = Restore(id="r1", version=7, digest="ab" * 32, model="binned", features="f", at=1)
SKIP = Skip(offset=7, at=1)


def with_(**fields: Any) -> bytes:
    """The example with fields of any value."""
    return encode({"kind": "example", **msgspec.to_builtins(GOOD), **fields})


def without(field: str) -> bytes:
    told = msgspec.to_builtins(GOOD)
    return encode({"kind": "example", **{name: told[name] for name in told if name != field}})


@pytest.mark.parametrize("entry", [GOOD, RESTORE, SKIP])
def test_entries_are_what_they_are(entry):
    assert sift(encode(entry), 8, 10) == entry


NO_ENTRY = {
    "no value": (None, "it has no value"),
    "empty": (b"", "it has no value"),
    "bytes": (b"\xff\x00", "it is not a JSON object"),
    "text that is cut": (b'{"kind":"example"', "it is not a JSON object"),
    "a list": (b"[1]", "it is not a JSON object"),
    "a number": (b"7", "it is not a JSON object"),
    "nested too deeply": (b"[" * 100_000, "it is not a JSON object"),
    "an object": (b"{}", "it has no `kind`"),
    "the kind null": (b'{"kind":null}', "it has no `kind`"),
    "a kind that is a number": (b'{"kind":1}', "it has no `kind`"),
    "a kind without a letter": (b'{"kind":""}', "it has no `kind`"),
    "no origin": (without("origin"), "the example cannot be used: .* `origin`"),
    "no features": (without("x"), "the example cannot be used"),
    "a weight without bounds": (with_(w=1e9), "the example .* `\\$.w`"),
    "a weight below 0": (with_(w=-1.0), "the example .* `\\$.w`"),
    "a number that is none": (
        with_(w=1.0).replace(b'"w":1.0', b'"w":1e999'),
        "the example cannot be used",
    ),
    "not a label": (with_(y=2), "the example .* `\\$.y`"),
    "a score above 1": (with_(score=1.5), "the example .* `\\$.score`"),
    "a time before 1970": (with_(at=-1), "the example .* `\\$.at`"),
    "a time after 9999": (with_(at=10**15), "the example .* `\\$.at`"),
    "a version below 0": (with_(version=-1), "the example .* `\\$.version`"),
    "a version beyond 64 bits": (with_(version=2**64), "the example"),
    "a weight taken back": (with_(previous=[1, 1e9, 0]), "the example"),
    "a day taken back": (with_(previous=[1, 1.0, 10**9]), "the example"),
    "an index beyond 32 bits": (with_(origin=[1, 0, 5, 2**40]), "the example"),
    "said after it was recorded": (with_(known=10 + DAY_MS + 1), "more than a day after"),
    "a restore of what is to come": (encode(msgspec.structs.replace(RESTORE, version=9)), "behind"),
    "a restore of no snapshot": (encode(msgspec.structs.replace(RESTORE, digest="x")), "digest"),
    "a skip of what is to come": (encode(Skip(offset=8, at=1)), "behind it"),
}


@pytest.mark.parametrize("name", NO_ENTRY)
def test_what_is_no_entry_is_foreign(name: str):
    raw, why = NO_ENTRY[name]
    found = sift(raw, 8, 10)
    assert isinstance(found, Foreign)
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(found.why)


def test_a_time_is_bounded_only_by_a_timestamp_that_is_there():
    assert isinstance(sift(with_(known=10 + DAY_MS), 8, 10), Example)
    assert isinstance(sift(with_(known=10**14), 8, -1), Example)


def test_an_unknown_kind_is_told_apart():
    found = sift(b'{"kind":"lesson","x":{"amount":1}}', 8, 10)
    assert found == Unknown("lesson")


# -- what the state says

MISFITS: dict[str, Callable[[Example], Example]] = {
    "a partition too many": lambda one: moved(one, partition=3),
    "a partition below 0": lambda one: moved(one, partition=-1),
    "an offset below 0": lambda one: moved(one, offset=-5),
    "an epoch below 0": lambda one: moved(one, epoch=-1),
    "an offset far ahead": lambda one: moved(one, offset=one.origin.offset + FAR + 10_000),
    "an offset beyond 64 bits": lambda one: moved(one, offset=2**70),
    "an epoch far ahead": lambda one: moved(one, epoch=one.origin.epoch + EPOCHS + 1),
    "an unknown head": lambda one: msgspec.structs.replace(one, head="another"),
    "a feature out of bounds": lambda one: msgspec.structs.replace(one, x={"amount": 1e16}),
}


def moved(one: Example, **origin: int) -> Example:
    return msgspec.structs.replace(one, origin=msgspec.structs.replace(one.origin, **origin))


strangers = st.one_of(
    st.sampled_from([raw for raw, why in NO_ENTRY.values() if "behind" not in why]),
    st.binary(max_size=40),
    st.sampled_from(sorted(MISFITS)).map(lambda name: encode(MISFITS[name](GOOD))),
)
LENGTH = 40


def folded(
    records: Iterable[tuple[int, bytes | None]],
    into: LearningState,
    blocks: int = 1,
    told: list[int] | None = None,
) -> LearningState:
    """Fold records as the follower does, so many looked up at once."""
    foreign = [] if told is None else told
    records = [one for one in records if one[0] >= into.version]
    for begin in range(0, len(records), blocks):
        found = [(at, sift(raw, at, 10)) for at, raw in records[begin : begin + blocks]]
        cells = iter(into.look_up([entry for _, entry in found if isinstance(entry, Example)]))
        for offset, entry in found:
            where = next(cells) if isinstance(entry, Example) else None
            take(into, entry, offset, where, foreign)
    return into


def take(
    into: LearningState,
    found: Found,
    offset: int,
    cells: Sequence[int] | None,
    foreign: list[int],
) -> None:
    entry = Skipped(found.kind) if isinstance(found, Unknown) else found
    fold_entry(into, entry, offset, cells=cells, foreign=lambda at, why: foreign.append(at))


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 1000),
    added=st.lists(
        st.tuples(st.integers(0, LENGTH - 4), strangers), max_size=12, unique_by=lambda one: one[1]
    ),
    cut=st.integers(0, LENGTH),
    blocks=st.sampled_from([1, 7, 16, 64]),
)
def test_foreign_records_change_nothing_and_all_workers_agree(seed, added, cut, blocks):
    """Near the end examples of each partition follow, so what was far ahead is forgotten."""
    entries = [encode(entry) for _, entry in log(LENGTH, seed)]
    ours = [encode(example(n, Origin(1, n % 3, 200 + n))) for n in range(6)]
    at = [(place, raw) for place, raw in added]
    mixed = chain.from_iterable(
        [*(raw for where, raw in at if where == place), mine] for place, mine in enumerate(entries)
    )
    records = list(enumerate([*mixed, *ours]))
    told: list[int] = []
    one = folded(records, state(), blocks, told)
    clean = state()
    mine = {*entries, *ours}
    for offset, raw in records:
        if raw in mine:
            clean.fold(msgspec.json.decode(raw, type=Example), offset)
    assert one.digest() == clean.digest()
    assert told == [offset for offset, raw in records if raw not in mine]
    half = folded(records[:cut], state())
    restarted = state()
    restarted.load(half.parts())
    assert folded(records, restarted, blocks).digest() == one.digest()


@pytest.mark.parametrize("name", MISFITS)
@pytest.mark.parametrize("many", [1, 20], ids=["by itself", "in a block"])
def test_what_cannot_be_of_this_log_is_passed_over(name: str, many: int):
    entries = [encode(entry) for _, entry in log(30)]
    stranger = MISFITS[name](moved(example(7, Origin(1, 0, 100))))
    records = list(enumerate([*entries, encode(stranger)]))
    told: list[int] = []
    one = folded(records, state(), many, told)
    assert told == [30]
    assert one.version == 31
    assert list(one.parts())[1:] == list(folded(records[:30], state()).parts())[1:]


def test_an_unknown_kind_that_nothing_names_is_not_folded():
    with pytest.raises(StateError, match="example 0 is of the kind 'lesson'"):
        fold_entry(state(), Unknown("lesson"), 0)
