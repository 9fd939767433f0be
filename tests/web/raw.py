"""Requests as bytes on a socket: what no HTTP client would send."""

import asyncio
import json
from typing import NamedTuple

from aiohttp.test_utils import TestClient


class Answer(NamedTuple):
    """The first answer on a connection: status, and the sentence of a refusal."""

    status: int
    error: str


async def ask(client: TestClient, *parts: bytes, pause: float = 0.0, within: float = 5.0) -> bytes:
    """Everything that comes back on a connection for these bytes, until the server closes it.

    Parameters
    ----------
    pause
        Seconds between two parts.
    """
    reader, writer = await asyncio.open_connection(client.host, client.port)
    try:
        async with asyncio.timeout(within):
            listening = asyncio.ensure_future(reader.read())
            for part in parts:
                writer.write(part)
                await asyncio.wait([listening], timeout=pause)
                if listening.done():
                    break
            return await listening
    except ConnectionError:
        return b""
    finally:
        writer.close()


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
