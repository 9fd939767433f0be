"""`weir dead-letters`: the records that could not be used."""

import json
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import chosen
from app.cli.arguments import moment_of
from app.cli.sentences import awaited, sentences

if TYPE_CHECKING:
    from app.serving.dead_letters.replay import Plan, Selection
    from app.serving.setup import Setup

dead_letters = typer.Typer(help="The records that could not be used.", no_args_is_help=True)

SHOWN = 20  # letters that stay, each with its reason

Partition = Annotated[int, typer.Argument(min=0, help="Partition of the letter.")]
Offset = Annotated[int, typer.Argument(min=0, help="Offset of the letter.")]


@dead_letters.command(name="list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most letters to show.")] = 20,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print them as JSON, one a line.")
    ] = False,
    values: Annotated[
        bool, typer.Option("--values", help="With --json: the whole values too, as base64.")
    ] = False,
) -> None:
    """List the newest dead letters: when, why, where the record lay, how it begins."""
    from rich.console import Console

    from app.cli.letters import listed, plain
    from app.serving.dead_letters.read import latest

    with sentences():
        letters = awaited(latest(chosen.setup(), limit))
    if as_json:
        for letter in letters:
            typer.echo(json.dumps(plain(letter, values)))
    elif letters:
        Console().print(listed(letters))
    else:
        typer.echo("no dead letters")


@dead_letters.command()
def show(
    partition: Partition,
    offset: Offset,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the value's bytes and nothing else.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print it as JSON, the value as base64.")
    ] = False,
) -> None:
    """Show everything of one dead letter: why, where the record lay, headers, history, value."""
    from rich.console import Console

    from app.cli.letters import plain, pretty, shown
    from app.serving.dead_letters.read import one

    with sentences():
        letter = awaited(one(chosen.setup(), partition, offset))
    if raw:
        sys.stdout.buffer.write(letter.value or b"")
    elif as_json:
        typer.echo(json.dumps(plain(letter, whole=True), indent=2))
    else:
        console = Console()
        for table in shown(letter):
            console.print(table)
        console.out(pretty(letter.value), highlight=False)


@dead_letters.command()
def replay(
    letters: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PARTITION:OFFSET]...", help="Letters, as list shows them."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Those whose reason holds this text.")] = "",
    topic: Annotated[str, typer.Option(help="Those whose record lay in this topic.")] = "",
    since: Annotated[
        str, typer.Option(help="Those written since: 2h ago, or 2026-01-31T12:00:00Z.")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be sent.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Send dead letters back to the topic that their records came from.

    A label goes to the partition that it came from, an event to the one of its key. Each is sent
    with its key, value, headers and timestamp, and with its history in one more header. A letter
    may be replayed twice: nothing is decided or learned a second time.
    """
    from app.serving.dead_letters.replay import plan

    selection = select(letters or [], reason, topic, since, everything)
    with sentences():
        setup = chosen.setup()
        made = awaited(plan(setup, selection))
    tell_plan(made)
    if made.send and not dry_run:
        if not yes:
            typer.confirm("Send them?", abort=True)
        with sentences():
            awaited(send(setup, made))


def select(places: list[str], reason: str, topic: str, since: str, everything: bool) -> "Selection":
    """The selection that the options describe; something must be selected."""
    from app.serving.dead_letters.replay import Selection

    if not (places or reason or topic or since or everything):
        raise typer.BadParameter("say which: PARTITION:OFFSET, --reason, --topic, --since or --all")
    if everything and (places or reason or topic or since):
        raise typer.BadParameter("--all selects every letter: leave out the rest")
    only = frozenset(map(place, places)) if places else None
    return Selection(only, reason, topic, moment_of(since, time.time()) if since else 0)


def place(text: str) -> tuple[int, int]:
    """A letter's place.

    >>> place("0:17")
    (0, 17)
    """
    partition, colon, offset = text.partition(":")
    if not (colon and partition.isdecimal() and offset.isdecimal()):
        raise typer.BadParameter(
            f"{text!r} is not a letter: write PARTITION:OFFSET, 0:17 for example"
        )
    return int(partition), int(offset)


async def send(setup: "Setup", made: "Plan") -> None:
    """Replay, and say how many letters were sent where."""
    from app.serving.dead_letters.replay import destination
    from app.serving.dead_letters.replay import replay as replayed

    sent = Counter[str]()
    try:
        async for letter, why in replayed(setup, made.send):
            if why:
                typer.echo(f"{letter.partition}:{letter.offset} stays: {why}", err=True)
            else:
                sent[destination(letter, setup)] += 1
    finally:  # when the broker is lost half-way, some were sent
        for where, count in sorted(sent.items()):
            typer.echo(f"replayed {count} to {where}")


def tell_plan(made: "Plan") -> None:
    """Say what would be sent where, and what stays."""
    for (partition, offset), why in made.kept[:SHOWN]:
        typer.echo(f"{partition}:{offset} stays: {why}", err=True)
    if (more := len(made.kept) - SHOWN) > 0:
        typer.echo(f"{more} more stay", err=True)
    for where, count in sorted(made.to.items()):
        typer.echo(f"{count} {'letter goes' if count == 1 else 'letters go'} to {where}")
    if not made.send:
        typer.echo("no letter to replay")
