"""Commands that ask a worker: what they print, and what they say when nobody answers."""

import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from rich.console import Console
from typer.testing import CliRunner

from app.cli import cli
from app.cli.tables import drawn, styles_of
from app.core.models.zoo import ZOO
from app.streams.fraud.pages.customer import customer_state
from app.streams.fraud.pages.merchant import merchant_state
from app.streams.fraud.tables import TABLES
from app.web.state import event_state
from tests.cards import weigh
from tests.web import cards
from tests.web.conftest import KnownView, Serve, ViewOf, serve, view_of

__all__ = ["serve", "view_of"]  # fixtures of the web tests
CLOSED = "http://127.0.0.1:1"


@pytest.fixture
def known(view_of: ViewOf) -> KnownView:
    """A worker that knows one customer and one labelled transaction."""
    view = view_of([0, 1, 2, 3])
    view.know_customer("c1")
    view.know_transaction("t2", "c1", cards.said("fraud", actor="anna"))
    return view


def printed(what: str, found: dict, styles: dict | None = None) -> str:
    console = Console(width=120, color_system="standard" if styles else None, force_terminal=True)
    with console.capture() as capture:
        for title, body in TABLES[what](found):
            console.print(drawn(title, body, styles or {}))
    return capture.get()


def transaction(view: KnownView) -> dict:
    partition = view.partition("c1")
    prediction, entry = view.prediction("t2", partition), view.labels("t2", partition)
    return event_state(view.application, "t2", prediction, entry, view.state)


def test_a_transaction_is_printed_with_its_label_and_where_it_was_learned(
    known: KnownView,
) -> None:
    text = printed("transaction", transaction(known))
    for words in (
        "review",
        "0.83",
        "0.625",
        "25.0 times",
        "anna",
        "holds",
        "on its way to be learned",
    ):
        assert words in text


def test_decisions_and_the_applications_words_have_their_colours(known: KnownView) -> None:
    text = printed("transaction", transaction(known), styles_of(known.application.labels))
    assert "\x1b[33mreview\x1b[0m" in text and "\x1b[31mfraud\x1b[0m" in text


def test_an_event_that_is_not_known_yet_is_printed_too(known: KnownView) -> None:
    waiting = event_state(known.application, "t9", None, None, known.state)
    assert "not known yet" in printed("transaction", waiting)


def test_a_customer_and_a_merchant_are_printed(known: KnownView) -> None:
    state = customer_state("[red]c1", cards.history())
    text = printed("customer", state | {"partition": 3, "worker": "w"})
    assert "customer [red]c1" in text, "an id is not markup"
    assert "300.00" in text
    assert "frauds in a row" in printed("merchant", merchant_state("m", "", 0, known.state))


async def run(*args: str) -> tuple[int, str, str]:
    """The command in a thread of its own, because it runs an event loop."""
    result = await asyncio.to_thread(CliRunner().invoke, cli, args)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(("what", "key"), [("customer", "c1"), ("transaction", "t2")])
async def test_state_as_json_is_what_the_worker_answers(
    what: str, key: str, known: KnownView, serve: Serve
) -> None:
    await serve(known)
    code, out, _ = await run("state", what, key, "--json", "--url", known.settings.url)
    assert code == 0
    assert json.loads(out)[what] == key


async def test_state_is_printed_as_tables(known: KnownView, serve: Serve) -> None:
    await serve(known)
    url = known.settings.url
    code, out, _ = await run("state", "transaction", "t2", "--customer", "c1", "--url", url)
    assert code == 0
    assert "transaction t2" in out and "anna" in out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("state", "card", "c1"), "'card' must be one of customer, merchant, transaction"),
        (("label", "t1", "stolen"), "'stolen' must be one of fraud, legit, unsure, none"),
        (
            ("label", "t1", "fraud", "--source", "maturity"),
            "'maturity' must be one of chargeback, analyst, customer",
        ),
        (
            ("label", "t1", "fraud", "--source", "stream"),
            "'stream' must be one of chargeback, analyst, customer",
        ),
    ],
    ids=["kind", "label", "maturity", "stream"],
)
async def test_words_that_are_not_the_applications_are_refused(
    args: tuple[str, ...], words: str
) -> None:
    code, _, err = await run(*args)
    assert code == 2
    assert words in " ".join(err.replace("│", " ").split())


@pytest.mark.parametrize(
    "args",
    [
        ("state", "customer", "c1"),
        ("label", "t1", "fraud"),
        ("model", "list"),
    ],
    ids=["state", "label", "model list"],
)
async def test_without_a_worker_one_sentence_says_so(args: tuple[str, ...]) -> None:
    code, _, err = await run(*args, "--url", CLOSED)
    assert code == 1
    assert err.strip() == (
        f"weir: no worker answers at {CLOSED}: start one with weir worker, or give --url"
    )


async def test_what_the_worker_refuses_is_passed_on(known: KnownView, serve: Serve) -> None:
    await serve(known)
    code, _, err = await run("state", "customer", "c9", "--url", known.settings.url)
    assert code == 1
    assert "no customer 'c9' is known" in err


@pytest.fixture
async def stranger() -> AsyncIterator[str]:
    """The URL of a server that is no worker."""

    async def greet(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    server = web.Application()
    server.router.add_get("/{path:.*}", greet)
    async with TestServer(server) as running:
        yield str(running.make_url("/"))


async def test_another_server_is_recognised(stranger: str) -> None:
    code, _, err = await run("state", "customer", "c1", "--url", stranger)
    assert code == 1
    assert "is not a worker of Weir" in err


async def test_the_zoo_is_listed_without_a_worker() -> None:
    code, out, _ = await run("model", "list", "--json")
    assert code == 0
    names = [entry["name"] for entry in json.loads(out)["models"]]
    assert names == list(ZOO)


async def test_the_models_of_a_worker_are_listed_with_the_weights_of_its_partitions(
    known: KnownView, serve: Serve
) -> None:
    known.connect()
    weigh(known.state, 0.0, 0.25, 0.0, 0.5)
    await serve(known)
    code, out, _ = await run("model", "list", "--url", known.settings.url)
    assert code == 0
    table = out.partition("partitions' own models")[2].partition("snapshots")[0]
    assert re.findall(r"([0-3]) +([0-9.]+ %)", table) == [
        ("0", "0.0 %"),
        ("1", "25.0 %"),
        ("2", "0.0 %"),
        ("3", "50.0 %"),
    ]
