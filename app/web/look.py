"""Where the search box leads."""

from collections.abc import Sequence

from aiohttp import web

from app.web.address import place, read_id, singular
from app.web.site import site


async def look_up(request: web.Request) -> web.Response:
    """/look?what=customers&id=...: on to the page of that id."""
    kinds = site(request).kinds
    what, key = request.query.get("what", ""), request.query.get("id", "").strip()
    if what not in kinds or not key:
        raise web.HTTPBadRequest(text=f"say what to look for ({choice(kinds)}) and give its id")
    raise web.HTTPSeeOther(place(what, read_id(key)))


def choice(kinds: Sequence[str]) -> str:
    """Kinds to choose from, in words.

    >>> choice(["transactions", "customers", "merchants"]), choice(["readings"])
    ('transaction, customer or merchant', 'reading')
    """
    *others, last = (singular(kind) for kind in kinds)
    return f"{', '.join(others)} or {last}" if others else last
