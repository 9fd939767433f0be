"""The history that a replayed record carries: whole, bounded, and harmless when forged."""

import pytest

from app.serving.dead_letters.journey import (
    HEADER,
    HISTORY_BYTES,
    Journey,
    Refusal,
    carried,
    carrying,
    header,
    read_journey,
)


def refusal(number: int, reason: str = "`amount` is missing") -> Refusal:
    return Refusal("transactions", 1, number, reason, 1, 100 + number)


def test_each_replay_adds_the_refusal_before_it():
    journey = Journey().after(refusal(0)).after(refusal(1))
    assert (journey.replays, journey.refusals) == (2, (refusal(0), refusal(1)))
    assert read_journey([("other", b"x"), header(journey)]) == journey


@pytest.mark.parametrize("reason", ["short", "\1" * 1000, "\N{GRINNING FACE}" * 1000], ids=ascii)
def test_a_long_journey_keeps_its_count_its_beginning_and_its_end(reason):
    journey = Journey()
    for number in range(100):
        journey = journey.after(refusal(number, reason))
    name, raw = header(journey)
    assert len(raw) <= HISTORY_BYTES
    assert carried([(name, raw)]) == raw
    assert journey.replays == 100
    offsets = [one.offset for one in journey.refusals]
    assert offsets == [0, *range(100 - len(offsets) + 1, 100)]
    assert len(offsets) > 3


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff", id="no text"),
        pytest.param(b"[1]", id="no object"),
        pytest.param(b'{"replays":"many"}', id="another type"),
        pytest.param(b"[" * 4000, id="nested"),
        pytest.param(b'{"replays":3,"more":"' + b"x" * HISTORY_BYTES + b'"}', id="too large"),
    ],
)
def test_what_cannot_be_read_is_no_journey(raw):
    assert read_journey([(HEADER, raw)]) == Journey()


def test_what_is_too_large_is_not_passed_on():
    assert carried([(HEADER, b"x" * (HISTORY_BYTES + 1))]) == b""
    assert carrying(carried(())) == ()
