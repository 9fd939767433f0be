"""The addresses of state: how they are made, and how what stands in them is read."""

import re
from collections.abc import Iterable
from urllib.parse import quote

from aiohttp import web

from app.wire import MAX_ID_BYTES, MAX_MS

STATE = re.compile(r"/state/([^/{}]+)/\{id\}")


def place(kind: str, key: str, **query: object) -> str:
    """The address of a page of state.

    >>> place("merchants", "a/b <c>", location="DE")
    '/state/merchants/a%2Fb%20%3Cc%3E?location=DE'
    """
    given = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items())
    return f"/state/{kind}/{quote(key, safe='')}" + (f"?{given}" if given else "")


def kinds_of(routes: Iterable[web.AbstractRouteDef]) -> list[str]:
    """What these routes show by its id, in their order.

    >>> async def show(request): ...
    >>> kinds_of([web.get("/state/customers/{id}", show), web.get("/models", show)])
    ['customers']
    """
    paths = [route.path for route in routes if isinstance(route, web.RouteDef)]
    return [found[1] for path in paths if (found := STATE.fullmatch(path))]


def singular(kind: str) -> str:
    """The word for one of a kind.

    >>> singular("transactions"), singular("entries")
    ('transaction', 'entry')
    """
    return kind[:-3] + "y" if kind.endswith("ies") else kind.removesuffix("s")


def read_id(text: str) -> str:
    """An id from an address; 400 for one that no message may carry."""
    if not text or len(text.encode(errors="replace")) > MAX_ID_BYTES:
        raise web.HTTPBadRequest(text=f"an id must be 1 to {MAX_ID_BYTES} bytes long")
    if "\0" in text:
        raise web.HTTPBadRequest(text="an id must not contain a NUL character")
    return text


def read_time(text: str | None) -> int | None:
    """Epoch milliseconds from an address; 400 for what is no such time."""
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or int(text[:20]) > MAX_MS:
        raise web.HTTPBadRequest(text="`at` must be a time in epoch milliseconds")
    return int(text)
