"""/features: what features were worth in the worker's latest decisions."""

import pytest

from app.wire import encode
from tests.web.cards import example, prediction
from tests.web.conftest import Serve, ViewOf


async def test_use_and_worth_are_those_of_the_latest_decisions(
    view_of: ViewOf, serve: Serve
) -> None:
    view = view_of([0])
    for offset, y in enumerate([1, 0, 1, 1]):
        view.state.fold(example(y, offset), offset)
    only, both = {"amount": 300.0}, {"amount": 5.0, "hour": 3.0}
    for n, features in enumerate([only, only, only, both]):
        view.sensors.newest.append(encode(prediction(f"t{n}", "c1", features=features)))
    client = await serve(view)
    found = await (await client.get("/features")).json()
    assert (found["decisions"], found["features"]) == (4, view.application.feature_set)
    table = {one["name"]: one for one in found["table"]}
    assert list(table) == [feature.name for feature in view.application.features]
    scope = view.application.scope
    shares = [view.state.contributions(x, 0, scope)["amount"] for x in (only, only, only, both)]
    assert table["amount"]["worth"] == pytest.approx(sum(map(abs, shares)) / 4)
    assert table["amount"]["worth"] > 0
    assert (table["amount"]["use"], table["hour"]["use"]) == (1.0, 0.25)
    assert (table["night"]["use"], table["night"]["worth"]) == (0.0, 0.0)
    assert table["hour"]["sentence"] == "Hour of the day, UTC."


async def test_before_the_first_decision_nothing_is_known(view_of: ViewOf, serve: Serve) -> None:
    client = await serve(view_of([0]))
    found = await (await client.get("/features")).json()
    assert found["decisions"] == 0
    assert {(one["use"], one["worth"]) for one in found["table"]} == {(None, None)}


async def test_people_get_a_page(view_of: ViewOf, serve: Serve) -> None:
    view = view_of([0])
    client = await serve(view)
    html = {"Accept": "text/html"}
    assert "before the first decision" in await (await client.get("/features", headers=html)).text()
    view.sensors.newest.append(encode(prediction("t1", "c1", features={"amount": 5.0})))
    page = await (await client.get("/features", headers=html)).text()
    assert "Of the latest 1 decisions" in page
    assert "<code>amount</code>" in page and "100.0 %" in page
