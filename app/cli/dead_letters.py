"""`weir dead-letters`: the records that could not be used."""

import asyncio
import json
from base64 import b64encode
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.figures import moment
from app.cli.sentences import sentences
from app.settings import settings

if TYPE_CHECKING:
    from app.stream.letterbox import Letter

dead_letters = typer.Typer(help="The records that could not be used.", no_args_is_help=True)


@dead_letters.callback()
def _group() -> None:
    """Keeps `weir dead-letters list` a word of its own while it is the only one."""


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
    from app.stream.letterbox import latest

    with sentences():
        letters = asyncio.run(latest(settings(), limit))
    if as_json:
        for letter in letters:
            typer.echo(json.dumps(plain(letter, values)))
    elif letters:
        show(letters)
    else:
        typer.echo("no dead letters")


def plain(letter: "Letter", values: bool) -> dict[str, Any]:
    """A letter for JSON; without its value unless that is asked for."""
    told = letter._asdict() | {"head": letter.head}
    value = told.pop("value")
    return told | {"value": b64encode(value).decode()} if values else told


def show(letters: list["Letter"]) -> None:
    """Print letters as a table."""
    from rich.console import Console

    from app.cli.tables import grid

    columns = ["time (UTC)", "reason", "record", "bytes", "begins with"]
    rows: list[list[object]] = [
        [moment(x.at), x.reason, x.source, f"{x.size}{' (cut)' if x.cut else ''}", x.head]
        for x in letters
    ]
    Console().print(grid(f"the newest {len(letters)} dead letters", columns, rows))
