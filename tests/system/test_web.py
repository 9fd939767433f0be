"""The web views and commands with two real workers on the real broker."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession
from prometheus_client.parser import text_string_to_metric_families

from app.apps import set_up
from app.broker.broker import Broker
from app.core.partitioning import partition_of
from app.settings import Settings, read_settings
from app.streams.fraud.messages import Transaction
from tests.system.workers import Kafka, WorkerProcess, until, workers

AT = 1_767_225_600_000
XSS = "<img src=x onerror=alert(1)>"
CUSTOMERS = [*(f"c{n}" for n in range(8)), XSS]


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def get(http: ClientSession, url: str, **query: str) -> tuple[int, Any]:
    """Status and JSON; 0 while nothing listens."""
    try:
        async with http.get(url, params=query) as response:
            return response.status, await response.json()
    except ClientError:
        return 0, None


async def command(settings: Settings, *args: str) -> str:
    """What a command prints; it must succeed."""
    given = settings.model_dump(exclude_unset=True)
    env = os.environ | {f"WEIR_{name.upper()}": str(value) for name, value in given.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", *args, env=env, stdout=-1, stderr=-1
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_two_workers_answer_for_each_other_and_learn_what_is_posted(
    broker: Broker, fresh: str, tmp_path: Path, http: ClientSession
) -> None:
    settings = read_settings(
        brokers=broker.bootstrap, topic_prefix=fresh, app_id=fresh + "weir", session_timeout=6.0
    )
    await set_up(settings).create_topics()
    async with workers(settings, tmp_path, 2) as pair, Kafka(settings) as kafka:
        await until(partial(alive, http, pair))
        await until(partial(both_hold_some, http, pair))
        await kafka.transactions(
            Transaction(id=f"t-{customer}", at=AT, customer=customer, merchant="m1", amount=20.0)
            for customer in CUSTOMERS
        )
        await kafka.send(kafka.topics.events, "c1", b"{broken")
        await until(partial(decided, http, pair[0].url, len(CUSTOMERS)))
        await check_state_on_both(http, pair)
        await check_feedback(http, pair)
        await check_pages(http, pair[0].url)
        await check_commands(settings, pair[1].url)


async def alive(http: ClientSession, pair: list[WorkerProcess]) -> bool:
    return all([(await get(http, worker.url + "/healthz"))[0] == 200 for worker in pair])


async def both_hold_some(http: ClientSession, pair: list[WorkerProcess]) -> bool:
    """Ready without a single record, each with partitions of its own."""
    ready = [(await get(http, worker.url + "/readyz"))[0] for worker in pair]
    states = [(await get(http, worker.url + "/status"))[1] for worker in pair]
    return ready == [200, 200] and all(state["partitions"] for state in states)


async def decided(http: ClientSession, url: str, count: int) -> bool:
    _, state = await get(http, url + "/status", workers="all")
    return sum(state["together"]["decisions"].values()) == count


async def check_state_on_both(http: ClientSession, pair: list[WorkerProcess]) -> None:
    """Every customer and transaction, asked of both; both hold some of them."""
    holders = set()
    for customer in CUSTOMERS:
        asked = [
            (await get(http, f"{worker.url}/look", what=what, id=key))
            for worker in pair
            for what, key in [("customers", customer), ("transactions", f"t-{customer}")]
        ]
        assert [status for status, _ in asked] == [200] * 4
        assert asked[:2] == asked[2:]
        state = asked[0][1]
        assert state["partition"] == partition_of(customer, 4)
        assert state["transactions"] == 1
        assert asked[1][1]["prediction"]["customer"] == customer
        holders.add(state["worker"])
    assert holders == {worker.url for worker in pair}
    assert (await get(http, pair[0].url + "/state/transactions/none"))[0] == 404
    assert (await get(http, pair[1].url + "/models"))[1]["snapshots"] == []


async def check_feedback(http: ClientSession, pair: list[WorkerProcess]) -> None:
    """A label posted to one worker is settled, learned and shown by both."""
    label = {"id": "t-c1", "customer": "c1", "label": "fraud", "note": XSS}
    async with http.post(pair[0].url + "/feedback", json=label) as response:
        placed = await response.json()
        assert response.status == 202
    assert placed["partition"] == partition_of("c1", 4)

    async def learned(worker: WorkerProcess) -> dict[str, Any] | None:
        _, state = await get(http, worker.url + "/state/transactions/t-c1", customer="c1")
        return state if state["learned"] and state["learned"]["folded"] else None

    for worker in pair:
        state = await until(partial(learned, worker))
        assert [x["label_id"] for x in state["labels"] if x["holds"]] == [placed["label_id"]]
        assert state["learned"]["label"] == "fraud"

    async def known_of_merchant(worker: WorkerProcess) -> bool:
        return (await get(http, worker.url + "/state/merchants/m1"))[1]["labels"] == 1

    for worker in pair:
        await until(partial(known_of_merchant, worker))


async def check_pages(http: ClientSession, url: str) -> None:
    """Pages escape what came in records; metrics parse; Faust's own pages are off."""
    html = {"Accept": "text/html"}
    for path in ("/", "/panel", "/models", "/state/transactions/t-c1"):
        async with http.get(url + path, headers=html) as response:
            assert response.status == 200
            assert "<img src=x" not in await response.text()
    query = {"what": "customers", "id": XSS}
    async with http.get(url + "/look", params=query, headers=html) as response:
        page = await response.text()
        assert "&lt;img src=x" in page
        assert "<img src=x" not in page
    async with http.get(url + "/metrics") as response:
        families = list(text_string_to_metric_families(await response.text()))
    values = {family.name: family.samples[0].value for family in families if family.samples}
    assert values["weir_learning_version"] == 1
    assert values["weir_ready"] == 1
    for path in ("/table/", "/router/", "/graph/", "/assignment/", "/performance/"):
        assert (await get(http, url + path))[0] == 404


async def check_commands(settings: Settings, url: str) -> None:
    """The commands, against the same workers."""
    said = await command(settings, "label", "t-c2", "legit", "--url", url, "--actor", "bob")
    assert "published label" in said

    async def settled() -> bool:
        out = await command(settings, "state", "transaction", "t-c2", "--json", "--url", url)
        return [x["actor"] for x in json.loads(out)["labels"]] == ["bob"]

    await until(settled)
    assert "customer c1" in await command(settings, "state", "customer", "c1", "--url", url)
    models = json.loads(await command(settings, "model", "list", "--json", "--url", url))
    assert models["worker"]["scope"] == "both"
    letters = await command(settings, "dead-letters", "list", "--json")
    (letter,) = map(json.loads, letters.splitlines())
    assert letter["head"] == "{broken"
    assert "value" not in letter
    assert "dead letters" in await command(settings, "dead-letters", "list")
