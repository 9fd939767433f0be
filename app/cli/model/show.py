"""`weir model show`: one stored snapshot, and whether it is whole and signed."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import chosen
from app.cli.sentences import awaited, sentences

if TYPE_CHECKING:
    from app.core.snapshot import Snapshot
    from app.serving.setup import Setup


def show(
    version: Annotated[
        str, typer.Argument(help="Version, or beginning of the digest; by default the newest.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show a snapshot of the learning state as the models changelog holds it.

    Needs no worker. Signatures are checked with the secrets of WEIR_SNAPSHOT_KEYS.
    """
    from rich.console import Console

    from app.cli.tables import facts

    with sentences():
        setup = chosen.setup()
        snapshot, pinned = awaited(find(setup, version))
        told = describe(snapshot, setup) | {"pinned": pinned}
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        flat = told | told.pop("counts") | told.pop("identity")
        Console().print(facts(f"snapshot {snapshot.version}", flat))


async def find(setup: "Setup", name: str) -> "tuple[Snapshot, bool]":
    """A stored snapshot, the newest if none is named, and whether it is pinned."""
    from app.errors import SnapshotError
    from app.serving.learning.repair import choose, snapshots

    await setup.check_topics()
    found = await snapshots(setup)
    if not found:
        raise SnapshotError("no snapshot is stored yet")
    wanted = choose(found, name) if name else found[0][0]
    return wanted, any(pinned for one, pinned in found if one.digest == wanted.digest)


def describe(snapshot: "Snapshot", setup: "Setup") -> dict[str, Any]:
    """What the manifest says, and whether signature, digests and settings agree with it."""
    import msgspec

    from app.core.manifest import read_manifest, signature
    from app.core.snapshot import unpack_models
    from app.errors import SnapshotError

    manifest = read_manifest(snapshot.manifest)
    told: dict[str, Any] = msgspec.to_builtins(manifest)
    told["chunks"] = len(manifest.chunks)
    told["signature"] = signature(snapshot.manifest, setup.settings.signing_keys)
    told["fits the settings"] = manifest.identity == setup.application.identity
    try:
        unpack_models(snapshot, manifest.identity)
        told["digests"] = "hold"
    except SnapshotError as error:
        told["digests"] = str(error)
    return told
