"""The oracle itself, against examples that were judged by hand."""

import json

import pytest

from app.core.partitioning import partition_of
from tests.fuzz import oracle
from tests.fuzz.oracle import AT_THE_START, Says, judge

AT = 1_760_000_000_000
PLAIN = {"id": "t1", "at": AT, "customer": "c1", "merchant": "m1", "amount": 1}


def transaction(**fields: object) -> bytes:
    return json.dumps({**PLAIN, **fields}).encode()


@pytest.mark.parametrize(
    ("raw", "valid"),
    [
        (transaction(), True),
        (transaction(at="2025-10-09T08:53:20Z"), True),
        (transaction(country=None), True),
        (transaction(lat=None), True),
        (transaction(id=None), False),
        (transaction(amount=True), False),
        (transaction(amount=-1), False),
        (transaction(amount="1"), False),
        (transaction(id="x" * 129), False),
        (transaction(id="\u00e9" * 65), False),
        (transaction(merchant="a\0b"), False),
        (transaction(at=AT + 86_400_001), False),
        (transaction(at=AT // 1000), False),
        (transaction(customer="4111 1111 1111 1111"), False),
        (transaction(customer="490154203237518"), None),
        (transaction(device="490154203237518"), True),
        (transaction(merchant="0123456789012347"), True),
        (transaction(customer="1760000000000"), True),
        (transaction(device="4111111111111111"), True),
        (transaction()[:-1], False),
        (transaction() + b"{}", False),
        (b"\xef\xbb\xbf" + transaction(), True),
        (transaction()[:-1] + b',"x":"\xff"}', False),
        (transaction()[:-1] + b',"device":"\\ud800"}', None),
        (transaction()[:-1] + b',"id":"t2"}', None),
        (transaction().replace(b"1}", b"1e999}"), False),
        (transaction().replace(b"1}", b"NaN}"), False),
        (transaction().replace(b"1}", b"01}"), False),
        (b"", False),
        (b"[]", False),
        (b'{"id":' + b"[" * 20_000, False),
    ],
)
def test_transactions_are_judged_by_tables_of_their_fields(raw: bytes, valid: Says) -> None:
    assert judge("transaction", raw, AT).valid is valid


@pytest.mark.parametrize(
    ("at", "timestamp", "valid"),
    [
        (0, AT, False),
        (0, -1, False),
        (0, AT_THE_START, True),
        (0, 99_999_999_999, True),
        (0, 100_000_000_000, False),
        (744, AT, False),
        (744, 5_000_000, True),
        (AT // 1000, -1, False),
        (AT, -1, True),
        (AT + 86_400_000, AT, True),
        (AT + 86_400_001, AT, False),
        (AT, 253_402_300_800_000, False),
        (99_999_999_999, 100_000_000_000, True),
        ("9999-12-31T23:59:59.999Z", -1, None),
        ("9999-12-31T23:59:59.9999Z", -1, None),
        ("9999-12-31T23:59:59-00:01", -1, False),
        ("9999-12-31T23:59:59.999-14:00", -1, False),
        ("1969-12-31T23:59:59.999Z", AT, False),
    ],
)
def test_times_are_judged_beside_their_record(at: object, timestamp: int, valid: Says) -> None:
    assert judge("transaction", transaction(at=at), timestamp).valid is valid


def test_labels_are_judged_by_fields_of_their_own() -> None:
    label = {"id": "t1", "customer": "c1", "label": "fraud", "source": "analyst"}
    assert judge("label", json.dumps(label).encode(), AT).valid is True
    for wrong in ({"label": "bad"}, {"source": "me"}, {"note": "x" * 2001}, {"customer": ""}):
        raw = json.dumps(label | wrong).encode()
        assert judge("label", raw, AT).valid is False
    for at, valid in ((744, None), (AT // 1000, False), (AT, True), (None, True)):
        raw = json.dumps(label | {"at": at}).encode()
        assert judge("label", raw, AT).valid is valid


@pytest.mark.parametrize("key", ["", "c", "c1", "c12", "c123", "\u00e9\U0001f600", "x" * 99])
def test_the_partition_of_a_key_is_the_one_of_clients(key: str) -> None:
    for partitions in (1, 4, 12):
        assert oracle.partition_of(key, partitions) == partition_of(key, partitions)
