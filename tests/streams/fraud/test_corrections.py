"""Whatever is said and taken back, merchants end as if only the last word had been said."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.fold import LearningState
from app.core.hashing import hash64
from app.core.labels import LabelEntry
from app.core.messages import Origin
from app.core.settling import Received
from app.streams.fraud.features import GRIDS
from app.streams.fraud.knowledge import Knowledge
from app.streams.fraud.merchants import DAYS, FRAUDS, HEAD, LABELS, RING, Merchants
from app.streams.fraud.messages import Example, Feedback, Prediction, read_example
from app.units import DAY_MS
from tests.core.sayings import LABELS as CARD_LABELS
from tests.core.sayings import decision, settle

START = 20_000  # a day
TXS = ("t1", "t2", "t3", "t4")
MERCHANTS = {"t1": "m1", "t2": "m1", "t3": "m2", "t4": "m1"}
LOCATIONS = {"t1": "DE", "t2": "DE", "t3": "DE", "t4": "FR"}

EDGES = [0, 30 * 24, 31 * 24, 32 * 24]  # days that share a bucket, or are the last that do not
# Hours after the start: further than the ring of day buckets.
hours = st.sampled_from(EDGES) | st.integers(0, 45 * 24)
said = st.tuples(
    st.sampled_from(TXS),
    st.sampled_from(list(CARD_LABELS.ranks)),
    st.sampled_from(["fraud", "legit", "unsure", "none"]),
    hours,
)
sequences = st.lists(said, max_size=30)


def decided(tx: str) -> Prediction:
    made = decision(tx)
    made.merchant, made.location = MERCHANTS[tx], LOCATIONS[tx]
    return made


def tell(sequence: list, share: float) -> tuple[dict[str, LabelEntry], list[Example]]:
    """The entries after a sequence of labels, and the examples that they gave."""
    entries = {tx: LabelEntry("c1", []) for tx in TXS}
    examples = []
    for offset, (tx, source, label, hour) in enumerate(sequence):
        at = START * DAY_MS + hour * DAY_MS // 24
        feedback = Feedback(
            id=tx, key="c1", label=label, source=source, at=at, label_id=f"l{offset}"
        )
        if source == "maturity":
            feedback.share = share
        known = Received(Origin(1, 0, offset), at)
        revision = settle(entries[tx], feedback, known, decided(tx))
        if revision is not None and revision.example:
            examples.append(read_example(revision.example))
    return entries, examples


def sums(merchants: Merchants, merchant: str) -> tuple[float, ...]:
    """Totals by weight, then the buckets of labels and of frauds, oldest day first."""
    place = merchants._merchants.find(hash64(merchant))
    assert place is not None
    records, start = place
    newest, labels, frauds, *_ = HEAD.unpack_from(records, start)
    turn = (newest + 1) % DAYS
    rings = [RING.unpack_from(records, start + ring) for ring in (LABELS, FRAUDS)]
    return labels, frauds, *(sum for ring in rings for sum in ring[turn:] + ring[:turn])


def closed_form(
    entries: dict[str, LabelEntry], examples: list[Example], merchant: str
) -> tuple[float, ...]:
    """The same from the labels that hold in the end alone."""
    newest = max(e.known // DAY_MS for e in examples if e.merchant == merchant and e.y is not None)
    final = [e.taught for tx, e in entries.items() if e.taught and MERCHANTS[tx] == merchant]
    days = range(newest - DAYS + 1, newest + 1)
    return (
        sum(one.weight for one in final),
        sum(one.weight * one.label for one in final),
        *(sum(one.weight for one in final if one.day == day) for day in days),
        *(sum(one.weight * one.label for one in final if one.day == day) for day in days),
    )


def learned(examples: list[Example]) -> Merchants:
    merchants = Merchants()
    for example in examples:
        merchants.learn(example)
    return merchants


@settings(deadline=None, max_examples=300)
@given(sequences, st.sampled_from([1.0, 0.5, 0.25, 1 / 64]))
def test_sums_are_those_of_the_labels_that_hold_in_the_end(sequence, share):
    entries, examples = tell(sequence, share)
    merchants = learned(examples)
    for merchant in {example.merchant for example in examples}:
        assert sums(merchants, merchant) == closed_form(entries, examples, merchant)
    everything = [entry.taught for entry in entries.values() if entry.taught]
    assert merchants._labels == sum(one.weight for one in everything)
    assert merchants._frauds == sum(one.weight * one.label for one in everything)


@settings(deadline=None)
@given(sequences, st.sampled_from([0.1, 0.3, 0.7]))
def test_a_weight_of_an_earlier_release_leaves_a_rounding_error_alone(sequence, weight):
    entries, examples = tell(sequence, 1 / weight)
    merchants = learned(examples)
    for merchant in {example.merchant for example in examples}:
        expected = closed_form(entries, examples, merchant)
        assert sums(merchants, merchant) == pytest.approx(expected, abs=1e-6)


@settings(deadline=None)
@given(sequences)
def test_frauds_by_place_are_those_that_hold_in_the_end(sequence):
    entries, examples = tell(sequence, 1.0)
    merchants = learned(examples)
    for merchant, location in {(e.merchant, e.location) for e in examples}:
        holding = [
            entries[tx].taught.label
            for tx in TXS
            if (MERCHANTS[tx], LOCATIONS[tx]) == (merchant, location) and entries[tx].taught
        ]
        view = merchants.view(merchant, location, merchants.clock)
        assert view.location_frauds == sum(holding)


@settings(deadline=None, max_examples=50)
@given(sequences)
def test_models_are_taught_every_value_that_came_to_hold_and_no_withdrawal(sequence):
    _, examples = tell(sequence, 0.5)
    state = LearningState("binned", 1, GRIDS, Knowledge())
    taught = LearningState("binned", 1, GRIDS, Knowledge())
    for offset, example in enumerate(examples):
        state.fold(example, offset)
        if example.y is not None:
            example.previous = None
            taught.fold(example, offset)
    values = [example.y for example in examples if example.y is not None]
    counts = state.counts
    assert (counts.positives, counts.negatives) == (sum(values), len(values) - sum(values))
    assert counts.withdrawn == len(examples) - len(values)
    x = decision().features
    assert state.logit(x, 0, "both") == taught.logit(x, 0, "both")
