"""The state of customers, merchants, transactions and models, as JSON or as pages."""

from typing import Any

import msgspec
from aiohttp import web

from app.core.dump import Restored
from app.core.manifest import Manifest
from app.core.models.zoo import ZOO
from app.messages import MAX_ID_BYTES, MAX_MS
from app.runtime.topics import partition_of
from app.serving.snapshots import PARTITION as SNAPSHOTS
from app.web.forwarding import ask, ask_everybody, ask_holder, holder, not_found, own_transaction
from app.web.pages import answer, place
from app.web.peers import was_asked
from app.web.site import Site, site
from app.web.state import customer_state, feature_rows, merchant_state

KINDS = ("customers", "merchants", "transactions")


async def get_customer(request: web.Request) -> web.Response:
    """/state/customers/{id}: events, running values, recent fraud labels."""
    customer, here = read_id(request.match_info["id"]), site(request)
    partition = partition_of(customer, here.view.settings.partitions)
    if not here.view.opened(partition):
        return answer(request, "customer.html", await ask_holder(request, partition))
    history = here.view.history(customer, partition)
    if history is None:
        raise web.HTTPNotFound(text=f"no customer {customer!r} is known")
    state = customer_state(customer, history)
    state["bytes"] = here.view.record_bytes(customer, partition)
    state |= {"partition": partition, "worker": here.view.settings.url}
    return answer(request, "customer.html", state)


async def get_merchant(request: web.Request) -> web.Response:
    """/state/merchants/{id}: what labels say, the same on every worker."""
    merchant, view = read_id(request.match_info["id"]), site(request).view
    location = request.query.get("location", "")
    state = merchant_state(merchant, location, read_time(request.query.get("at")), view.state)
    return answer(request, "merchant.html", state | {"worker": view.settings.url})


async def get_transaction(request: web.Request) -> web.Response:
    """/state/transactions/{id}: decision, labels, where it was learned.

    A transaction's id does not say which partition holds it; its customer's does.
    """
    tx, here = read_id(request.match_info["id"]), site(request)
    customer = request.query.get("customer")
    if customer is None:
        state = own_transaction(here, tx) or await ask_everybody(request, tx)
        return answer(request, "transaction.html", state, features=feature_rows)
    partition = partition_of(read_id(customer), here.view.settings.partitions)
    if not here.view.opened(partition):
        state = await ask_holder(request, partition)
    elif (own := own_transaction(here, tx, partition)) is not None:
        state = own
    else:
        raise not_found(tx)
    return answer(request, "transaction.html", state, features=feature_rows)


async def get_models(request: web.Request) -> web.Response:
    """/models: what scores, how much it has learned, and the snapshots that are stored."""
    here = site(request)
    view = here.view
    if not view.connected():
        raise web.HTTPServiceUnavailable(text=view.unready())
    snapshots = await stored_snapshots(request, here)
    state = {
        **here.status()["learning"],
        "sentence": ZOO[view.settings.model].sentence,
        "worker": view.settings.url,
        "engine": view.worker.account.policy.engine,
        "snapshots": snapshots,
        "restores": [restored_state(one) for one in view.state.restores],
        "newest_digest": snapshots[0]["digest"] if snapshots else None,
        "refused_snapshots": view.worker.follower.refused_snapshots,
    }
    return answer(request, "models.html", state)


async def look_up(request: web.Request) -> web.Response:
    """/look?what=customers&id=...: where the search box leads."""
    what, key = request.query.get("what", ""), request.query.get("id", "").strip()
    if what not in KINDS or not key:
        raise web.HTTPBadRequest(text="say what to look for: a customer, merchant or transaction")
    raise web.HTTPSeeOther(place(what, read_id(key)))


async def stored_snapshots(request: web.Request, here: Site) -> list[dict[str, Any]]:
    """The snapshots in the models table, newest first, from the worker that holds it."""
    manifests = here.view.snapshots()
    if manifests is not None:
        return [snapshot_state(manifest) for manifest in manifests]
    if was_asked(request):
        raise web.HTTPServiceUnavailable(text="this worker does not hold the snapshots")
    status, found = await ask(here, holder(here, SNAPSHOTS), "/models")
    if status != 200:
        raise web.HTTPServiceUnavailable(text=found.get("error"))
    snapshots: list[dict[str, Any]] = found["snapshots"]
    return snapshots


def snapshot_state(manifest: Manifest) -> dict[str, Any]:
    """A manifest, with the number of its chunks instead of their digests."""
    plain: dict[str, Any] = msgspec.to_builtins(manifest)
    return plain | {"chunks": len(manifest.chunks)}


def restored_state(restored: Restored) -> dict[str, Any]:
    """A restore of the models by name instead of by place."""
    return {name: getattr(restored, name) for name in restored.__struct_fields__}


def read_id(text: str) -> str:
    """An id from an address, as long as ids may be."""
    if not text or len(text.encode(errors="replace")) > MAX_ID_BYTES:
        raise web.HTTPBadRequest(text=f"an id has 1 to {MAX_ID_BYTES} bytes")
    if "\0" in text:
        raise web.HTTPBadRequest(text="an id holds no NUL character")
    return text


def read_time(text: str | None) -> int | None:
    """Epoch milliseconds from an address."""
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or int(text[:20]) > MAX_MS:
        raise web.HTTPBadRequest(text="`at` is a time in epoch milliseconds")
    return int(text)
