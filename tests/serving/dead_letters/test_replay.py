"""Which dead letters are sent back, and what goes with them."""

import re

import pytest

from app.serving.dead_letters.journey import HEADER, Journey, read_journey
from app.serving.dead_letters.read import Letter, read_letter
from app.serving.dead_letters.replay import (
    Selection,
    destination,
    headers_of,
    history_of,
    partition_for,
    why_kept,
)
from app.serving.setup import Setup
from app.settings import read_settings
from app.streams.fraud.messages import Transaction
from app.wire import encode
from tests.cards import cards
from tests.serving.dead_letters.test_write import kept_as

SETUP = Setup(read_settings(partitions=4, topic_prefix="eu-"), cards(partitions=4))
HEADERS = {
    "reason": b"`amount` is missing",
    "topic": b"eu-transactions",
    "partition": b"3",
    "offset": b"17",
    "timestamp": b"5000",
}


def letter(at: int = 1000, value: bytes = b"{}", **headers: bytes | None) -> Letter:
    told = {name: value for name, value in {**HEADERS, **headers}.items() if value is not None}
    return read_letter(kept_as(value, tuple(told.items()), at))


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        pytest.param({}, None, id="a transaction"),
        pytest.param({"topic": b"eu-feedback"}, None, id="a label"),
        pytest.param({"timestamp": None}, None, id="of an older version"),
        pytest.param({"sha256": b"ab12"}, "its value was cut.*ab12", id="cut"),
        pytest.param({"topic": b"eu-review"}, "eu-review, which is not an input", id="no input"),
        pytest.param({"topic": b"transactions"}, "not an input", id="of another prefix"),
        pytest.param({"topic": None}, "an unknown topic", id="no topic"),
        pytest.param({"partition": b"4"}, "partition 4 of 4", id="a partition that is gone"),
        pytest.param({"offset": b"-1"}, "does not say where", id="no offset"),
        pytest.param({"timestamp": b"4999"}, "older than WEIR_HORIZON", id="too old"),
        pytest.param({"timestamp": b"-1"}, None, id="without a timestamp"),
        pytest.param({"last-offset": b"19"}, "batch that could not be read", id="a batch"),
        pytest.param({"producer.offset": b"x", "producer.sha256": b"x"}, None, id="more headers"),
    ],
)
def test_a_letter_goes_back_only_whole_and_to_an_input(headers, why):
    found = why_kept(letter(**headers), SETUP, 5000 + SETUP.settings.horizon * 1000)
    assert found is None if why is None else re.search(why, found or "")


@pytest.mark.parametrize(
    ("selection", "takes"),
    [
        pytest.param(Selection(), True, id="all"),
        pytest.param(Selection(reason="AMOUNT"), True, id="a part of the reason"),
        pytest.param(Selection(reason="customer"), False, id="another reason"),
        pytest.param(Selection(topic="eu-transactions"), True, id="its topic"),
        pytest.param(Selection(topic="transactions"), False, id="a part of its topic"),
        pytest.param(Selection(since=1000), True, id="since it was written"),
        pytest.param(Selection(since=1001), False, id="since later"),
        pytest.param(Selection(reason="amount", topic="eu-feedback"), False, id="one of two"),
    ],
)
def test_all_conditions_have_to_fit(selection, takes):
    assert selection.takes(letter()) is takes


def test_a_replay_carries_where_the_record_lay_why_it_was_refused_and_as_which_letter():
    first = letter()
    name, raw = history_of(first)
    assert (name, destination(first, SETUP)) == (HEADER, "eu-transactions[3]")
    journey = read_journey([(name, raw)])
    (refusal,) = journey.refusals
    assert (journey.replays, refusal.reason) == (1, "`amount` is missing")
    assert (refusal.topic, refusal.partition, refusal.offset) == ("eu-transactions", 3, 17)
    assert (refusal.letter_partition, refusal.letter_offset) == (2, 40)
    again = letter(offset=b"18", **{HEADER: raw})
    assert again.journey == journey
    assert read_journey([history_of(again)]).replays == 2


PAID = encode(Transaction(id="t1", at=0, customer="c1", merchant="m1", amount=1.0))  # of 3


@pytest.mark.parametrize(
    ("value", "headers", "partition"),
    [
        pytest.param(PAID, {"partition": b"1"}, 3, id="an event on a wrong partition"),
        pytest.param(PAID, {"partition": b"9"}, 3, id="on one that is gone"),
        pytest.param(PAID[:-1], {"partition": b"1"}, 1, id="an event that cannot be read"),
        pytest.param(PAID, {"partition": b"1", "topic": b"eu-feedback"}, 1, id="a label"),
    ],
)
def test_an_event_goes_to_its_own_partition(value, headers, partition):
    found = letter(value=value, **headers)
    assert why_kept(found, SETUP, 5000) is None
    assert partition_for(found, SETUP) == partition


def test_a_replay_has_its_records_headers_but_is_no_copy_of_another():
    names = [f"producer.{name}" for name in ("trace", "weir-origin")]
    found = letter(**dict.fromkeys(names, b"1:3:70"))
    assert headers_of(found) == [history_of(found), ("trace", b"1:3:70")]


def test_a_letter_of_an_older_version_has_no_timestamp_and_no_journey():
    old = letter(timestamp=None)
    assert (old.timestamp, old.journey) == (None, Journey())
    assert letter().timestamp == 5000
