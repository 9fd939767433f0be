"""`weir model verify`: whether the logs still lead to the decisions that were made."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import chosen
from app.cli.sentences import awaited, sentences

if TYPE_CHECKING:
    from app.serving.learning.verify import Finding, Report

SHOWN = 20  # findings in a table


def verify(
    limit: Annotated[int, typer.Option(min=1, help="How many of the newest decisions.")] = 1000,
    transaction: Annotated[
        str, typer.Option(metavar="ID", help="Only the decisions on this event.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print all findings as JSON.")] = False,
) -> None:
    """Compute stored decisions again and say which differ.

    The learning state of each decision's version is folded from the log, from the snapshot
    before it; the stored features are scored; score, decision and reasons are compared bit by
    bit. Equal bits are promised for one engine, so what another one decided is counted and
    not compared. Thresholds are those of the settings. The exit code is 1 when a decision
    differs.
    """
    with sentences():
        report = awaited(look(limit, transaction))
    if as_json:
        typer.echo(json.dumps(plain(report), indent=2))
    else:
        print_report(report)
    if report.different:
        raise typer.Exit(1)


async def look(limit: int, id: str) -> "Report":
    """Read the decisions and compute them again, with a progress bar."""
    from rich.console import Console
    from rich.progress import Progress

    from app.errors import StateError
    from app.serving.learning.verify import stored, verify

    setup = chosen.setup()
    await setup.check_topics()
    records = await stored(setup, None if id else limit, id)
    if id and not records:
        raise StateError(f"no decision on transaction {id!r} is in the log")
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("computing decisions again", total=len(records))
        return await verify(setup, records, lambda: bar.advance(task))


def plain(report: "Report") -> dict[str, Any]:
    """A report for JSON."""
    return {
        "equal": report.equal,
        "versions": report.versions,
        "different": [told(finding) for finding in report.different],
        "not_compared": [told(finding) for finding in report.not_compared],
    }


def told(finding: "Finding") -> dict[str, Any]:
    """A finding for JSON, its place in two fields."""
    return {
        "transaction": finding.id,
        "partition": finding.place.partition,
        "offset": finding.place.offset,
        "version": finding.version,
        "why": finding.why,
    }


def print_report(report: "Report") -> None:
    """Print the counts, and the first findings as a table."""
    from rich.console import Console

    from app.cli.tables import grid

    console = Console()
    different, others = len(report.different), len(report.not_compared)
    console.print(
        f"{report.equal} equal, of {report.versions} versions; {different} different; "
        f"{others} not compared",
        highlight=False,
    )
    for title, findings in (("differ", report.different), ("not compared", report.not_compared)):
        rows: list[list[object]] = [
            [f.id, f"predictions {f.place.partition} @ {f.place.offset}", f.version, f.why]
            for f in findings[:SHOWN]
        ]
        if rows:
            console.print(grid(title, ["transaction", "record", "version", "why"], rows))
