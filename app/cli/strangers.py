"""`weir topics verify`: the records that others wrote into Weir's own topics."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import chosen
from app.cli.sentences import awaited, sentences

if TYPE_CHECKING:
    from app.serving.audit import Stranger

SHOWN = 100  # rows of the table; JSON has them all


def verify(
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List the records in Weir's own topics that Weir did not write or cannot use.

    Looks through predictions, examples and the tables' changelogs. Workers pass such records over
    and count them in weir_foreign_records_total; they stop only at an entry of the examples of an
    unknown kind, and where they open a value of Weir's that is damaged. Keys that begin as Weir's
    own do, and that this release does not know, are listed and do no harm. The exit code is 1
    when there are any.
    """
    shown: list[Stranger] = []

    def show(found: "Stranger") -> None:
        if as_json:
            typer.echo(("[" if not shown else ",") + json.dumps(found._asdict()))
        if len(shown) < SHOWN:
            shown.append(found)

    with sentences():
        count = awaited(look(show))
    if as_json:
        typer.echo("]" if count else "[]")
    else:
        print_table(shown, count)
    if count:
        raise typer.Exit(1)


async def look(show: Callable[["Stranger"], None]) -> int:
    """Pass on every foreign record, with a progress bar; returns how many there are."""
    from rich.console import Console
    from rich.progress import Progress

    from app.serving.audit import Audit

    count = 0
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking through the topics", total=None)
        audit = Audit(chosen.setup(), lambda now, end: bar.update(task, completed=now, total=end))
        async for found in audit.strangers():
            count += 1
            show(found)
    return count


def print_table(shown: list["Stranger"], count: int) -> None:
    """Print the first of them, and how many there are."""
    from rich.console import Console

    from app.cli.tables import grid

    console = Console()
    if shown:
        rows: list[list[object]] = [list(found) for found in shown]
        console.print(grid("foreign records", ["topic", "partition", "offset", "why"], rows))
    if count > len(shown):
        console.print(f"and {count - len(shown)} more: --json lists all", highlight=False)
    console.print(f"{count} foreign records", highlight=False)
