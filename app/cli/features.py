"""`weir features list`: what the models see of events, and what it is worth to them."""

import json
from collections.abc import Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import chosen
from app.cli.arguments import duration
from app.cli.asking import ask_worker
from app.cli.file_options import file_options, reads_files
from app.cli.sentences import sentences
from app.errors import WeirError

if TYPE_CHECKING:
    from app.core.domain import Application
    from app.data.options import FileOptions

features = typer.Typer(help="What the models see of events.", no_args_is_help=True)
FIELDS = Annotated[
    Path | None,
    typer.Option(
        metavar="TOML",
        help="File that declares words and numbers of your own, instead of WEIR_FIELDS.",
    ),
]
READING = [name for name in signature(file_options).parameters if name != "fields"]


def list_features(
    reading: "FileOptions",
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Replay this file to see what features are worth on it."),
    ] = None,
    fields: FIELDS = None,
    label_delay: Annotated[
        str, typer.Option(help="After what event time the labels of a file become known.")
    ] = "7d",
    events: Annotated[
        int | None, typer.Option(min=1, help="Replay no more than this many events.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    url: Annotated[
        str, typer.Option(help="A worker's web views; without it, those of the settings.")
    ] = "",
) -> None:
    """List the features of the chosen set and fields, with how often each is used and its worth.

    Use is the share of decisions that had the feature; worth is its mean absolute share in their
    logits, 0 where it was missing, by the models as they are in the end. Both are of a sample of
    the decisions on a file, with --data, otherwise of the latest decisions of a running worker.
    Without either the table has neither.
    """
    delay, reading = duration(label_delay, "--label-delay"), replace(reading, fields=fields)
    with sentences():
        application = chosen.application(fields)
        if data is not None:
            found = of_file(data, reading, round(delay * 1000), events)
            said = f"of {found['decisions']:,} decisions on {data}"
        else:
            found, said = of_worker(application, url or chosen.settings(fields).url, bool(url))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        show(found, said)


def of_file(data: Path, reading: "FileOptions", delay: int, events: int | None) -> dict[str, Any]:
    """What features are worth on a file, labels so many ms late."""
    from app.cli.replay.options import Plan, choices
    from app.cli.replay.play import play
    from app.cli.replay.progress import Bar
    from app.data.files import open_dataset

    chosen = choices(None, None, None, None, reading.fields)
    application = chosen[0].application
    plan = Plan(open_dataset(application, data, reading), delay, (0, None), events)
    with Bar(plan, application.events) as bar:
        (player,) = play(plan, chosen, bar.move, sample=True).players
    weighing = player.weighing()
    return told(application, weighing.decisions, weighing.table(application.features))


def of_worker(application: "Application", url: str, must: bool) -> tuple[dict[str, Any], str]:
    """What a running worker says, or the features alone unless it must; what the figures are of."""
    from app.core.worth import Weighing

    nothing = told(application, 0, Weighing(()).table(application.features))
    try:
        found = ask_worker(url, "/features")
    except WeirError as error:
        if must:
            raise
        return nothing, str(error)
    if found["features"] != application.feature_set:
        return nothing, f"the worker has other features: {found['features']}"
    return found, f"of the latest {found['decisions']:,} decisions of {found['worker']}"


def told(
    application: "Application", decisions: int, table: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """What is told of features, as a worker tells it."""
    return {
        "features": application.feature_set,
        "model": application.model,
        "decisions": decisions,
        "table": table,
    }


def show(found: dict[str, Any], said: str) -> None:
    """Print features as a table."""
    from rich.console import Console

    from app.cli.tables import grid

    rows = [
        [
            one["name"],
            "-" if one["use"] is None else f"{one['use']:.1%}",
            "-" if one["worth"] is None else f"{one['worth']:.4f}",
            one["sentence"] if one["unit"] in ("", "1") else f"{one['sentence']} [{one['unit']}]",
        ]
        for one in found["table"]
    ]
    console = Console()
    heads = ["feature", "use", "worth", "meaning [unit]"]
    console.print(grid(f"features of {found['features']}, model {found['model']}", heads, rows))
    if not found["decisions"]:
        said = f"{said}; --data FILE replays a file"
    console.print(f"Use and worth: {said}.", markup=False, highlight=False)


features.command(name="list")(reads_files(list_features, only=READING))
