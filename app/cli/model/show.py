"""`weir model show`: one stored snapshot, and whether it is whole and signed."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.sentences import sentences
from app.settings import Settings, settings

if TYPE_CHECKING:
    from app.core.snapshot import Snapshot


def show(
    version: Annotated[
        str, typer.Argument(help="Its version or the beginning of its digest; else the newest.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show a snapshot of the learning state as the models changelog holds it.

    Needs no worker. Signatures are checked with the secrets of WEIR_SNAPSHOT_KEYS.
    """
    from rich.console import Console

    from app.cli.tables import facts
    from app.errors import SnapshotError
    from app.runtime.topics import check
    from app.serving.repair import choose, snapshots

    async def find() -> "tuple[Snapshot, bool]":
        await check(settings())
        found = await snapshots(settings())
        if not found:
            raise SnapshotError("no snapshot is stored yet")
        wanted = choose(found, version) if version else found[0][0]
        return wanted, any(pinned for one, pinned in found if one.digest == wanted.digest)

    with sentences():
        snapshot, pinned = asyncio.run(find())
        told = describe(snapshot, settings()) | {"pinned": pinned}
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        flat = told | told.pop("counts") | told.pop("identity")
        Console().print(facts(f"snapshot {snapshot.version}", flat))


def describe(snapshot: "Snapshot", chosen: Settings) -> dict[str, Any]:
    """What the manifest says, and whether signature, digests and settings agree with it."""
    import msgspec

    from app.core.manifest import read_manifest, signature
    from app.core.snapshot import unpack_models
    from app.errors import SnapshotError
    from app.serving.worker import identity

    manifest = read_manifest(snapshot.manifest)
    told: dict[str, Any] = msgspec.to_builtins(manifest)
    told["chunks"] = len(manifest.chunks)
    told["signature"] = signature(snapshot.manifest, chosen.signing_keys)
    told["fits the settings"] = manifest.identity == identity(chosen)
    try:
        unpack_models(snapshot, manifest.identity)
        told["digests"] = "hold"
    except SnapshotError as error:
        told["digests"] = str(error)
    return told
