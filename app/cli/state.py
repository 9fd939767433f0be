"""`weir state`: what a running worker knows of an event, of its key and the like."""

import json
from collections.abc import Callable, Iterator, Mapping
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import chosen
from app.cli.arguments import one_of
from app.cli.asking import ask_worker, state_path
from app.cli.sentences import sentences

if TYPE_CHECKING:
    from app.core.domain import Application

# The tables of what was found, each a title over facts by name, or over a header and its rows.
Tables = Callable[[dict[str, Any]], Iterator[tuple[str, Any]]]


def state(
    what: Annotated[
        str, typer.Argument(help="What to look up: for cards customer, merchant or transaction.")
    ],
    id: Annotated[str, typer.Argument(metavar="ID", help="Its id.")],
    key: Annotated[
        str,
        typer.Option(
            "--customer", "--key", help="The transaction's customer: only its holder is asked then."
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    url: Annotated[
        str, typer.Option(help="A worker's web views; without it, those of the settings.")
    ] = "",
) -> None:
    """Show the state of a customer, a merchant or a transaction, from a running worker.

    Any worker will do: it asks the one that holds the id.
    """
    with sentences():
        application = chosen.application()
        shown = tables_of(application)
        if shown:
            one_of(shown, what)
        query = {application.key: key} if key else {}
        found = ask_worker(url or chosen.settings().url, state_path(f"{what}s", id), query)
    if as_json or what not in shown:
        typer.echo(json.dumps(found, indent=2))
    else:
        show(application, shown[what](found))


def tables_of(application: "Application") -> Mapping[str, Tables]:
    """How an application's state is shown, by what it is of; what is not there is shown as JSON."""
    tables: Mapping[str, Tables] = resolve_name(application.tables) if application.tables else {}
    return tables


def show(application: "Application", found: Iterator[tuple[str, Any]]) -> None:
    """Print state as tables."""
    from rich.console import Console

    from app.cli.tables import drawn, styles_of

    console, styles = Console(), styles_of(application.labels)
    for title, body in found:
        console.print(drawn(title, body, styles))
