"""What models see of fields: when a transaction is judged, and when an example is learned."""

from math import log, nan
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.domain import Application
from app.core.fold import LearningState
from app.core.models.logit import check_features
from app.streams.fraud.custom.amounts import STEPS, step_of
from app.streams.fraud.custom.definitions import Fields, Number, Word, key_of
from app.streams.fraud.custom.derived import features_of
from app.streams.fraud.custom.inputs import Inputs
from app.streams.fraud.custom.keys import BINS, keys_of
from app.streams.fraud.custom.numbers import FIRST, Numbers
from app.streams.fraud.custom.rates import Rates
from app.streams.fraud.messages import Example, Transaction
from tests.cards import cards
from tests.streams.fraud.test_merchants import example

FIELDS = Fields((Word("category"), Word("shop")), (Number("age"),))
KEYS = keys_of(FIELDS.key)
FOOD = KEYS.of("category", "food")
GRIDS = {feature.name: feature.grid for feature in features_of(FIELDS)}


def quantiles() -> Numbers:
    numbers = Numbers(["age"])
    for id in range(FIRST):
        numbers.learn(id, {"age": float(id % 90)})
    return numbers


QUANTILES = quantiles()


def transaction(**more: Any) -> Transaction:
    usual = {"id": "t", "at": 0, "customer": "c", "merchant": "m", "amount": 20.0}
    return Transaction(**{**usual, **more})


def filled(numbers: Numbers = QUANTILES, **more: Any) -> dict[str, float]:
    x: dict[str, float] = {}
    rates = Rates([word.name for word in FIELDS.words])
    Inputs(FIELDS).fill(x, transaction(**more), rates, numbers, 0.01)
    return x


def code(hash: int) -> dict[str, float]:
    place = hash % BINS
    return {"category": float(place), "category_amount": float(place * STEPS + step_of(20.0))}


def scored(x: dict[str, float], **more: Any) -> Example:
    return msgspec.structs.replace(example(1), x={"amount": 20.0, **x}, **more)


def test_a_word_with_labels_has_a_usual_amount_of_its_own():
    rates, x = Rates(["category"]), dict[str, float]()
    one = scored({}, words={"category": FOOD})
    inputs = Inputs(Fields((Word("category"),)))
    rates.learn(one, inputs.words(one), one.known)
    inputs.fill(x, transaction(category="food", amount=80.0), rates, QUANTILES, 0.01)
    assert x["category_usual"] == pytest.approx(log(4))
    inputs.fill(x := {}, transaction(category="fuel"), rates, QUANTILES, 0.01)
    assert x.keys() == {"category", "category_amount", "category_rate"}


def test_a_word_gives_its_codes_and_its_rate_and_a_number_its_place():
    assert filled(category="food", fields={"age": 45.0}) == {
        **code(FOOD),
        "category_rate": 0.01,
        "age": 4.0,
    }
    assert filled(fields={"shop": "s"}).keys() == {"shop", "shop_amount", "shop_rate"}
    assert filled(numbers=Numbers(["age"]), fields={"age": 45.0}) == {}
    assert (
        filled(category="food", fields={"category": "fuel"})["category"] == code(FOOD)["category"]
    )


@pytest.mark.parametrize("value", [nan, "old"])
def test_what_is_no_number_is_missing(value):
    assert filled(fields={"age": value}) == {}


@given(st.text(max_size=30), st.floats(0, 1e12), st.floats(-1e18, 1e18))
def test_every_value_is_in_a_bin_of_its_grid(word, amount, age):
    x = filled(category=word, amount=amount, fields={"age": age})
    check_features(x)
    assert set(x) <= set(GRIDS)
    for name, value in x.items():
        if name != "category_rate":
            assert value == int(value) and 0 <= value <= len(GRIDS[name])


@pytest.mark.parametrize(
    ("example", "learned"),
    [
        pytest.param(scored(code(FOOD), words={"category": FOOD}), None, id="as scored"),
        pytest.param(scored({}), None, id="of a release before"),
        pytest.param(scored({}, words={"channel": FOOD}), None, id="of other words"),
        pytest.param(scored({}, words={"category": FOOD}), code(FOOD), id="of another file"),
        pytest.param(
            scored({"hour": 3.0}, words={"category": FOOD}, numbers={"age": 45.0}),
            {"hour": 3.0, **code(FOOD), "age": 4.0},
            id="of another file, with a number",
        ),
        pytest.param(
            scored(code(FOOD), words={"category": keys_of(key_of(b"another")).of("a", "b")}),
            {},
            id="of another key",
        ),
        pytest.param(scored({"age": 77.0}, words={"age": FOOD}), {}, id="once a word"),
        pytest.param(
            scored(
                {**code(FOOD), "category_rate": 0.5, "category_usual": 1.0},
                words={"category": FOOD},
            ),
            None,
            id="with its rate and its usual amount",
        ),
    ],
)
def test_what_an_example_lacks_is_filled_in_where_it_needs_nothing_but_its_words(example, learned):
    expected = None if learned is None else {"amount": 20.0, **learned}
    assert Inputs(FIELDS).completed(example, QUANTILES) == expected


def test_without_an_amount_a_word_has_no_code():
    bare = msgspec.structs.replace(scored({}, words={"category": FOOD}), x={})
    assert Inputs(FIELDS).completed(bare, QUANTILES) is None


def folded(application: Application, examples: list[Example], cut: int) -> LearningState:
    """The state of a log, loaded once from a dump in between."""
    state = application.new_state()
    for offset, one in enumerate(examples):
        if offset == cut:
            dump, state = list(state.parts()), application.new_state()
            state.load(dump)
        cells = state.look_up(examples[offset : offset + 9])[0] if offset % 2 else None
        state.fold(one, offset, cells)
    return state


def test_a_log_that_was_written_without_a_file_is_relearned_under_one(tmp_path):
    path = tmp_path / "fields.toml"
    path.write_text('[[word]]\nname = "category"\n[[number]]\nname = "age"\n')
    application = cards(fields=str(path), partitions=1)
    fuel = KEYS.of("category", "fuel")
    examples = [
        msgspec.structs.replace(
            example(int(n % 2 == 0), merchant="m"),
            id=f"t{n}",
            x={"amount": 20.0},
            words={"category": FOOD if n % 2 == 0 else fuel},
            numbers={"age": float(n % 90)},
            origin=msgspec.structs.replace(example(1).origin, partition=0, offset=n),
        )
        for n in range(FIRST + 200)
    ]
    state = folded(application, examples, cut=700)
    assert state.digest() == folded(application, examples, cut=0).digest()
    both = [{"amount": 20.0, **code(hash)} for hash in (FOOD, fuel)]
    fraud, legitimate = (state.logit(x, 0, "shared") for x in both)
    assert fraud > 2 and legitimate < -2
    rates = state.statistics.rates
    assert rates.of_word("category", FOOD, step_of(20.0), 0.5) > 0.9
    plain = cards(partitions=1).new_state()
    for offset, one in enumerate(examples):
        plain.fold(one, offset)
    assert plain.logit(both[0], 0, "shared") == plain.logit(both[1], 0, "shared")
