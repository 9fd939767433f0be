"""Labels by POST: what is taken, what is refused, and where they land."""

import json
from functools import partial

import pytest
from aiohttp import web
from aiokafka import TopicPartition

from app.apps import load
from app.broker.broker import Broker
from app.core.messages import Feedback
from app.runtime.reading import bounds, reader, stretch
from app.settings import read_settings
from app.web import feedback
from app.web.feedback import MAX_BYTES
from tests.web import readings
from tests.web.conftest import KnownView, Serve, ViewOf

NOW = 1_767_225_600_000
JSON = "application/json"
CARDS = load(read_settings())


def read_label(raw: bytes) -> Feedback:
    return feedback.read_label(CARDS, JSON, raw, NOW)


def body(**fields: object) -> bytes:
    return json.dumps({"id": "t1", "customer": "c1", "label": "fraud", **fields}).encode()


def test_what_is_missing_is_filled_in() -> None:
    label = read_label(body())
    assert (label.source, label.at) == ("analyst", NOW)
    assert label.label_id
    assert label.label_id == read_label(body()).label_id


def test_what_is_given_stays() -> None:
    label = read_label(body(source="chargeback", at=5, label_id="mine", note="phoned"))
    assert (label.source, label.at) == ("chargeback", 5)
    assert (label.label_id, label.note) == ("mine", "phoned")


def test_a_byte_order_mark_counts_as_left_out() -> None:
    assert read_label(b"\xef\xbb\xbf" + body(at=5)) == read_label(body(at=5))


def test_each_application_has_its_own_labels() -> None:
    read = partial(feedback.read_label, readings.application(read_settings()), JSON)
    assert read(b'{"id": "r1", "machine": "m1", "label": "faulty"}').key == "m1"
    with pytest.raises(web.HTTPBadRequest):
        read(body(machine="m1"))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b'{"id": "t1"', "not a JSON object"),
        (b"[" * 10_000, "not a JSON object"),
        (b'{"id": "\xff"}', "not a JSON object"),
        (b"{}", "missing required field `id`"),
        (body(label="maybe"), "label"),
        (body(customer=""), "customer"),
        (body(id="x" * 129), "id"),
        (body(source="nobody"), "source"),
        (body(at=1_796_055_000), "`at` is 1796055000, which seems to be seconds"),
        (body(actor="4111 1111 1111 1111"), "`actor` is a card number"),
    ],
)
def test_what_is_no_label_is_refused_by_name(raw: bytes, words: str) -> None:
    with pytest.raises(web.HTTPBadRequest) as refused:
        read_label(raw)
    assert words in (refused.value.text or "")


@pytest.mark.parametrize(
    ("headers", "data", "status"),
    [
        ({"Content-Type": "text/plain"}, body(), 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"id=t1", 415),
        ({"Content-Type": JSON}, b" " * (MAX_BYTES + 1), 413),
        ({"Content-Type": JSON}, b"{}", 400),
        ({"Content-Type": JSON}, body(), 503),
    ],
    ids=["text", "a form", "too large", "no label", "no broker yet"],
)
async def test_refusals_are_sentences(
    headers: dict[str, str], data: bytes, status: int, view_of: ViewOf, serve: Serve
) -> None:
    client = await serve(view_of([]))
    response = await client.post("/feedback", data=data, headers=headers)
    assert response.status == status
    assert (await response.json())["error"]


async def test_a_label_cannot_be_sent_by_a_link(view_of: ViewOf, serve: Serve) -> None:
    client = await serve(view_of([]))
    response = await client.get("/feedback?id=t1&customer=c1&label=fraud")
    assert response.status == 405
    assert response.headers["Allow"] == "POST"


@pytest.fixture
async def connected(broker: Broker, fresh: str, view_of: ViewOf):
    """The view of a worker whose writers are connected to the broker."""
    view = view_of([], brokers=broker.bootstrap, topic_prefix=fresh)
    await view.worker.setup.create_topics(wait=30.0)
    await view.worker.writers.start()
    view.connect()
    yield view
    await view.worker.writers.stop()


async def test_a_label_lands_on_the_partition_of_its_key(
    connected: KnownView, serve: Serve
) -> None:
    client = await serve(connected)
    response = await client.post("/feedback", json={"id": "t1", "customer": "c1", "label": "fraud"})
    placed = await response.json()
    assert response.status == 202
    tp = TopicPartition(placed["topic"], connected.partition("c1"))
    async with reader(connected.settings.brokers, tp) as consumer:
        records = [
            r async for some in stretch(consumer, tp, *await bounds(consumer, tp)) for r in some
        ]
    assert [(tp.partition, record.offset) for record in records] == [
        (placed["partition"], placed["offset"])
    ]
    label = CARDS.read_feedback(records[0].value)
    assert (records[0].key, label.key, label.label) == (b"c1", "c1", "fraud")
    assert label.label_id == placed["label_id"]


async def test_a_label_that_is_not_acknowledged_in_time_can_be_sent_again(
    connected: KnownView, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "ACKNOWLEDGED_WITHIN", 0.2)
    lease = connected.worker.guard.lease
    lease.renew(lease.clock() - 1e6)  # nothing is sent any more
    client = await serve(connected)
    response = await client.post(
        "/feedback", data=body(label_id="mine"), headers={"Content-Type": JSON}
    )
    assert response.status == 503
    assert "label_id mine" in (await response.json())["error"]
    lease.renew(lease.clock())
