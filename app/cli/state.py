"""`weir state`: what a running worker knows of a customer, a merchant or a transaction."""

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from app.cli.asking import ask_worker, state_path
from app.cli.sentences import sentences
from app.settings import settings


class Kind(StrEnum):
    """What has state."""

    customer = "customer"
    merchant = "merchant"
    transaction = "transaction"


def state(
    what: Annotated[Kind, typer.Argument(help="What to look up.")],
    key: Annotated[str, typer.Argument(metavar="ID", help="Its id.")],
    customer: Annotated[
        str, typer.Option(help="The transaction's customer: then only its holder is asked.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    url: Annotated[
        str, typer.Option(help="A worker's web views; without it, those of the settings.")
    ] = "",
) -> None:
    """Show the state of a customer, a merchant or a transaction, from a running worker.

    Any worker will do: it asks the one that holds the id.
    """
    query = {"customer": customer} if customer and what is Kind.transaction else {}
    with sentences():
        found = ask_worker(url or settings().url, state_path(what.value, key), query)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        show(what, found)


def show(what: Kind, found: dict[str, Any]) -> None:
    """Print state as tables."""
    from rich.console import Console

    from app.cli import tables

    console = Console()
    for table in getattr(tables, f"{what.value}_tables")(found):
        console.print(table)
