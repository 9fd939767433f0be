"""What learning is has a number: it cannot change while `FOLD` stays.

The same 2,000 examples are folded by every model of the zoo, and by the statistics of cards. What
they come to is compared with figures that were written down here, to nine digits: processors and
versions of numpy differ in the last bits, and a change of learning shows in the first ones.
"""

from collections.abc import Iterator
from functools import cache
from itertools import islice

import pytest

from app.core.dump import NoStatistics
from app.core.entries import Foreign
from app.core.fold import FOLD, LearningState
from app.core.folding import fold_entry
from app.core.messages import Origin, Previous
from app.core.models.zoo import ZOO
from app.core.origins import FAR
from app.streams.fraud.knowledge import Knowledge
from app.streams.fraud.messages import Example
from tests.core.samples import GRIDS

COUNT, PARTITIONS, DAY = 2000, 3, 86_400_000
PROBES = 60

CHANGED = """
Learning has changed: the same log folds to another state, here of {what}.
If that is wanted:
  1. raise FOLD in app/core/fold.py, once for a release, so that no state begins with a snapshot of
     what was learned in the other way;
  2. put the figures below into GOLDEN, and FOLD into GOLDEN_FOLD, of {file};
  3. say in the changelog that workers fold the log from its start once.
If it is not wanted, it is a bug: two workers at one version would differ.
  {what!r}: {figures},"""


def bits() -> Iterator[int]:
    """Pseudorandom numbers of 32 bits, by plain integers: the same everywhere and for good."""
    state = 20261130
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield state >> 32


def _features(chance: Iterator[int]) -> dict[str, float]:
    amount, count, night, unlisted, kept = islice(chance, 5)
    x = {
        "amount": amount % 16_000 / 64,
        "count": float(count % 8),
        "night": float(night % 4 == 0),
        "unlisted": unlisted % 128 / 16 - 4,
    }
    return {name: value for place, (name, value) in enumerate(x.items()) if kept >> place & 7}


