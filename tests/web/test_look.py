"""The search box: what it offers, and where it leads."""

import pytest

from tests.web import readings
from tests.web.conftest import Serve, ViewOf


@pytest.mark.parametrize("kind", ["transactions", "customers", "merchants"])
async def test_what_is_looked_up_has_a_page(kind: str, view_of: ViewOf, serve: Serve) -> None:
    client = await serve(view_of([]))
    found = await client.get(
        "/look", params={"what": kind, "id": " a/b <c> "}, allow_redirects=False
    )
    assert found.status == 303
    assert found.headers["Location"] == f"/state/{kind}/a%2Fb%20%3Cc%3E"
    assert (
        f'<option value="{kind}">{kind[:-1].capitalize()}</option>'
        in await (await client.get("/")).text()
    )


async def test_the_box_offers_what_the_application_has_pages_for(
    view_of: ViewOf, serve: Serve
) -> None:
    client = await serve(view_of([], readings.application))
    page = await (await client.get("/")).text()
    assert page.count("<option") == 2
    for kind in ("readings", "machines"):
        assert f'<option value="{kind}">' in page


@pytest.mark.parametrize("query", ["what=halls&id=x", "what=machines&id=+", "id=x", ""])
async def test_what_has_no_page_is_refused(query: str, view_of: ViewOf, serve: Serve) -> None:
    client = await serve(view_of([], readings.application))
    refused = await client.get(f"/look?{query}")
    assert refused.status == 400
    assert (await refused.json())["error"] == (
        "say what to look for (reading or machine) and give its id"
    )


async def test_an_id_with_a_slash_is_found(view_of: ViewOf, serve: Serve) -> None:
    view = view_of([0, 1, 2, 3])
    view.know_transaction("a/../b%2F?c", "c1")
    client = await serve(view)
    query = {"what": "transactions", "id": "a/../b%2F?c"}
    state = await (await client.get("/look", params=query)).json()
    assert state["transaction"] == "a/../b%2F?c"
