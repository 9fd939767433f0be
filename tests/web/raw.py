"""Requests as bytes on a socket: what no HTTP client would send."""

import asyncio
import json
from contextlib import suppress
from typing import NamedTuple

from aiohttp.test_utils import TestClient


class Answer(NamedTuple):
    """The first answer on a connection: status, and the sentence of a refusal."""

    status: int
    error: str


async def ask(
    client: TestClient, *parts: bytes, pause: float = 0.0, answers: int = 1, within: float = 5.0
) -> bytes:
    """Everything that comes back on a connection for these bytes, until the server closes it.

    Nothing is sent any more once the last of the `answers` has begun: a server that has closed
    answers that with a reset, which takes away what it said before.

    Parameters
    ----------
    pause
        Seconds between two parts.
    """
    reader, writer = await asyncio.open_connection(client.host, client.port)
    said = bytearray()
    try:
        async with asyncio.timeout(within):
            listening = asyncio.ensure_future(_listen(reader, said))
            for part in parts:
                writer.write(part)
                await asyncio.wait([listening], timeout=pause)
                if listening.done() or said.count(b"HTTP/1.1 ") == answers:
                    break
            await listening
    finally:
        writer.close()
    return bytes(said)


async def _listen(reader: asyncio.StreamReader, said: bytearray) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65536):
            said += piece


def read(raw: bytes) -> Answer:
    """An answer from its bytes."""
    head, _, body = raw.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    error = json.loads(body).get("error", "") if status >= 400 else ""
    return Answer(status, error)


def request(
    target: str = "/healthz", *headers: str, method: str = "GET", body: bytes = b""
) -> bytes:
    """The bytes of a request that asks for the connection to be closed after it."""
    lines = [f"{method} {target} HTTP/1.1", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