@cache
def examples() -> list[tuple[int, Example | Foreign]]:
    """The log: repeats, corrections, withdrawals, a leap and foreign records among them."""
    chance, ends, log = bits(), [0] * PARTITIONS, []
    for offset in range(COUNT):
        x = _features(chance)
        partition, step, noise, weight, merchant, kind = islice(chance, 6)
        fraud = x.get("amount", 60.0) + noise % 80 > 190 or x.get("count", 0.0) > 6
        origin = Origin(1, partition % PARTITIONS, ends[partition % PARTITIONS] + step % 3)
        ends[origin.partition] = origin.offset + (2 * FAR if offset == COUNT // 2 else 0)
        example = Example(
            id=f"t{offset}",
            x=x,
            y=None if kind % 50 == 0 else int(fraud),
            w=(1.0, 1.0, 0.5, 0.25)[weight % 4],
            previous=Previous(1 - int(fraud), 0.5, offset // 40) if kind % 25 == 1 else None,
            score=0.5,
            version=offset,
            merchant=f"m{merchant % 9}",
            location=("DE", "FR")[merchant % 2],
            at=offset * DAY // 40,
            known=offset * DAY // 40 + DAY,
            origin=origin,
            end_of_step=kind % 3 == 0,
        )
        log.append((offset, Foreign("a stranger's") if kind % 100 == 2 else example))
    return log


def folded(state: LearningState) -> LearningState:
    for offset, entry in examples():
        fold_entry(state, entry, offset)
    return state


def figures(model: str) -> list[float]:
    """What the models of one zoo entry say of some events, as few numbers."""
    state = folded(LearningState(model, PARTITIONS, GRIDS, NoStatistics()))
    chance = bits()
    rows = [_features(chance) for _ in range(PROBES)]
    found = [float(state.counts.examples), float(state.counts.skipped)]
    for partition, scope in ((0, "shared"), (0, "partition"), (1, "partition"), (2, "both")):
        logits = [state.logit(x, partition, scope) for x in rows]
        found.append(sum(logits))
        found.append(sum(logit * (place % 7 - 3) for place, logit in enumerate(logits)))
    return [float(f"{value:.9g}") for value in found]


def statistics() -> list[float]:
    """What the statistics of cards say of the merchants."""
    knowledge = Knowledge()
    folded(LearningState("binned", PARTITIONS, GRIDS, knowledge))
    found = list(knowledge.rules_weight.figures)
    for merchant in range(9):
        view = knowledge.merchants.view(f"m{merchant}", "DE", COUNT // 40 * DAY)
        found.append(sum(float(value or 0.0) for value in view))
    return [float(f"{value:.9g}") for value in found]


GOLDEN_FOLD = 2
GOLDEN: dict[str, list[float]] = {
    "binned": [
        1265.0,
        681.0,
        -15.7756179,
        61.3918561,
        -16.9115618,
        46.0816657,
        -9.65292552,
        49.2122517,
        -13.0825371,
        51.3614047,
    ],
    "logistic": [
        1265.0,
        681.0,
        -19.7853753,
        26.5063001,
        -12.097682,
        10.5446614,
        -12.9092602,
        10.5508225,
        -14.309846,
        17.8734153,
    ],
    "blend": [
        1265.0,
        681.0,
        -17.7804966,
        43.9490781,
        -14.5046219,
        28.3131635,
        -11.2810929,
        29.8815371,
        -13.6961916,
        34.61741,
    ],
    "sgd": [
        1265.0,
        681.0,
        -17.4827439,
        54.2492171,
        -8.984252,
        27.1178703,
        -9.01757188,
        28.0405133,
        -12.2416599,
        39.7693529,
    ],
    "ftrl": [
        1265.0,
        681.0,
        -16.8464939,
        56.1978396,
        -7.88568537,
        25.1878903,
        -8.02521178,
        27.4199689,
        -11.346709,
        40.7157677,
    ],
    "tree": [
        1265.0,
        681.0,
        1.77486761,
        58.5472002,
        -21.5085611,
        45.729852,
        -24.5255703,
        47.8847661,
        -3.36790806,
        50.5310827,
    ],
    "bayes": [
        1265.0,
        681.0,
        -19.465892,
        69.1768524,
        -26.9252631,
        62.7594728,
        -21.3664026,
        66.2509875,
        -18.8043618,
        61.2435239,
    ],
    "anomaly": [
        1265.0,
        681.0,
        -23.562849,
        2.3562849,
        -21.6169229,
        2.16169229,
        -21.271333,
        2.1271333,
        -19.3182075,
        1.93182075,
    ],
    "rates": [
        1265.0,
        681.0,
        -16.4728059,
        73.2959066,
        -22.0393042,
        51.5379359,
        -9.43636061,
        54.4773461,
        -14.4958694,
        59.4506631,
    ],
    "hedge": [
        1265.0,
        681.0,
        -15.6255103,
        60.922323,
        -17.1483007,
        41.3288529,
        -11.8930625,
        44.6391507,
        -12.8137916,
        49.0952226,
    ],
    "binned_net": [
        1265.0,
        681.0,
        -47.3514574,
        92.8619998,
        -40.4924966,
        71.6134054,
        -36.6095247,
        75.0177028,
        -38.3079874,
        78.7942317,
    ],
    "statistics": [
        0.0,
        0.5,
        0.5,
        1.0,
        153.777436,
        199.30263,
        157.449158,
        144.140795,
        150.809373,
        183.917753,
        174.044175,
        171.338687,
        167.666003,
    ],
}


def compare(what: str, found: list[float]) -> None:
    if GOLDEN[what] != pytest.approx(found, rel=1e-6, abs=1e-9):
        pytest.fail(CHANGED.format(what=what, figures=found, file=__file__))


@pytest.mark.parametrize("model", ZOO)
def test_a_model_learns_as_its_number_says(model: str):
    compare(model, figures(model))


def test_statistics_learn_as_their_number_says():
    compare("statistics", statistics())


def test_the_figures_are_those_of_this_number():
    assert GOLDEN_FOLD == FOLD, "write down what the examples come to now: see CHANGED"
    assert GOLDEN.keys() == {*ZOO, "statistics"}
