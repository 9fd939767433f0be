"""`weir demo`: everything at once, until Ctrl-C."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import chosen
from app.cli.arguments import duration, rate_of
from app.cli.file_options import reads_files
from app.cli.sentences import awaited, sentences

if TYPE_CHECKING:
    from app.data.options import FileOptions

DEFAULT_RATE = 400.0  # events a second of simulated traffic


@reads_files
def demo(
    reading: "FileOptions",
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Play this .csv, .jsonl or .parquet file instead."),
    ] = None,
    label_delay: Annotated[
        str, typer.Option(help="After what event time the labels of a file become known.")
    ] = "7d",
    events: Annotated[int | None, typer.Option(min=1, help="Stop after this many.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=16, help="How many workers to start.")] = 1,
    rate: Annotated[
        str | None,
        typer.Option(help="Events a second, or max. By default 400, with a file max."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated traffic.")] = 1,
    port: Annotated[int | None, typer.Option(help="Kafka's port; by default a free one.")] = None,
    web_port: Annotated[
        int | None, typer.Option(help="Port of the web views; by default a free one.")
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

    Starts the development broker, makes the topics, starts workers, publishes events and the
    labels that people give them, and shows decisions, learning and latency. Ctrl-C ends
    everything that was started. Event time runs faster than the clock, and waits for what is
    to be learned: an event meets all labels that were known an hour before it.
    """
    from app.cli import workload
    from app.cli.demo.run import Options, run_demo

    pace = (DEFAULT_RATE if data is None else None) if rate is None else rate_of(rate)
    delay = duration(label_delay, "--label-delay")
    with sentences():
        application = chosen.application(reading.fields)
        traffic = (
            workload.simulated(application, seed, events)
            if data is None
            else workload.from_file(application, data, delay, events, reading)
        )
        started = Options(pace, workers, port, web_port, directory, reading.fields)
        summary = awaited(run_demo(traffic, started))
    for note in traffic.notes():
        typer.echo(note)
    typer.echo(sentence(summary, application.events))
    if as_json:
        typer.echo(json.dumps(summary))


def sentence(summary: dict[str, Any], events: str) -> str:
    """What was processed, in words."""
    return (
        f"Processed {summary['predictions']:,} of {summary['transactions']:,} {events} in "
        f"{summary['seconds']:.0f} s: {summary['review']:,} alerts, {summary['labels']:,} labels, "
        f"{summary['learned']:,} learned, {summary['dead_letters']:,} dead letters. "
        "All processes have ended."
    )
