"""One transaction and everything that can be said of it: log, merchant and page after each word."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import ClientSession

from app.apps import set_up
from app.broker.broker import Broker
from app.settings import read_settings
from app.streams.fraud.messages import Feedback, Transaction, read_example, read_feedback
from tests.system.workers import Kafka, until, workers

AT = 1_767_225_600_000
PAYMENT = Transaction(id="t1", at=AT, customer="c1", merchant="m1", amount=20.0, country="DE")


class Word(NamedTuple):
    """What is said, and what is so afterwards.

    `standing` is of all labels so far, `taught` what the models are taught now (None for
    nothing), `merchant` its labels, its frauds in the place and its run of frauds.
    """

    source: str
    actor: str
    label: str
    standing: list[str]
    taught: str | None
    merchant: tuple[float, int, int]


STORY = [
    Word("analyst", "ann", "fraud", ["holds"], "learned as fraud", (1, 1, 1)),
    Word(
        "analyst",
        "ann",
        "legit",
        ["disagrees", "holds"],
        "corrected from fraud to legit",
        (1, 0, 0),
    ),
    Word(
        "chargeback",
        "bank",
        "fraud",
        ["agrees", "outranked", "holds"],
        "corrected from legit to fraud",
        (1, 1, 1),
    ),
    Word(
        "chargeback",
        "bank",
        "none",
        ["disagrees", "holds", "withdrawn", "withdrawal"],
        "corrected from fraud to legit",
        (1, 0, 0),
    ),
    Word(
        "customer",
        "",
        "unsure",
        ["disagrees", "holds", "withdrawn", "withdrawal", "unsure"],
        None,
        (1, 0, 0),
    ),
    Word(
        "analyst",
        "bob",
        "fraud",
        ["agrees", "disagrees", "withdrawn", "withdrawal", "unsure", "holds"],
        "corrected from legit to fraud",
        (1, 1, 1),
    ),
    Word(
        "analyst",
        "bob",
        "none",
        ["withdrawn", "withdrawn", "withdrawn", "withdrawal", "unsure", "withdrawn", "withdrawal"],
        "fraud taken back",
        (0, 0, 1),
    ),
]
VALUES = {"fraud": 1, "legit": 0, "none": None}


class Watch:
    """A worker's answers and the logs behind them."""

    def __init__(self, url: str, http: ClientSession, kafka: Kafka) -> None:
        self.url, self.http, self.kafka = url, http, kafka

    async def transaction(self) -> dict[str, Any]:
        async with self.http.get(self.url + "/state/transactions/t1?customer=c1") as response:
            return await response.json()

    async def merchant(self) -> tuple[float, int, int]:
        async with self.http.get(self.url + "/state/merchants/m1?location=DE") as response:
            found = await response.json()
        return found["labels"], found["location_frauds"], found["run"]["length"]

    async def page(self) -> str:
        html = {"Accept": "text/html"}
        url = self.url + "/state/transactions/t1?customer=c1"
        async with self.http.get(url, headers=html) as response:
            return await response.text()

    async def settled(self, words: int) -> dict[str, Any] | None:
        """The state once so many labels are in it, and the models have what they gave."""
        state = await self.transaction()
        done = len(state.get("labels", ())) == words and state["learned"]["folded"]
        return state if done else None


async def test_each_word_shows_in_the_log_the_merchant_and_the_page(
    broker: Broker, fresh: str, tmp_path: Path
) -> None:
    settings = read_settings(
        brokers=broker.bootstrap, topic_prefix=fresh, app_id=fresh + "weir", partitions=2
    )
    await set_up(settings).create_topics()
    async with (
        workers(settings, tmp_path, 1) as (worker,),
        Kafka(settings) as kafka,
        ClientSession() as http,
    ):
        await kafka.transactions([PAYMENT])
        await until(worker.joined)
        watch = Watch(worker.url, http, kafka)
        for number, word in enumerate(STORY, 1):
            await say(kafka, word, AT + number)
            state = await until(partial(watch.settled, number))
            await check(watch, state, STORY[:number])
        told = [read_feedback(r.value).source for r in await kafka.read(kafka.topics.feedback)]
        assert told == [word.source for word in STORY], "maturity is off"


async def say(kafka: Kafka, word: Word, at: int) -> None:
    said = Feedback(
        id="t1", key="c1", label=word.label, source=word.source, actor=word.actor, at=at
    )
    await kafka.feedback([said])


async def check(watch: Watch, state: dict[str, Any], story: list[Word]) -> None:
    now = story[-1]
    lessons = [word.taught for word in story if word.taught]
    assert [label["standing"] for label in state["labels"]] == now.standing
    assert [label["holds"] for label in state["labels"]] == [s == "holds" for s in now.standing]
    assert [lesson["words"] for lesson in state["taught"]] == lessons
    assert state["learned"] == state["taught"][-1]
    assert await watch.merchant() == pytest.approx(now.merchant)
    log = await watch.kafka.read(watch.kafka.topics.examples)
    examples = [read_example(record.value) for record in log]
    assert [e.y for e in examples] == [VALUES[lesson["label"]] for lesson in state["taught"]]
    replaced = [e.previous and e.previous.label for e in examples]
    assert replaced == [None, *(e.y for e in examples[:-1])], "each names what it replaces"
    page = await watch.page()
    for words in (*now.standing, *lessons):
        assert words in page
