"""A question about a key of another worker is answered by asking that worker."""

from typing import Any
from urllib.parse import quote

from aiohttp import web

from app.web.peers import Unreachable, was_asked
from app.web.site import Site, site
from app.web.state import transaction_state


def holder(here: Site, partition: int) -> str:
    """The URL of the other worker that holds a partition; 503 when there is none."""
    url = here.view.holders().get(partition)
    if url is None or url == here.peers.own_url:
        raise web.HTTPServiceUnavailable(
            text=f"partition {partition} is on its way: {here.view.unready() or 'ask again'}"
        )
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


async def ask_everybody(request: web.Request, tx: str) -> dict[str, Any]:
    """A transaction from whichever other worker has it."""
    here = site(request)
    if was_asked(request):
        raise not_found(tx)
    holders = here.view.holders()
    answers = await here.peers.ask_all(holders.values(), "/state/transactions/" + quote(tx, ""))
    for found in answers.values():
        if not isinstance(found, Unreachable) and found[0] == 200:
            return found[1]
    silent = any(isinstance(found, Unreachable) for found in answers.values())
    if silent or not everything_open(here, holders):
        raise web.HTTPServiceUnavailable(
            text=f"transaction {tx!r} was not found, but not every partition could be asked"
        )
    raise not_found(tx)


def everything_open(here: Site, holders: dict[int, str]) -> bool:
    """Whether every partition has a holder, and this worker's own are open."""
    own = [partition for partition, url in holders.items() if url == here.peers.own_url]
    return len(holders) == here.view.settings.partitions and all(map(here.view.opened, own))


def own_transaction(here: Site, tx: str, partition: int | None = None) -> dict[str, Any] | None:
    """What this worker knows of a transaction, in one partition or in all that it holds."""
    view = here.view
    for number in view.held() if partition is None else [partition]:
        if not view.opened(number):
            continue
        prediction, entry = view.decision(tx, number), view.labels(tx, number)
        if prediction is not None or entry is not None:
            state = transaction_state(tx, prediction, entry, view.state)
            return state | {"partition": number, "worker": view.settings.url}
    return None


def not_found(tx: str) -> web.HTTPNotFound:
    """The answer to a question about a transaction that nobody has."""
    return web.HTTPNotFound(text=f"no transaction {tx!r} is known")
