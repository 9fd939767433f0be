"""Labels by POST: what is taken, what is refused."""

import json

import pytest
from aiohttp import web

from app.web.feedback import MAX_BYTES, read_label
from tests.web.conftest import Serve, ViewOf

NOW = 1_767_225_600_000


def body(**fields: object) -> bytes:
    return json.dumps({"id": "t1", "customer": "c1", "label": "fraud", **fields}).encode()


def test_what_is_missing_is_filled_in() -> None:
    feedback = read_label("application/json", body(), NOW)
    assert (feedback.source, feedback.at) == ("analyst", NOW)
    assert feedback.label_id
    assert feedback.label_id == read_label("application/json", body(), NOW).label_id


def test_what_is_given_stays() -> None:
    given = body(source="chargeback", at=5, label_id="mine", note="phoned")
    feedback = read_label("application/json", given, NOW)
    assert (feedback.source, feedback.at) == ("chargeback", 5)
    assert (feedback.label_id, feedback.note) == ("mine", "phoned")


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
        (body(actor="4111 1111 1111 1111"), "`actor` is a card number"),
    ],
)
def test_what_is_no_label_is_refused_by_name(raw: bytes, words: str) -> None:
    with pytest.raises(web.HTTPBadRequest) as refused:
        read_label("application/json", raw, NOW)
    assert words in (refused.value.text or "")


@pytest.mark.parametrize(
    ("headers", "data", "status"),
    [
        ({"Content-Type": "text/plain"}, body(), 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"id=t1", 415),
        ({"Content-Type": "application/json"}, b" " * (MAX_BYTES + 1), 413),
        ({"Content-Type": "application/json"}, b"{}", 400),
        ({"Content-Type": "application/json"}, body(), 503),
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
