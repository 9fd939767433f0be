"""How commands ask a running worker."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from app.cli.sentences import awaited
from app.errors import WeirError

TIMEOUT = 5.0  # seconds


def ask_worker(url: str, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The JSON with which a worker's web views answer.

    Raises
    ------
    WeirError
        No worker answers there, or it says why it cannot answer this.
    """
    return awaited(_ask(url, path, query or {}))


def state_path(kind: str, id: str) -> str:
    """Where the state of one of a kind is found.

    >>> state_path("customers", "a/b")
    '/state/customers/a%2Fb'
    """
    return f"/state/{kind}/{quote(id, safe='')}"


async def _ask(url: str, path: str, query: Mapping[str, str]) -> dict[str, Any]:
    from aiohttp import ClientError, ClientSession, ClientTimeout, ContentTypeError
    from yarl import URL

    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=TIMEOUT)) as session,
            session.get(URL(url.rstrip("/") + path, encoded=True), params=query) as response,
        ):
            answer: dict[str, Any] = await response.json()
            if response.status != 200:
                raise WeirError(f"{url} says: {answer.get('error', response.reason)}")
            return answer
    except (ContentTypeError, ValueError):
        raise WeirError(f"what answers at {url} is not a worker of Weir") from None
    except (ClientError, TimeoutError):
        raise WeirError(
            f"no worker answers at {url}: start one with weir worker, or give --url"
        ) from None
