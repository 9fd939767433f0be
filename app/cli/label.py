"""`weir label`: say what an event was."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import chosen
from app.cli.arguments import one_of
from app.cli.asking import ask_worker, state_path
from app.cli.sentences import awaited, sentences

if TYPE_CHECKING:
    from app.core.domain import Application


def label(
    event: Annotated[str, typer.Argument(metavar="ID", help="Id of the event.")],
    label: Annotated[
        str,
        typer.Argument(
            help="What it was: fraud, legit or unsure for cards; none takes a label back."
        ),
    ],
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
    """Publish a label for an event to WEIR_BROKERS.

    It is settled and learned by the worker that holds the event's customer: see weir state
    transaction ID.
    """
    from app.core.messages import label_id
    from app.serving.feedback import publish_alone
    from app.wire import encode

    with sentences():
        setup = chosen.setup()
        source = source or setup.application.labels.reviewer
        check(setup.application, label, source)
        said = setup.application.feedback(
            id=event,
            key=key or ask_key(setup.application, url or setup.settings.url, event),
            label=label,
            source=source,
            actor=actor,
            at=int(time.time() * 1000),
            reason=reason,
            note=note,
        )
        said.label_id = label_id(setup.application.read_feedback(encode(said)))
        partition, offset = awaited(publish_alone(setup, said))
    typer.echo(f"published label {said.label_id}: feedback partition {partition}, offset {offset}")


def check(application: "Application", label: str, source: str) -> None:
    """Refuse words that are not the application's, and sources that no person is."""
    from app.core.labels import MATURITY, STREAM

    one_of(application.labels.words, label)
    one_of([name for name in application.labels.ranks if name not in (MATURITY, STREAM)], source)


def ask_key(application: "Application", url: str, event: str) -> str:
    """The key of an event that a worker knows."""
    key: str = ask_worker(url, state_path(application.events, event))[application.key]
    return key
