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
from app.core.mixing import Mixing
from app.core.models.zoo import ZOO
from app.core.origins import FAR
from app.streams.fraud.custom.definitions import PUBLIC, Fields, Number, Word
from app.streams.fraud.custom.keys import Keys
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
            words={"shop": Keys(PUBLIC).of("shop", str(merchant % 5))},
            numbers={"age": float(noise % 90)},
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
    for partition in range(PARTITIONS):
        mixing = state.mixing(partition)
        found += [mixing.own, *(mixing.log_losses() or ())]
    return [float(f"{value:.9g}") for value in found]


def statistics() -> list[float]:
    """What the statistics of cards say of the merchants, of a word and of a number."""
    knowledge = Knowledge(Fields((Word("shop"),), (Number("age"),)))
    folded(LearningState("binned", PARTITIONS, GRIDS, knowledge))
    found = list(knowledge.rules_weight.figures)
    for merchant in range(9):
        view = knowledge.merchants.view(f"m{merchant}", "DE", COUNT // 40 * DAY)
        found.append(sum(float(value or 0.0) for value in view))
    for shop in range(5):
        hash = Keys(PUBLIC).of("shop", str(shop))
        found.append(sum(knowledge.rates.of_word("shop", hash, step, 0.5) for step in range(28)))
        found.append(knowledge.rates.usual("shop", hash, 200.0) or 0.0)
    found.append(knowledge.rates.of_merchant("m1", 200.0, 0.5))
    found.extend(knowledge.quantiles.edges("age") or ())
    return [float(f"{value:.9g}") for value in found]


def mixing() -> list[float]:
    """How the weight of a model that knows more than the shared one grows, and falls again."""
    chance, learned, found = bits(), Mixing(), []
    for number in range(3 * COUNT):
        amount, noise = islice(chance, 2)
        known, positive = amount % 64 / 8 - 6, amount % 64 + noise % 32 > 62
        logits = (-2.0, known) if number < COUNT else (known, -2.0)
        if share := learned.share(*logits, positive, 1.0):
            learned.learn(*logits, positive, 1.0 / share)
        if number % 250 == 0:
            found.append(learned.own)
    return [float(f"{value:.9g}") for value in (*found, *(learned.log_losses() or ()))]


GOLDEN_FOLD = 2
GOLDEN: dict[str, list[float]] = {
    "grove": [
        1265.0,
        681.0,
        -9.32100813,
        69.0767013,
        -16.9115618,
        46.0816657,
        -9.65292552,
        49.2122517,
        -9.32100813,
        69.0767013,
        0.0,
        0.415456258,
        0.525400107,
        0.415456258,
        0.0,
        0.429399476,
        0.517243669,
        0.429399476,
        0.0,
        0.420641419,
        0.519664241,
        0.420641419,
    ],
    "binned": [
        1265.0,
        681.0,
        -15.7756179,
        61.3918561,
        -16.9115618,
        46.0816657,
        -9.65292552,
        49.2122517,
        -15.7756179,
        61.3918561,
        0.0,
        0.460387137,
        0.525400107,
        0.460387137,
        0.0,
        0.484780524,
        0.517243669,
        0.484780524,
        0.0,
        0.465174295,
        0.519664241,
        0.465174295,
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
        -19.7853753,
        26.5063001,
        0.0,
        0.562478158,
        0.63956518,
        0.562478158,
        0.0,
        0.568265885,
        0.639988224,
        0.568265885,
        0.0,
        0.574110843,
        0.644619777,
        0.574110843,
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
        -17.7804966,
        43.9490781,
        0.0,
        0.489221198,
        0.564868718,
        0.489221198,
        0.0,
        0.505129015,
        0.558223546,
        0.505129015,
        0.0,
        0.498356124,
        0.563581041,
        0.498356124,
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
        -17.4827439,
        54.2492171,
        0.0,
        0.455540962,
        0.566819586,
        0.455540962,
        0.0,
        0.462416986,
        0.560394836,
        0.462416986,
        0.0,
        0.46559779,
        0.565604352,
        0.46559779,
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
        -16.8464939,
        56.1978396,
        0.0,
        0.460523151,
        0.603598147,
        0.460523151,
        0.0,
        0.472821239,
        0.593173192,
        0.472821239,
        0.0,
        0.481278629,
        0.614988359,
        0.481278629,
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
        1.77486761,
        58.5472002,
        0.0,
        0.552511195,
        0.612378128,
        0.552511195,
        0.0,
        0.5649093,
        0.632699923,
        0.5649093,
        0.0,
        0.593657635,
        0.664346843,
        0.593657635,
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
        -19.465892,
        69.1768524,
        0.0,
        0.42499476,
        0.471560788,
        0.42499476,
        0.0,
        0.445488568,
        0.468262623,
        0.445488568,
        0.0,
        0.437417058,
        0.478208167,
        0.437417058,
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
        -23.562849,
        2.3562849,
        0.0,
        0.669902242,
        0.675086416,
        0.669902242,
        0.0,
        0.671124638,
        0.676261188,
        0.671124638,
        0.0,
        0.685585449,
        0.685286768,
        0.685585449,
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
        -16.4728059,
        73.2959066,
        0.0,
        0.445366461,
        0.520702996,
        0.445366461,
        0.0,
        0.472728393,
        0.51074287,
        0.472728393,
        0.0,
        0.453299117,
        0.516943299,
        0.453299117,
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
        -15.6255103,
        60.922323,
        0.0,
        0.469050552,
        0.550891275,
        0.469050552,
        0.0,
        0.494974237,
        0.544914947,
        0.494974237,
        0.0,
        0.476839059,
        0.556207718,
        0.476839059,
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
        -47.3514574,
        92.8619998,
        0.0,
        0.418492289,
        0.503462437,
        0.418492289,
        0.0,
        0.428598034,
        0.484887187,
        0.428598034,
        0.0,
        0.430004991,
        0.497706395,
        0.430004991,
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
        11.83102,
        0.802648373,
        11.3710642,
        0.883470599,
        11.7537027,
        0.779790578,
        11.3349825,
        0.874620753,
        12.0396549,
        0.782925701,
        1.01834862,
        9.5,
        21.5,
        32.5,
        42.5,
        51.5,
        61.5,
        70.5,
        79.5,
    ],
    "mixing": [
        0.0,
        0.984375,
        0.984375,
        0.984375,
        0.984375,
        0.984375,
        1.0,
        1.0,
        1.0,
        0.984375,
        0.75,
        0.734375,
        0.5,
        0.5,
        0.5,
        0.484375,
        0.484375,
        0.25,
        0.25,
        0.25,
        0.234375,
        0.234375,
        0.078125,
        0.0,
        0.350096011,
        0.573102404,
        0.343360165,
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


def test_weights_are_learned_as_their_number_says():
    compare("mixing", mixing())


def test_the_figures_are_those_of_this_number():
    assert GOLDEN_FOLD == FOLD, "write down what the examples come to now: see CHANGED"
    assert GOLDEN.keys() == {*ZOO, "statistics", "mixing"}
