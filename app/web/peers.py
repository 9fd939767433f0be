"""How workers ask each other.

The addresses come from the group's assignment, so only its members are asked. A worker that
was asked answers from its own state and asks nobody else: two workers that each take the other
for the holder of a partition would otherwise ask each other for ever.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, web
from yarl import URL

ASKED = "Weir-Asked"  # header of a request between workers
TIMEOUT = 2.5  # seconds


class Unreachable(Exception):
    """A worker did not answer in time, or not in JSON."""


class Peers:
    """The other workers of the group, over one HTTP session."""

    def __init__(self, own_url: str) -> None:
        self.own_url = own_url.rstrip("/")
        self._session: ClientSession | None = None

    async def connected(self, app: web.Application) -> AsyncIterator[None]:
        """Keep a session for as long as the server runs."""
        async with ClientSession(timeout=ClientTimeout(total=TIMEOUT)) as self._session:
            yield

    async def ask(
        self, url: str, path: str, query: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON of one worker's answer.

        Raises
        ------
        Unreachable
            It did not answer in time, or not in JSON.
        """
        assert self._session is not None, "the server runs"
        headers = {ASKED: "1", "Accept": "application/json"}
        try:
            async with self._session.get(
                URL(url + path, encoded=True),
                params=query or {},
                headers=headers,
                allow_redirects=False,
            ) as answer:
                return answer.status, await answer.json()
        except (ClientError, TimeoutError, ValueError) as error:
            why = str(error) or "no answer in time"
            raise Unreachable(f"the worker at {url} cannot be reached: {why}") from None

    async def ask_all(
        self, urls: Iterable[str], path: str, query: Mapping[str, str] | None = None
    ) -> dict[str, tuple[int, dict[str, Any]] | Unreachable]:
        """The answers of several workers, by their URL; of one that does not answer, why."""
        others = sorted(set(urls) - {self.own_url})
        answers = await asyncio.gather(
            *(self.ask(url, path, query) for url in others), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, Unreachable):
                raise answer
        return dict(zip(others, answers, strict=True))  # type: ignore[arg-type]


def was_asked(request: web.Request) -> bool:
    """Whether it is another worker that asks, so that the answer must come from here."""
    return ASKED in request.headers
