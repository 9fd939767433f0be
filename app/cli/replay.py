"""`weir replay`: recorded transactions through the same core, without Kafka."""

import json
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from app.cli.sentences import sentences
from app.cli.sources import duration
from app.core.metrics import Prequential
from app.data.rows import Labelled
from app.messages import Example
from app.settings import read_settings

DATE = "%Y-%m-%d"


def replay(
    data: Annotated[Path, typer.Argument(metavar="FILE", help="A .parquet, .csv or .jsonl file.")],
    label_delay: Annotated[
        str, typer.Option(help="After what event time the labels become known.")
    ] = "7d",
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=[DATE], help="First day whose decisions are measured."),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=[DATE], help="Last day whose decisions are measured."),
    ] = None,
    events: Annotated[int | None, typer.Option(min=1, help="Read no more than this many.")] = None,
    partitions: Annotated[
        int | None, typer.Option(min=1, help="As WEIR_PARTITIONS says without it.")
    ] = None,
    scope: Annotated[
        str | None, typer.Option(help="partition, shared or both; else WEIR_MODEL_SCOPE.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Entry of the model zoo; else WEIR_MODEL.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON on the last line.")
    ] = False,
) -> None:
    """Decide and learn recorded transactions as workers would, without Kafka.

    Everything is learned; --from and --to say whose decisions the figures are about. With
    --to the replay ends once the labels of that day are known.
    """
    from app.data.datasets import open_dataset

    delay_ms = round(duration(label_delay) * 1000)
    span = day(first, 0), day(last, 1) if last else None
    chosen = {"partitions": partitions, "model_scope": scope, "model": model}
    with sentences():
        rows: Iterable[Labelled] = (source := open_dataset(data))
        if span[1] is not None:
            end = span[1] + delay_ms
            rows = takewhile(lambda row: row.tx.at < end, rows)
        rows = progress(islice(rows, events), events or source.rows)
        result = run(rows, delay_ms, span, {k: v for k, v in chosen.items() if v is not None})
    for line in lines(result):
        typer.echo(line)
    if as_json:
        typer.echo(json.dumps(result))


def run(
    rows: Iterable[Labelled],
    label_delay_ms: int,
    span: tuple[int, int | None],
    overrides: dict[str, Any],
) -> dict[str, Any]:
    """Replay rows; the figures are about decisions on transactions with span[0] <= at < span[1].

    `rows` and the processor time are about all that was decided.
    """
    from app.data.batches import recorded
    from app.data.replay import Replay
    from app.stream.topics import partition_of
    from app.stream.worker import new_account, new_state

    settings = read_settings(**overrides)
    account = new_account(settings, new_state(settings))
    player = Replay(account, lambda customer: partition_of(customer, settings.partitions))
    measured: list[Example] = []
    wall, cpu = time.perf_counter(), time.process_time()
    for example in player.run(recorded(rows, label_delay_ms)):
        if span[0] <= example.at and (span[1] is None or example.at < span[1]):
            measured.append(example)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "rows": player.decided,
        "learned": account.state.version,
        "events_per_s": round(player.decided / wall, 1),
        "cpu_us_per_event": round(1e6 * cpu / max(1, player.decided), 1),
        "metrics": figures(measured, settings.review_threshold),
        "by_week": by_week(measured, settings.review_threshold),
    }


def figures(examples: list[Example], threshold: float) -> dict[str, float | None]:
    """Quality of the decisions behind the examples."""
    quality = Prequential(max(1, len(examples)))
    for example in examples:
        if example.y is not None:
            quality.update(example.y, example.score, example.flagged(threshold), example.w)
    return quality.get()


def by_week(examples: list[Example], threshold: float) -> dict[str, dict[str, float | None]]:
    """The same for each week that begins on a Monday (UTC), by its first day."""
    weeks: dict[str, list[Example]] = {}
    for example in examples:
        on = datetime.fromtimestamp(example.at / 1000, UTC).date()
        weeks.setdefault(str(on - timedelta(days=on.weekday())), []).append(example)
    return {week: figures(examples, threshold) for week, examples in sorted(weeks.items())}


def day(at: datetime | None, later: int) -> int:
    """Epoch ms of the beginning of a day, or of one some days later; 0 without a day."""
    if at is None:
        return 0
    return round((at.replace(tzinfo=UTC) + timedelta(days=later)).timestamp() * 1000)


def progress(rows: Iterable[Labelled], total: int | None) -> Iterable[Labelled]:
    """The rows, with a bar on standard error while they are read, if that is a terminal."""
    console = Console(stderr=True)
    return track(rows, "Replaying", total=total, console=console, disable=not console.is_terminal)


def lines(result: dict[str, Any]) -> Iterator[str]:
    """The result in words."""
    yield (
        f"{result['rows']:,} transactions decided, {result['learned']:,} labels learned, "
        f"{result['events_per_s']:,.0f}/s, {result['cpu_us_per_event']:.0f} us of processor time "
        "for each transaction."
    )
    for name, value in result["metrics"].items():
        yield f"{name:>18} {value if value is None else round(value, 5)}"
