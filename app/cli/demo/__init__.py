"""`weir demo`: everything at once, until Ctrl-C."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.pace import rate_of
from app.cli.sentences import sentences

DEFAULT_RATE = 400.0  # transactions a second of simulated traffic


def demo(
    data: Annotated[
        Path | None, typer.Option(help="Play this file (.parquet, .csv, .jsonl) instead.")
    ] = None,
    label_delay: Annotated[
        str, typer.Option(help="After what event time the labels of a file become known.")
    ] = "7d",
    events: Annotated[int | None, typer.Option(min=1, help="Stop after this many.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=16, help="How many workers to start.")] = 1,
    rate: Annotated[
        str | None,
        typer.Option(help="Transactions a second, or max. By default 400; of a file max."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated traffic.")] = 1,
    port: Annotated[int | None, typer.Option(help="Kafka's; a free one without it.")] = None,
    web_port: Annotated[
        int | None, typer.Option(help="Of the web views; a free one without it.")
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option(help="Where Kafka, workers and logs are kept; by default a temporary one."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON on the last line.")
    ] = False,
) -> None:
    """Run Weir on a real Kafka with traffic that has fraud in it, and show what it does.

    Starts the development broker, makes the topics, starts workers, publishes transactions
    and the labels that people give them, and shows decisions, learning and latency. Ctrl-C
    ends everything that was started. Event time runs faster than the clock, and waits for
    what is to be learned: a transaction meets all labels that were known an hour before it.
    """
    from app.cli import sources
    from app.cli.demo.run import Options, run

    pace = (DEFAULT_RATE if data is None else None) if rate is None else rate_of(rate)
    delay = sources.duration(label_delay)
    with sentences():
        source = (
            sources.simulated(seed, events)
            if data is None
            else sources.from_file(data, delay, events)
        )
        summary = asyncio.run(run(source, Options(pace, workers, port, web_port, directory)))
    typer.echo(sentence(summary))
    if as_json:
        typer.echo(json.dumps(summary))


def sentence(summary: dict[str, Any]) -> str:
    """What was processed, in words."""
    return (
        f"Processed {summary['predictions']:,} of {summary['transactions']:,} transactions in "
        f"{summary['seconds']:.0f} s: {summary['review']:,} alerts, {summary['labels']:,} labels, "
        f"{summary['learned']:,} learned, {summary['dead_letters']:,} dead letters. "
        "All processes have ended."
    )
