"""A key of another worker is answered by asking that worker, and never in circles."""

import asyncio

import pytest

from tests.web.cards import said
from tests.web.conftest import KnownView, Serve, ViewOf


@pytest.fixture
def pair(view_of: ViewOf) -> tuple[KnownView, KnownView]:
    """Two workers that know of each other; the second one holds partitions 2 and 3."""
    first, second = view_of([0, 1]), view_of([2, 3])
    first.elsewhere = dict.fromkeys([2, 3], second.settings.url)
    second.elsewhere = dict.fromkeys([0, 1], first.settings.url)
    return first, second


def owner_of(pair: tuple[KnownView, KnownView], customer: str) -> KnownView:
    return next(view for view in pair if view.partition(customer) in view.assigned())


@pytest.mark.parametrize("customer", ["c1", "c2", "a/b <c> é"])
async def test_both_workers_answer_for_a_key_of_either(
    customer: str, pair: tuple[KnownView, KnownView], serve: Serve
) -> None:
    owner_of(pair, customer).know_customer(customer)
    answers = []
    for client in [await serve(view) for view in pair]:
        found = await client.get("/look", params={"what": "customers", "id": customer})
        answers.append(await found.json())
    assert answers[0] == answers[1]
    assert answers[0]["customer"] == customer
    assert answers[0]["worker"] == owner_of(pair, customer).settings.url


@pytest.mark.parametrize("query", ["", "?customer=c1"], ids=["everybody asked", "holder asked"])
async def test_an_event_is_found_on_the_other_worker(
    query: str, pair: tuple[KnownView, KnownView], serve: Serve
) -> None:
    owner_of(pair, "c1").know_transaction("t/1", "c1", said("fraud", "t/1"))
    for client in [await serve(view) for view in pair]:
        state = await (await client.get("/state/transactions/t%2F1" + query)).json()
        assert state["prediction"]["customer"] == "c1"
        assert state["labels"][0]["holds"] is True


async def test_an_event_that_nobody_has_is_not_found(
    pair: tuple[KnownView, KnownView], serve: Serve
) -> None:
    clients = [await serve(view) for view in pair]
    assert (await clients[0].get("/state/transactions/t9")).status == 404


@pytest.mark.parametrize("opening", [0, 1], ids=["of the one asked", "of the other one"])
async def test_while_a_partition_is_being_opened_nobody_says_that_there_is_no_such_event(
    opening: int, pair: tuple[KnownView, KnownView], serve: Serve
) -> None:
    pair[opening].opening = {pair[opening].assigned()[0]}
    clients = [await serve(view) for view in pair]
    response = await clients[0].get("/state/transactions/t9")
    assert response.status == 503
    assert "not every partition could be searched" in (await response.json())["error"]


async def test_two_workers_that_take_each_other_for_the_holder_do_not_ask_for_ever(
    view_of: ViewOf, serve: Serve
) -> None:
    first, second = view_of([]), view_of([])
    first.elsewhere = dict.fromkeys(range(4), second.settings.url)
    second.elsewhere = dict.fromkeys(range(4), first.settings.url)
    client, _ = await serve(first), await serve(second)
    async with asyncio.timeout(2):
        response = await client.get("/state/customers/c1")
    assert response.status == 503
    assert "does not hold partition" in (await response.json())["error"]


async def test_a_holder_that_is_gone_is_a_bad_gateway(
    pair: tuple[KnownView, KnownView], serve: Serve
) -> None:
    client = await serve(pair[0])
    customer = "c1" if pair[0] is not owner_of(pair, "c1") else "c2"
    response = await client.get(f"/state/customers/{customer}")
    assert response.status == 502
    assert "cannot be reached" in (await response.json())["error"]
    silent = await client.get("/state/transactions/t1")
    assert silent.status == 503
    assert "not every partition could be searched" in (await silent.json())["error"]


async def test_a_partition_that_nobody_holds_is_changing_hands(
    view_of: ViewOf, serve: Serve
) -> None:
    client = await serve(view_of([]))
    response = await client.get("/state/customers/c1")
    assert response.status == 503
    assert (
        "is changing hands: the consumer group is rebalancing" in (await response.json())["error"]
    )
