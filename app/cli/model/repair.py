"""`weir model rollback` and `weir model rebuild`: other models, from one offset on, everywhere."""

import re
import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import chosen
from app.cli.sentences import awaited, sentences
from app.errors import WeirError

if TYPE_CHECKING:
    from app.core.snapshot import Snapshot
    from app.serving.learning.rebuild import Rebuild, Stretch
    from app.serving.setup import Setup

Actor = Annotated[str, typer.Option(help="Who decided it; stored in the log.")]
Reason = Annotated[str, typer.Option(help="Why, in words; stored in the log.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
STAYS = "Labels, statistics and past decisions stay as they are."


def rollback(
    version: Annotated[
        str, typer.Argument(help="Version of a stored snapshot, or how its digest begins.")
    ],
    reason: Reason,
    actor: Actor,
    yes: Yes = False,
) -> None:
    """Restore the models of a stored snapshot on all workers.

    The snapshot is pinned, so that it is never deleted, and a restore is appended to the
    examples log: every worker acts when it reads that entry. What was learned between the
    snapshot and the restore is lost to the models; weir model rebuild learns it again.
    """
    with sentences():
        setup = chosen.setup()
        snapshot, end = awaited(find(setup, version))
        typer.echo(
            f"The models go back to snapshot {snapshot.version} ({snapshot.digest[:12]}). The "
            f"{end - snapshot.version} entries of the log behind it will not count for them.\n"
            + STAYS
        )
        consent(yes)
        publish(setup, snapshot.version, snapshot.digest, snapshot.records(), actor, reason)


def rebuild(
    reason: Reason,
    actor: Actor,
    through: Annotated[
        int | None, typer.Option(min=0, help="Last offset of the examples log to learn.")
    ] = None,
    without_feedback: Annotated[
        list[str] | None,
        typer.Option(metavar="PARTITION:FROM-TO", help="Labels not to learn, by their offsets."),
    ] = None,
    without_transactions: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Ids of events whose labels not to learn, one a line."),
    ] = None,
    without_actor: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Actor whose labels in the feedback topic not to learn."),
    ] = None,
    yes: Yes = False,
) -> None:
    """Learn the models anew from the log, without some labels, and restore them on all workers.

    The log is folded from its start in this process. Earlier restores in it are passed over:
    whatever is not left out is learned. Options may be repeated, but for the file.
    """
    from app.serving.learning.rebuild import LeftOut, Rebuild

    with sentences():
        stretches = tuple(stretch(text) for text in without_feedback or ())
        left_out = LeftOut(stretches, ids(without_transactions))
        made = Rebuild(chosen.setup(), left_out, through)
        awaited(fold(made, without_actor or ()))
        typer.echo(f"{summary(made)}\n{STAYS}")
        consent(yes)
        if through is None:
            awaited(fold(made, without_actor or ()))  # what has come since
        publish(made.setup, made.state.version, made.state.digest(), made.records(), actor, reason)


async def find(setup: "Setup", name: str) -> "tuple[Snapshot, int]":
    """A stored snapshot that may be restored, and where the examples log ends."""
    from app.serving.learning.repair import check_usable, choose, log_end, snapshots

    await setup.check_topics()
    snapshot = choose(await snapshots(setup), name)
    check_usable(snapshot, setup)
    return snapshot, await log_end(setup)


async def fold(made: "Rebuild", actors: Iterable[str]) -> None:
    """Fold what the log holds by now but for what actors said, with a progress bar."""
    from rich.console import Console
    from rich.progress import Progress

    from app.serving.learning.rebuild import said_by

    await made.setup.check_topics()
    said = await said_by(made.setup, frozenset(actors))
    made.left_out = made.left_out._replace(said=said)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("learning the log", total=None)
        await made.read_on(lambda now, end: bar.update(task, completed=now, total=end))


def summary(made: "Rebuild") -> str:
    """What a rebuild has learned and left out."""
    counts = made.state.counts
    return (
        f"The models will be those of {counts.examples} examples ({counts.positives} positives), "
        f"up to version {made.state.version}. Left out: {made.examples_left_out} examples "
        f"({made.positives_left_out} positives), {made.restores_left_out} earlier restores."
        + (f" {made.foreign} foreign records are passed over." if made.foreign else "")
    )


def stretch(text: str) -> "Stretch":
    """Feedback offsets as a user writes them, both ends included.

    >>> stretch("3:100-250")
    Stretch(partition=3, first=100, last=250)
    """
    from app.serving.learning.rebuild import Stretch

    found = re.fullmatch(r"(\d+):(\d+)-(\d+)", text)
    if found is None:
        raise WeirError(f"{text!r} is not PARTITION:FROM-TO, for example 3:100-250")
    return Stretch(*map(int, found.groups()))


def ids(file: Path | None) -> frozenset[str]:
    """The ids in a file, one a line."""
    try:
        lines = file.read_text().splitlines() if file is not None else []
    except (OSError, UnicodeDecodeError) as error:
        raise WeirError(f"{file} cannot be read: {error}") from None
    return frozenset(line.strip() for line in lines if line.strip())


def consent(yes: bool) -> None:
    """Ask, unless that is done already; ends the command on a no."""
    if not yes:
        typer.confirm("Restore these models on all workers?", abort=True)


def publish(
    setup: "Setup",
    version: int,
    digest: str,
    records: Iterable[tuple[bytes, bytes]],
    actor: str,
    reason: str,
) -> None:
    """Write the snapshot, then the entry that makes all workers restore it."""
    from app.serving.learning.repair import announce, restore_of

    id, now = secrets.token_hex(8), int(time.time() * 1000)
    entry = restore_of(setup, version, digest, id, now, actor, reason)
    offset = awaited(announce(setup, records, entry))
    typer.echo(
        f"published restore {id}: examples offset {offset}, snapshot {version} ({digest})\n"
        f"The {offset - version} entries of the log between the two do not count for the models."
    )
