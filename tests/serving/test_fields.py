"""Fields of one's own, from the event to the reasons: live, computed again, and counted."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.dump import Learned
from app.streams.fraud.messages import Transaction, read_example, read_prediction
from app.streams.fraud.rules_weight import GROWN
from tests.serving import memory
from tests.serving.holds import each_score_is_computed_again
from tests.serving.memory import OURS, World, payment, said

FILE = """
[[word]]
name = "category"

[[word]]
name = "shop"
phrase = "the shop {}"

[[number]]
name = "age"
unit = "d"
phrase = "an account of {}"
"""
EVIL = "<b>evil</b>"
SECRET = "a secret of this test"


def paid(n: int) -> Transaction:
    """A payment, which is a fraud in one shop."""
    shop = EVIL if n % 3 == 0 else f"shop {n % 5}"
    fields = {"shop": shop, "age": float(n % 30), "unread": "something"}
    return payment(n, OURS[n % 3], category="food", device="d-1", fields=fields)


async def play(world: World, rounds: int, first: int = 0) -> None:
    """Rounds of payments, each followed by its labels and by learning them."""
    async with world.life() as worker:
        for begin in range(first, first + 12 * rounds, 12):
            numbers = range(begin, begin + 12)
            world.pay(*map(paid, numbers))
            await worker.score()
            world.say(*(said(n, "legit" if n % 3 else "fraud", key=OURS[n % 3]) for n in numbers))
            await worker.learn()
            world.learning.fold()
            await worker.commit()


@pytest.fixture
def grown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models count from a few labels on."""
    for scope in GROWN:
        monkeypatch.setitem(GROWN, scope, Learned(4, 4))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fields.toml"
    path.write_text(FILE)
    return path


@pytest.fixture
def world(file: Path, grown: None) -> Iterator[World]:
    with memory.world(fields=str(file), fields_key=SECRET, review_threshold=0.0) as made:
        yield made


async def test_decisions_name_the_words_and_come_again_to_the_bit(world):
    await play(world, rounds=8)
    each_score_is_computed_again(world)
    decisions = [read_prediction(raw) for raw in world.values("predictions")]
    last = [one for one in decisions if one.fields["shop"] == EVIL][-1]
    assert last.fields == {
        **{"category": "food", "device": "d-1", "shop": EVIL},
        **{"age": last.fields["age"], "unread": "something"},
    }
    assert any(EVIL in reason.text for reason in last.reasons)
    assert {"shop", "shop_amount", "shop_rate", "category_rate"} <= last.features.keys()
    assert last.features["shop_rate"] > 0.5
    assert last.model.features == world.setup.application.feature_set


async def test_the_examples_log_holds_hashes_and_numbers_and_no_word(world):
    await play(world, rounds=1)
    for raw in world.values("examples"):
        example = read_example(raw)
        assert example.words.keys() == {"category", "device", "shop", "unread"}
        assert example.numbers.keys() == {"age"}
        assert not any(word in raw for word in (b"evil", b"food", b"d-1", b"something"))


async def test_without_a_secret_devices_and_addresses_stay_out_unless_they_are_declared(grown):
    with memory.world(review_threshold=0.0) as world:
        await play(world, rounds=1)
        (first, *_) = map(read_prediction, world.values("predictions"))
        assert first.fields.keys() == {"category", "shop", "age", "unread"}
        (example, *_) = map(read_example, world.values("examples"))
        assert example.words.keys() == {"category", "shop", "unread"}


async def test_a_value_of_the_wrong_kind_is_missing_and_counted_and_the_payment_judged(world):
    async with world.life() as worker:
        world.pay(
            payment(1, fields={"shop": 7.0, "age": "old"}),
            payment(2, fields={"shop": "a", "age": True}),
            payment(3, category="food"),
        )
        await worker.score()
    decisions = [read_prediction(raw) for raw in world.values("predictions")]
    assert len(decisions) == 3
    assert [("shop" in one.features, "age" in one.features) for one in decisions] == [
        (False, False),
        (True, False),
        (False, False),
    ]
    shown = world.sensors.exposition().decode()
    assert 'weir_fields_unusable_total{field="shop"} 1.0' in shown
    assert 'weir_fields_unusable_total{field="age"} 2.0' in shown


async def test_a_worker_with_another_file_says_so_once_with_both_digests(world, file, caplog):
    caplog.set_level(logging.WARNING)
    await play(world, rounds=1)
    await play(world, rounds=1, first=12)
    assert "the features" not in caplog.text
    first = world.setup.application.feature_set
    file.write_text(FILE.replace('name = "category"', 'name = "channel"'))
    world.setup, world.learning.empty = memory.set_up(
        fields=str(file), fields_key=SECRET, review_threshold=0.1
    )
    async with world.life():
        pass
    second = world.setup.application.feature_set
    (line,) = [record.getMessage() for record in caplog.records]
    assert first != second and f"features {first}; this worker has {second}" in line
