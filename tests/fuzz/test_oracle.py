"""The oracle itself, against examples that were judged by hand."""

import json

import pytest

from app.core.partitioning import partition_of
from tests.fuzz import oracle
from tests.fuzz.oracle import MENDED, TODAY, Rules, Says, judge

AT = 1_760_000_000_000
PLAIN = {"id": "t1", "at": AT, "customer": "c1", "merchant": "m1", "amount": 1}


def transaction(**fields: object) -> bytes:
    return json.dumps({**PLAIN, **fields}).encode()


@pytest.mark.parametrize(
    ("raw", "today", "mended"),
    [
        (transaction(), True, True),
        (transaction(at="2025-10-09T08:53:20Z"), True, True),
        (transaction(country=None), False, True),
        (transaction(lat=None), True, True),
        (transaction(id=None), False, False),
        (transaction(amount=True), False, False),
        (transaction(amount=-1), False, False),
        (transaction(amount="1"), False, False),
        (transaction(id="x" * 129), False, False),
        (transaction(id="\u00e9" * 65), False, False),
        (transaction(merchant="a\0b"), False, False),
        (transaction(at=AT + 86_400_001), False, False),
        (transaction(at=AT // 1000), True, False),
        (transaction(at=0), True, None),
        (transaction(customer="4111 1111 1111 1111"), False, False),
        (transaction(customer="490154203237518"), False, None),
        (transaction(device="490154203237518"), False, True),
        (transaction(merchant="0123456789012347"), False, True),
        (transaction(customer="1760000000000"), True, True),
        (transaction(device="4111111111111111"), False, True),
        (transaction()[:-1], False, False),
        (transaction() + b"{}", False, False),
        (b"\xef\xbb\xbf" + transaction(), False, True),
        (transaction()[:-1] + b',"x":"\xff"}', None, False),
        (transaction()[:-1] + b',"device":"\\ud800"}', None, None),
        (transaction()[:-1] + b',"id":"t2"}', None, None),
        (transaction().replace(b"1}", b"1e999}"), False, False),
        (transaction().replace(b"1}", b"NaN}"), False, False),
        (transaction().replace(b"1}", b"01}"), False, False),
        (b"", False, False),
        (b"[]", False, False),
        (b'{"id":' + b"[" * 20_000, False, False),
    ],
)
def test_transactions_are_judged_by_the_rules_of_a_release(
    raw: bytes, today: Says, mended: Says
) -> None:
    for rules, wanted in ((TODAY, today), (MENDED, mended)):
        assert judge("transaction", raw, AT, rules).valid is wanted


def test_labels_are_judged_by_fields_of_their_own() -> None:
    label = {"id": "t1", "customer": "c1", "label": "fraud", "source": "analyst"}
    assert judge("label", json.dumps(label).encode(), AT, TODAY).valid is True
    for wrong in ({"label": "bad"}, {"source": "me"}, {"note": "x" * 2001}, {"customer": ""}):
        raw = json.dumps(label | wrong).encode()
        assert judge("label", raw, AT, TODAY).valid is False


@pytest.mark.parametrize("key", ["", "c", "c1", "c12", "c123", "\u00e9\U0001f600", "x" * 99])
def test_the_partition_of_a_key_is_the_one_of_clients(key: str) -> None:
    for partitions in (1, 4, 12):
        assert oracle.partition_of(key, partitions) == partition_of(key, partitions)


def test_the_rules_in_force_are_named() -> None:
    assert isinstance(oracle.RULES[oracle.DEFAULT], Rules)
