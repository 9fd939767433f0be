"""A customer's record, as JSON and as a page."""

import pytest

from app.streams.fraud.pages.customer import customer_state
from tests.web.cards import AT, history
from tests.web.conftest import HTML, XSS, Serve, ViewOf

ALL = [0, 1, 2, 3]


async def test_events_come_newest_first_with_the_fraud_marked(
    view_of: ViewOf, serve: Serve
) -> None:
    view = view_of(ALL)
    view.know_customer("c1")
    client = await serve(view)
    state = await (await client.get("/state/customers/c1")).json()
    assert [event["amount"] for event in state["events"]] == [300.0, 12.5, 10.0]
    assert [event["fraud"] for event in state["events"]] == [True, None, None]
    assert state["transactions"] == 3
    assert state["windows"][3] == {"name": "1d", "seconds": 86400, "count": 3, "sum": 322.5}
    assert state["labels"][0]["known"] == AT + 9
    assert state["bytes"] == len(history().encode())
    assert (state["partition"], state["worker"]) == (view.partition("c1"), view.settings.url)


async def test_the_page_says_the_same(view_of: ViewOf, serve: Serve) -> None:
    view = view_of(ALL)
    view.know_customer("c1")
    page = await (await (await serve(view)).get("/state/customers/c1", headers=HTML)).text()
    assert "<title>Customer c1</title>" in page
    assert page.count('<span class="verdict positive">fraud</span>') == 2
    assert '<td class="number">300.00</td>' in page
    assert "//" not in page.replace(view.settings.url, "").replace("<!doctype", "")
    assert "style=" not in page, "the policy forbids inline styles"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("nobody", 404, "no customer 'nobody' is known"),
        ("a" * 129, 400, "an id must be 1 to 128 bytes long"),
        ("%00threshold", 400, "an id must not contain a NUL character"),
    ],
)
async def test_what_is_no_customer_is_said_in_one_sentence(
    path: str, status: int, words: str, view_of: ViewOf, serve: Serve
) -> None:
    response = await (await serve(view_of(ALL))).get(f"/state/customers/{path}")
    assert response.status == status
    assert (await response.json())["error"] == words


@pytest.mark.parametrize("customer", [XSS, "a/../b%2F?c"], ids=["a script", "a path"])
async def test_any_id_is_found_and_escaped(customer: str, view_of: ViewOf, serve: Serve) -> None:
    view = view_of(ALL)
    view.know_customer(customer)
    client = await serve(view)
    query = {"what": "customers", "id": customer}
    assert (await (await client.get("/look", params=query)).json())["customer"] == customer
    page = await (await client.get("/look", params=query, headers=HTML)).text()
    assert "<script>alert" not in page


def test_a_record_without_a_place_has_no_home() -> None:
    state = customer_state("c1", history())
    assert state["home"] is None
    assert {event["place"] for event in state["events"]} == {None}
