"""A merchant as its labels show it, as JSON and as a page."""

from app.streams.fraud.pages.merchant import merchant_state
from tests.web.cards import AT, example
from tests.web.conftest import HTML, XSS, Serve, ViewOf


async def test_a_merchant_without_labels_has_the_overall_risk(
    view_of: ViewOf, serve: Serve
) -> None:
    client = await serve(view_of([]))
    state = await (await client.get("/state/merchants/m9?location=DE&at=1000")).json()
    assert state["labels"] == 0
    assert state["risk"]["1d"] == state["risk"]["30d"]
    assert state["at"] == 1000
    page = await (await client.get("/state/merchants/m9", headers=HTML)).text()
    assert "No label of this merchant has been learned yet." in page
    assert "frauds without a location" in page


async def test_labels_raise_the_risk_and_the_runs(view_of: ViewOf, serve: Serve) -> None:
    view = view_of([])
    for offset in range(3):
        view.state.fold(example(1, offset), offset)
    client = await serve(view)
    state = await (await client.get("/state/merchants/m1?location=DE")).json()
    assert (state["labels"], state["run"]["length"], state["location_frauds"]) == (3, 3, 3)
    assert state["risk"]["1d"] > 0.5
    assert (state["at"], state["version"]) == (AT, 3)
    page = await (await client.get("/state/merchants/m1?location=DE", headers=HTML)).text()
    assert "frauds at DE" in page


async def test_what_is_no_time_is_refused(view_of: ViewOf, serve: Serve) -> None:
    response = await (await serve(view_of([]))).get("/state/merchants/m1?at=soon")
    assert response.status == 400
    assert (await response.json())["error"] == "`at` must be a time in epoch milliseconds"


async def test_ids_are_escaped(view_of: ViewOf, serve: Serve) -> None:
    client = await serve(view_of([]))
    query = {"what": "merchants", "id": XSS}
    page = await (await client.get("/look", params=query, headers=HTML)).text()
    assert "&lt;script&gt;alert" in page
    assert "<script>alert" not in page


def test_the_time_is_that_of_the_latest_label_unless_one_is_given(view_of: ViewOf) -> None:
    state = view_of([]).state
    assert merchant_state("m1", "", None, state)["at"] == 0
    assert merchant_state("m1", "", 7, state)["at"] == 7
