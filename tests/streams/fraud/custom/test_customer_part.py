"""What a word says of its customer: first use, how often before, the usual amount with it."""

from math import log
from pathlib import Path
from typing import Any

import pytest

from app.core.domain import Application
from app.core.messages import Source
from app.streams.fraud.messages import Transaction, read_prediction
from tests.cards import cards, decide

ASKED = '[[word]]\nname = "category"\ncustomer = true\n'
MORE = '[[word]]\nname = "shop"\nphrase = "the shop {}"\ncustomer = true\n'
PART = ("category_first", "category_count", "category_ratio")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "fields.toml"


def declared(file: Path, text: str, **settings: Any) -> Application:
    file.write_text(text)
    return cards(fields=str(file), **settings)


class Customer:
    """One customer, whose record goes through bytes after each payment."""

    def __init__(self, application: Application) -> None:
        self.application, self.state = application, application.new_state()
        self.record: bytes | None = None
        self.paid = 0

    def pays(self, amount: float, category: str, again: int | None = None, **fields: Any) -> Any:
        """The features of a payment; `again`: of one that was processed before."""
        offset = self.paid if again is None else again
        self.paid += again is None
        tx = Transaction(
            id=f"t{offset}",
            at=offset * 60_000,
            customer="c1",
            merchant="m1",
            amount=amount,
            category=category,
            fields=fields,
        )
        decided, self.record = decide(
            self.application, self.state, tx, Source(0, offset), self.record
        )
        return read_prediction(decided.raw).features

    def part(self, *paid: Any, **more: Any) -> tuple[float | None, ...]:
        x = self.pays(*paid, **more)
        return tuple(x.get(name) for name in PART)


def test_a_word_is_new_then_known_with_its_usual_amount(file):
    customer = Customer(declared(file, ASKED))
    assert customer.part(10.0, "food") == (1.0, 0.0, None)
    assert customer.part(20.0, "food") == (0.0, 1.0, log(2.0))
    assert customer.part(30.0, "travel") == (1.0, 0.0, None)
    assert customer.part(15.0, "food") == (0.0, 2.0, 0.0)
    assert customer.part(5.0, "") == (None, None, None)


def test_a_replayed_payment_sees_what_it_saw_at_first(file):
    customer = Customer(declared(file, ASKED))
    seen = [customer.pays(10.0 + n, f"k{n % 3}") for n in range(9)]
    record = customer.record
    for n in range(9):
        assert customer.pays(10.0 + n, f"k{n % 3}", again=n) == seen[n]
        assert customer.record == record


def test_without_being_asked_for_it_is_neither_computed_nor_kept(file):
    customer = Customer(declared(file, ASKED.replace("true", "false")))
    assert customer.part(10.0, "food") == (None, None, None)
    bare = Customer(cards())
    bare.pays(10.0, "food")
    assert customer.record == bare.record


def test_a_word_that_is_added_starts_empty_and_the_others_go_on(file):
    customer = Customer(declared(file, ASKED))
    customer.pays(10.0, "food", shop="a")
    customer.application = declared(file, MORE + ASKED)
    customer.state = customer.application.new_state()
    x = customer.pays(10.0, "food", shop="a")
    assert (x["category_count"], x["shop_count"]) == (1.0, 0.0)
    assert customer.pays(10.0, "food", shop="a")["shop_count"] == 1.0


def test_under_another_key_all_start_empty(file):
    customer = Customer(declared(file, ASKED))
    customer.pays(10.0, "food")
    customer.application = declared(file, ASKED, fields_key="a secret of this test")
    assert customer.part(10.0, "food") == (1.0, 0.0, None)


def test_a_reason_names_the_word(file):
    features = {one.name: one for one in declared(file, ASKED + MORE).features}
    named = {"category": "food", "shop": "Sam's"}
    said = [
        features[name].words(value, named)
        for name, value in (
            ("category_first", 1.0),
            ("shop_first", 0.0),
            ("category_count", 3.0),
            ("shop_ratio", log(4.0)),
        )
    ]
    assert said == [
        "new for this customer: category food",
        "known of this customer: the shop Sam's",
        "times this customer used category food before: 3",
        "amount is 4.0 times this customer's usual one with the shop Sam's",
    ]
