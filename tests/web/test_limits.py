"""What a connection may cost, on raw sockets: slow and large heads and bodies, and too many."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp.test_utils import TestClient

from app.web import feedback
from app.web.limits import Limits
from tests.system.workers import until
from tests.web.conftest import Serve, ViewOf
from tests.web.raw import ask, read, request

HOST = "Host: localhost"
GET = request("/healthz", HOST)
KEPT = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = ("Content-Type: application/json", HOST)
SOON = Limits(head_within=0.3, answer_within=1.0, idle=0.6, linger=0.2)

Served = Callable[[Limits], Awaitable[TestClient]]


@pytest.fixture
def served(view_of: ViewOf, serve: Serve) -> Served:
    """A worker's pages with limits."""
    return lambda limits: serve(view_of([]), limits)


@asynccontextmanager
async def connection(
    client: TestClient,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(client.host, client.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def test_a_head_that_trickles_is_ended(served: Served) -> None:
    client = await served(SOON)
    trickle = [GET[at : at + 1] for at in range(len(GET))]
    answer = read(await ask(client, *trickle, pause=0.05))
    assert answer.status == 408
    assert "the head of the request was not complete within" in answer.error


async def test_the_time_for_a_head_begins_with_its_first_byte(served: Served) -> None:
    client = await served(SOON)
    parts = [KEPT, b"", b"", b"", *(KEPT[at : at + 1] for at in range(20))]
    raw = await ask(client, *parts, pause=0.12, answers=2)
    assert raw.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in raw


async def test_a_connection_without_a_request_is_closed(served: Served) -> None:
    client = await served(SOON)
    assert await ask(client) == b""
    assert (await ask(client, KEPT)).count(b"HTTP/1.1 200 ") == 1  # and closed once idle


async def test_a_body_that_trickles_is_ended(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "BODY_WITHIN", 0.3)
    client = await served(Limits(linger=0.2))
    head = request("/feedback", *POST, "Content-Length: 1000", method="POST")
    answer = read(await ask(client, head, *(b" " for _ in range(100)), pause=0.05))
    assert answer.status == 408
    assert "the label was not complete within" in answer.error


@pytest.mark.parametrize("target", ["/healthz", "/nowhere"])
async def test_a_body_that_nobody_wants_is_not_waited_for(target: str, served: Served) -> None:
    client = await served(SOON)
    head = request(target, *POST, "Content-Length: 1000000000", method="POST")
    answer = read(await ask(client, head, *(b" " * 1000 for _ in range(100)), pause=0.05))
    assert answer.status in (404, 405)


async def test_a_client_that_does_not_read_is_cut_off(served: Served) -> None:
    client = await served(SOON)
    async with connection(client) as (_, writer):
        asked = b"GET /static/weir.css HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(20):
                while True:
                    writer.write(asked * 1000)
                    await writer.drain()


@pytest.mark.parametrize(
    ("raw", "status", "words"),
    [
        (request("/" + "a" * 9000, HOST), 431, "a line of the head may be 8190 bytes long"),
        (request("/", HOST, "X: " + "a" * 9000), 431, "a line of the head may be 8190 bytes long"),
        (request("/", HOST, *(f"X-{n}: {'a' * 4000}" for n in range(9))), 431, "32768 bytes long"),
        (request("/", HOST, *(f"X-{n}: a" for n in range(70))), 400, "not an HTTP request"),
        (
            b"POST /feedback HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
            400,
            "not an HTTP request",
        ),
        (
            request("/feedback", *POST, "Content-Length: 9000000000", method="POST"),
            413,
            "the label is too large",
        ),
        (
            request(
                "/feedback",
                *POST,
                "Transfer-Encoding: chunked",
                method="POST",
                body=b"5000\r\n" + b" " * 0x5000 + b"\r\n0\r\n\r\n",
            ),
            413,
            "the label is too large",
        ),
        (
            request(
                "/feedback",
                *POST,
                "Transfer-Encoding: chunked",
                method="POST",
                body=b"zz\r\n{}\r\n",
            ),
            400,
            "",
        ),
        (
            request(
                "/feedback",
                *POST,
                "Content-Encoding: gzip",
                "Content-Length: 4",
                method="POST",
                body=b"\x1f\x8bno",
            ),
            400,
            "",
        ),
    ],
)
async def test_what_is_too_large_or_broken_is_refused_plainly(
    raw: bytes,
    status: int,
    words: str,
    served: Served,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = await served(SOON)
    answer = read(await ask(client, raw))
    assert (answer.status, words in answer.error) == (status, True), answer
    assert answer.error
    assert "Traceback" not in caplog.text


async def test_a_head_in_many_short_lines_is_limited_too(served: Served) -> None:
    client = await served(Limits(head_bytes=2000))
    lines = [b"GET / HTTP/1.1\r\n", *(b"X-%d: %s\r\n" % (n, b"a" * 100) for n in range(60))]
    answer = read(await ask(client, *lines, pause=0.001))
    assert answer.status == 431
    assert "2000 bytes" in answer.error


@pytest.mark.parametrize("limits", [Limits(connections=5), Limits(per_address=5)])
async def test_connections_are_counted_and_those_beyond_the_limit_refused(
    limits: Limits, served: Served
) -> None:
    client = await served(limits)
    async with AsyncExitStack() as stack:
        for _ in range(5):
            _, writer = await stack.enter_async_context(connection(client))
            writer.write(GET[:10])  # under way, so it need not give way
        answer = read(await ask(client, GET))
        assert answer.status == 503
        assert "too many connections" in answer.error

    async def free() -> bool:
        return b" 200 " in await ask(client, GET)

    await until(free, 5)


async def test_an_idle_connection_gives_way_to_a_new_one(served: Served) -> None:
    client = await served(Limits(connections=3))
    async with AsyncExitStack() as stack:
        held = [await stack.enter_async_context(connection(client)) for _ in range(3)]
        for reader, writer in held:
            writer.write(KEPT)
            assert b"200" in await reader.readuntil(b"}")
        assert b" 200 " in await ask(client, GET)
        assert await held[0][0].read() == b""  # the oldest one was closed


async def test_beyond_those_who_are_told_connections_are_cut(served: Served) -> None:
    client = await served(Limits(connections=1, turned_away=2, linger=30))
    async with AsyncExitStack() as stack:
        _, writer = await stack.enter_async_context(connection(client))
        writer.write(GET[:10])
        told = [await stack.enter_async_context(connection(client)) for _ in range(2)]
        for reader, _ in told:
            assert b" 503 " in await reader.readuntil(b"}")
        assert await ask(client, GET) == b""
