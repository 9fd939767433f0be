"""`weir replay`: recorded events through the same core, without Kafka."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.arguments import duration
from app.cli.file_options import reads_files
from app.cli.sentences import sentences

if TYPE_CHECKING:
    from app.data.options import FileOptions

DATE = "%Y-%m-%d"
LIFE = "Life as it is played"


@reads_files
def replay(
    reading: "FileOptions",
    data: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A .csv, .jsonl or .parquet file."),
    ],
    label_delay: Annotated[
        str | None,
        typer.Option(help="After what event time the labels become known; by default 7d."),
    ] = None,
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=[DATE], help="First day whose decisions are measured."),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=[DATE], help="Last day whose decisions are measured."),
    ] = None,
    events: Annotated[
        int | None, typer.Option(min=1, help="Read no more than this many events.")
    ] = None,
    unreported: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Share of the positives (for cards, frauds) that are never reported: they are "
            "learned as negative and measured as what they are.",
        ),
    ] = 0.0,
    partitions: Annotated[
        int | None, typer.Option(min=1, help="By default WEIR_PARTITIONS.")
    ] = None,
    scope: Annotated[
        str | None,
        typer.Option(help="partition, shared or both; by default WEIR_MODEL_SCOPE."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Entry of the model zoo, by default WEIR_MODEL. Repeat it for several models "
            "side by side."
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(help="For cards fraud-full or fraud-small; by default WEIR_FEATURES."),
    ] = None,
    known_customers: Annotated[
        Literal["keep", "remove"] | None,
        typer.Option(
            help="Whether customers known to be compromised are measured. By default they are "
            "removed from the Handbook's data set, as its protocol says, and kept otherwise."
        ),
    ] = None,
    reviews: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=LIFE,
            help="What a team reviews: 50/d, 2/h or 100/w; by default 50/d. It looks at what was "
            "not blocked, flagged or not.",
        ),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=LIFE,
            help="What it looks at: risk, the highest scores; risk+random, each tenth at random; "
            "uncertain, scores near a half. By default risk.",
        ),
    ] = None,
    chargebacks: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=LIFE,
            help="After about what event time positives that nobody stopped are reported; by "
            "default 30d.",
        ),
    ] = None,
    missed: Annotated[
        float | None,
        typer.Option(rich_help_panel=LIFE, help="Share of those that nobody reports; default 0."),
    ] = None,
    maturity: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=LIFE,
            help="Age at which what nobody spoke of counts as negative, 0 for never; by default "
            "WEIR_MATURITY.",
        ),
    ] = None,
    actors: Annotated[
        int | None,
        typer.Option(min=1, rich_help_panel=LIFE, help="Analysts in the team; by default 3."),
    ] = None,
    wrong: Annotated[
        float | None,
        typer.Option(rich_help_panel=LIFE, help="Share of answers that are wrong; default 0."),
    ] = None,
    complain: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=LIFE,
            help="Share of the negatives that were blocked whose owners complain; by default 0.3.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, rich_help_panel=LIFE, help="Of all chances in it; by default 1."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="HTML", help="Write a report with charts to this file.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON on the last line.")
    ] = False,
) -> None:
    """Decide and learn recorded events as workers would, without Kafka.

    Everything is learned; --from and --to limit the days whose decisions are measured. With
    --to the replay ends once the labels of that day are known, if they come after
    --label-delay, else with the file; labels that the file's end cuts off count all the same.
    There are figures for all of it and for weeks, counted from --from.

    With an option of the life that is played, people live with the decisions: what they say of
    which events, and when, takes the place of the file's labels at their delay. Everything is
    measured against the file's labels all the same.
    """
    from app.cli.replay.life import check_labels, life_of
    from app.cli.replay.options import Plan, about, choices, span_of
    from app.cli.replay.play import play
    from app.cli.replay.progress import Bar
    from app.cli.replay.report import check, write
    from app.cli.replay.result import HANDBOOK, outcome, words
    from app.data.files import open_dataset

    delay, span = duration(label_delay or "7d", "--label-delay"), span_of(first, last)
    given = {
        "reviews": reviews,
        "strategy": strategy,
        "chargebacks": chargebacks,
        "missed": missed,
        "maturity": maturity,
        "actors": actors,
        "wrong": wrong,
        "complain": complain,
        "seed": seed,
    }
    with sentences():
        life = life_of(given, label_delay, unreported)
        chosen = choices(model, partitions, scope, features, reading.fields)
        application = chosen[0].application
        source = open_dataset(application, data, reading)
        if life is not None:
            check_labels(source, application)
        if report is not None:
            check(report)
        plan = Plan(source, round(delay * 1000), span, events, unreported, life)
        with Bar(plan, application.events) as bar:
            played = play(plan, chosen, bar.move, sample=report is not None)
    handbook = source.name == HANDBOOK
    remove = known_customers == "remove" or (known_customers is None and handbook)
    measured = outcome(played, remove, handbook)
    if report is not None:
        write(report, about(plan, application), measured)
    for line in (*words(measured), *source.notes()):
        typer.echo(line)
    if as_json:
        typer.echo(json.dumps(measured.found))
