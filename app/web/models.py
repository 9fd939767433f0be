"""/models: what scores, how much it has learned, and the snapshots that are stored."""

from typing import Any

import msgspec
from aiohttp import web
from msgspec import UNSET

from app.core.dump import Learned, Restored
from app.core.manifest import Manifest
from app.core.mixing import LogLosses
from app.core.models.zoo import ZOO
from app.serving.view import SNAPSHOTS, View
from app.web.forwarding import ask, holder
from app.web.pages import answer
from app.web.peers import was_asked
from app.web.site import Site, site
from app.web.status import learning_status


async def get_models(request: web.Request) -> web.Response:
    """/models: 503 until the worker is connected, or when nobody can say what is stored."""
    here = site(request)
    view, application = here.view, here.application
    if not view.connected():
        raise web.HTTPServiceUnavailable(text=view.unready())
    snapshots, learned = await stored_snapshots(request, here), view.learned()
    state = {
        **learning_status(view),
        "sentence": ZOO[application.model].sentence,
        "worker": here.url,
        "engine": application.engine,
        "partitions": [partition_state(view, partition, of) for partition, of in learned.items()],
        "snapshots": snapshots,
        "restores": [restored_state(one) for one in view.state.restores],
        "newest_digest": snapshots[0]["digest"] if snapshots else None,
        "refused_snapshots": view.progress().refused_snapshots,
    }
    return answer(request, "models.html", state)


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


def partition_state(view: View, partition: int, learned: Learned) -> dict[str, Any]:
    """What a partition's own model has learned, its weight, and how good the models have been.

    Log losses are means over its latest labels, each as before it was learned; None before the
    first. Under `mixed` they are those of both models with the weight as it was.
    """
    losses = view.state.mixing(partition).log_losses()
    return {
        "partition": partition,
        "positives": learned.positives,
        "negatives": learned.negatives,
        "own": view.state.own(partition, view.application.scope),
        "log_loss": dict.fromkeys(LogLosses._fields) if losses is None else losses._asdict(),
    }


def snapshot_state(manifest: Manifest) -> dict[str, Any]:
    """A manifest, with the number of its chunks instead of their digests."""
    plain: dict[str, Any] = msgspec.to_builtins(manifest)
    told = msgspec.structs.asdict(manifest.counts).items()
    counts = {name: count for name, count in told if count is not UNSET}
    return plain | {"counts": counts, "chunks": len(manifest.chunks)}


def restored_state(restored: Restored) -> dict[str, Any]:
    """A restore of the models, by name instead of by position."""
    return msgspec.structs.asdict(restored)
