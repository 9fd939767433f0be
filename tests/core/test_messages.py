"""Messages of every application: which label is which, and what an entry of the log is."""

import msgspec
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from app.core.messages import (
    Example,
    Feedback,
    ModelUsed,
    Origin,
    Place,
    PlainExample,
    Restore,
    entry_reader,
    former_label_id,
    label_id,
)
from app.wire import encode

SAID = Feedback(id="t1", key="c1", label="fraud", source="analyst", at=1000, actor="ann")
PLACE = Place(epoch=1, partition=0, offset=5, recorded=1000)
RESTORE = Restore(id="r1", version=3, digest="d", model="binned", features="f", at=0)
TAUGHT = PlainExample(
    id="t1",
    x={"amount": 20.0},
    y=1,
    w=1.0,
    previous=None,
    score=0.4,
    version=7,
    at=5,
    known=6,
    origin=Origin(1, 0, 3),
    end_of_step=True,
)


def test_a_label_id_that_is_given_counts():
    assert label_id(replace(SAID, label_id="l1")) == "l1"


def test_a_label_id_is_the_same_in_every_process():
    assert label_id(SAID) == "37ea574d718bbc411668153d"
    assert label_id(replace(SAID, at=None), PLACE) == "ac92c8973fd957da68d07f94"
    assert former_label_id(SAID) == "2291775e0d91f7508590e6b7", "as earlier releases stored it"


@pytest.mark.parametrize(
    "other",
    [
        {"id": "t2"},
        {"key": "c2"},
        {"source": "customer"},
        {"actor": "bob"},
        {"label": "legit"},
        {"at": 1001},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_label_id_tells_apart_who_says_what_of_whose_when(other):
    assert label_id(replace(SAID, note="more", reason="r")) == label_id(SAID)
    assert label_id(replace(SAID, **other)) != label_id(SAID)


@pytest.mark.parametrize("field", Place._fields)
def test_a_label_without_a_time_is_told_apart_by_the_place_of_its_record(field):
    said = replace(SAID, at=None)
    elsewhere = PLACE._replace(**{field: 9})
    assert label_id(said, PLACE) == label_id(said, PLACE)
    assert label_id(said, elsewhere) != label_id(said, PLACE)
    assert label_id(SAID, elsewhere) == label_id(SAID), "its time is enough"
    assert label_id(replace(said, label_id="l1"), elsewhere) == "l1"


def test_label_ids_do_not_run_into_each_other():
    one, other = (replace(SAID, id=id, actor=actor) for id, actor in (("t", "1"), ("t1", "")))
    assert label_id(one) != label_id(other)


def test_origins_are_ordered_by_epoch_then_offset_then_index():
    origins = [Origin(1, 0, 5), Origin(1, 0, 5, 1), Origin(1, 0, 6), Origin(2, 0, 0)]
    assert sorted(reversed(origins)) == origins


@pytest.mark.parametrize(
    ("score", "threshold", "flagged"),
    [
        pytest.param(0.5, None, True, id="at the settings' threshold"),
        pytest.param(0.49, None, False, id="below it"),
        pytest.param(0.49, 0.4, True, id="its own threshold counts"),
        pytest.param(0.6, 0.7, False, id="below its own"),
    ],
)
def test_an_example_was_flagged_from_its_threshold_on(score, threshold, flagged):
    assert replace(TAUGHT, score=score, threshold=threshold).flagged(review=0.5) is flagged


def test_an_example_names_its_head_where_it_has_one():
    assert b"head" not in encode(TAUGHT)
    assert TAUGHT.head is UNSET
    assert b'"head":"late"' in encode(replace(TAUGHT, head="late"))


def test_entries_are_read_back_and_told_apart_by_their_kind():
    read = entry_reader(PlainExample)
    for entry in (TAUGHT, replace(TAUGHT, head="late"), RESTORE):
        assert read(encode(entry)) == entry
    assert encode(TAUGHT).startswith(b'{"kind":"example","tx":"t1",')
    assert encode(RESTORE).startswith(b'{"kind":"restore","id":"r1",')


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"kind":"other"}', b"\xff", b'{"kind":"example"}'])
def test_what_is_no_entry_is_an_error(raw):
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        entry_reader(PlainExample)(raw)


class Visit(Example, kw_only=True, tag_field="kind", tag="example"):
    """An example of an application with a place in the middle."""

    id: str
    x: dict[str, float]
    y: int | None
    place: str
    origin: Origin


def test_an_application_writes_its_fields_in_its_own_order():
    visit = Visit(id="v1", x={}, y=0, place="here", origin=Origin(1, 0, 0))
    assert encode(visit) == (
        b'{"kind":"example","id":"v1","x":{},"y":0,"place":"here","origin":[1,0,0,0]}'
    )
    assert entry_reader(Visit)(encode(visit)) == visit


def test_a_prediction_that_names_no_features_is_of_the_only_set_there_was():
    raw = b'{"name":"binned","scope":"both","version":7}'
    assert msgspec.json.decode(raw, type=ModelUsed).features == "fraud-full"
