"""A question about a key of another worker is answered by asking that worker."""

from typing import Any

from aiohttp import web

from app.web.address import singular
from app.web.peers import Unreachable, was_asked
from app.web.site import Site, site


def holder(here: Site, partition: int) -> str:
    """The URL of the other worker that holds a partition; 503 when there is none."""
    url = here.view.holders().get(partition)
    if url is None or url == here.peers.own_url:
        why = here.view.unready() or "ask again in a moment"
        raise web.HTTPServiceUnavailable(text=f"partition {partition} is changing hands: {why}")
    return url


async def ask(
    here: Site, url: str, path: str, query: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Ask a worker; 502 when it does not answer."""
    try:
        return await here.peers.ask(url, path, query)
    except Unreachable as error:
        raise web.HTTPBadGateway(text=str(error)) from None


async def ask_holder(request: web.Request, partition: int) -> dict[str, Any]:
    """What the worker that holds a partition answers to this same request."""
    here = site(request)
    if was_asked(request):
        raise web.HTTPServiceUnavailable(
            text=f"this worker does not hold partition {partition}, or is still opening it"
        )
    url = holder(here, partition)
    status, state = await ask(here, url, request.rel_url.raw_path, dict(request.query))
    if status == 200:
        return state
    kind = web.HTTPNotFound if status == 404 else web.HTTPServiceUnavailable
    raise kind(text=state.get("error"))


async def ask_everybody(request: web.Request, kind: str, id: str) -> dict[str, Any]:
    """What whichever other worker knows of an id answers to this same request.

    404 when nobody does, 503 while that cannot be said because somebody could not look.
    """
    here = site(request)
    if was_asked(request):
        raise not_known(kind, id) if own_open(here) else not_sure(kind, id)
    holders = here.view.holders()
    answers = await here.peers.ask_all(holders.values(), request.rel_url.raw_path)
    found = [one for one in answers.values() if not isinstance(one, Unreachable)]
    for status, state in found:
        if status == 200:
            return state
    looked = len(found) == len(answers) and all(status == 404 for status, _ in found)
    if looked and own_open(here) and len(holders) == here.view.settings.partitions:
        raise not_known(kind, id)
    raise not_sure(kind, id)


def own_open(here: Site) -> bool:
    """Whether this worker can answer for every partition that the group gave it."""
    own = [number for number, url in here.view.holders().items() if url == here.peers.own_url]
    return all(map(here.view.opened, own))


def not_known(kind: str, id: str) -> web.HTTPNotFound:
    """The answer to a question about an id that nobody has."""
    return web.HTTPNotFound(text=f"no {singular(kind)} {id!r} is known")


def not_sure(kind: str, id: str) -> web.HTTPServiceUnavailable:
    """The answer when an id was not found, but could not be looked for everywhere."""
    return web.HTTPServiceUnavailable(
        text=f"{singular(kind)} {id!r} was not found, but not every partition could be searched"
    )
