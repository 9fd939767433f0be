"""`weir label`: say what a transaction was."""

import asyncio
import time
from enum import StrEnum
from typing import Annotated

import typer

from app.cli.asking import ask_worker, state_path
from app.cli.sentences import sentences
from app.messages import Feedback, encode, label_id, read_feedback
from app.settings import settings


class Label(StrEnum):
    """What can be said of a transaction; none takes back what the source said before."""

    fraud = "fraud"
    legit = "legit"
    unsure = "unsure"
    none = "none"


class LabelSource(StrEnum):
    """Who says it: a chargeback outranks an analyst, an analyst the customer."""

    analyst = "analyst"
    customer = "customer"
    chargeback = "chargeback"


def label(
    transaction: Annotated[str, typer.Argument(metavar="TX", help="Id of the transaction.")],
    label: Annotated[Label, typer.Argument(help="What it was; none takes a label back.")],
    customer: Annotated[
        str, typer.Option(help="Its customer; without it a running worker is asked.")
    ] = "",
    source: Annotated[
        LabelSource, typer.Option(help="In what capacity it is said.")
    ] = LabelSource.analyst,
    actor: Annotated[str, typer.Option(help="Who says it.")] = "",
    reason: Annotated[str, typer.Option(help="A code for why.")] = "",
    note: Annotated[str, typer.Option(help="Why, in words.")] = "",
    url: Annotated[
        str, typer.Option(help="A worker's web views; without it, those of the settings.")
    ] = "",
) -> None:
    """Publish a label for a transaction to WEIR_BROKERS.

    It is settled and learned by the worker that holds the customer: see weir state
    transaction TX.
    """
    from app.serving.feedback import publish_alone

    with sentences():
        chosen = settings()
        if not customer:
            found = ask_worker(url or chosen.url, state_path("transaction", transaction))
            customer = found["customer"]
        said = Feedback(
            id=transaction,
            customer=customer,
            label=label.value,
            source=source.value,
            actor=actor,
            at=int(time.time() * 1000),
            reason=reason,
            note=note,
        )
        said.label_id = label_id(said)
        partition, offset = asyncio.run(publish_alone(chosen, read_feedback(encode(said))))
    typer.echo(f"published label {said.label_id}: feedback partition {partition}, offset {offset}")
