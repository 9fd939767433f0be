"""`weir label`: say what an event was, or what those of a file were."""

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import chosen
from app.cli.arguments import one_of
from app.cli.asking import ask_worker, state_path
from app.cli.file_options import reads_files
from app.cli.sentences import awaited, sentences

if TYPE_CHECKING:
    from app.core.domain import Application
    from app.data.options import FileOptions

TIMES = ("time_unit", "time_start", "time_format", "time_zone", "time_columns")
TEXT = ("missing", "hash", "hash_key", "delimiter", "quote", "encoding")
OPTIONS = ("columns", "label_words", *TIMES, *TEXT, "skip_bad", "bad_rows")


@partial(reads_files, only=OPTIONS, file="--file FILE")
def label(
    reading: "FileOptions",
    dry_run: bool,
    event: Annotated[
        str | None, typer.Argument(metavar="ID", help="Id of the event.", show_default=False)
    ] = None,
    label: Annotated[
        str | None,
        typer.Argument(
            metavar="LABEL",
            help="What it was: fraud, legit or unsure for cards; none takes a label back.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--file",
            metavar="FILE",
            help="Publish the labels of a .csv, .jsonl or .parquet file, a row each, instead of "
            "one. Its columns are id (or transaction), customer, label, and if it has them "
            "source, actor, at, reason, note and label_id.",
        ),
    ] = None,
    key: Annotated[
        str,
        typer.Option(
            "--customer", "--key", help="Its customer; without it a running worker is asked."
        ),
    ] = "",
    source: Annotated[
        str,
        typer.Option(help="In what capacity: analyst, customer or chargeback for cards."),
    ] = "",
    actor: Annotated[str, typer.Option(help="Who says it.")] = "",
    reason: Annotated[str, typer.Option(help="A code for why.")] = "",
    note: Annotated[str, typer.Option(help="Why, in words.")] = "",
    url: Annotated[
        str, typer.Option(help="A worker's web views; without it, those of the settings.")
    ] = "",
) -> None:
    """Publish a label for an event, or those of a file, to WEIR_BROKERS.

    It is settled and learned by the worker that holds the event's customer: see weir state
    transaction ID. The same file may be published again: a label counts once. --source,
    --actor, --reason and --note are for rows that do not say it themselves.
    """
    given = {"source": source, "actor": actor, "reason": reason, "note": note}
    if data is not None:
        from app.cli.label_file import publish_file

        if event or label or key or url:
            raise typer.BadParameter("a file names its own events, labels and customers")
        with sentences():
            application = chosen.application()
            check_source(application, source or application.labels.reviewer)
            publish_file(data, reading, given, dry_run)
    elif event is None or label is None:
        raise typer.BadParameter("say ID and LABEL of an event, or --file FILE")
    else:
        with sentences():
            publish_one(event, label, key, url, given)


def publish_one(event: str, label: str, key: str, url: str, given: dict[str, str]) -> None:
    """Publish a label, and say where it is."""
    from app.core.messages import label_id
    from app.serving.feedback import publish_alone
    from app.wire import encode

    setup = chosen.setup()
    application = setup.application
    given["source"] = given["source"] or application.labels.reviewer
    one_of(application.labels.words, label)
    check_source(application, given["source"])
    said = application.feedback(
        id=event,
        key=key or ask_key(application, url or setup.settings.url, event),
        label=label,
        at=int(time.time() * 1000),
        **given,  # type: ignore[arg-type]
    )
    said.label_id = label_id(application.read_feedback(encode(said)))
    partition, offset = awaited(publish_alone(setup, said))
    typer.echo(f"published label {said.label_id}: feedback partition {partition}, offset {offset}")


def check_source(application: "Application", source: str) -> None:
    """Refuse sources that are not the application's, or that no person is."""
    from app.core.labels import MATURITY, STREAM

    one_of([name for name in application.labels.ranks if name not in (MATURITY, STREAM)], source)


def ask_key(application: "Application", url: str, event: str) -> str:
    """The key of an event that a worker knows."""
    key: str = ask_worker(url, state_path(application.events, event))[application.key]
    return key
