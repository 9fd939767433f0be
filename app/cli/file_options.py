"""The options that say how a file is read: the same for every command that reads one."""

import inspect
from collections.abc import Callable, Collection
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from app.cli.naming import columns_of, values_of, words_of

if TYPE_CHECKING:
    from app.data.options import FileOptions

PANEL = "How the file is read"


def option(*names: str, help: str, metavar: str | None = None) -> Any:
    """An option of this panel."""
    return typer.Option(*names, help=help, metavar=metavar, rich_help_panel=PANEL)


def file_options(
    columns: Annotated[
        str | None,
        option(
            metavar="FIELD=COLUMN,...",
            help="Columns by field, where they have other names: id=TRANSACTION,label=FRAUD. "
            'Odd names stand in quotes: amount="Amount, EUR". A + joins columns.',
        ),
    ] = None,
    id: Annotated[
        str | None, option("--id", metavar="row", help="row: the row's number is the id, row-1.")
    ] = None,
    set_: Annotated[
        str | None,
        option(
            "--set",
            metavar="FIELD=VALUE,...",
            help="One value for all rows: merchant=shop,currency=EUR. With customer=row each "
            "row is a customer of its own.",
        ),
    ] = None,
    label_words: Annotated[
        str | None,
        option(
            metavar="LABEL=WORD,...",
            help="The file's words for labels: fraud=FRAUDE,legit=OK. By default fraud and "
            "legit, yes and no, y and n, true and false, t and f, 1 and 0, 1 and -1.",
        ),
    ] = None,
    label_time: Annotated[
        str | None,
        option(
            metavar="COLUMN",
            help="Column with the time at which a label became known; where it is empty, "
            "--label-delay holds.",
        ),
    ] = None,
    time_unit: Annotated[
        str | None,
        option(help="Of times that are numbers: ms, s, us, ns, m, h, d, excel, filetime or ticks."),
    ] = None,
    time_start: Annotated[
        str | None, option(help="From when times are counted: 2019-01-01. By default 1970.")
    ] = None,
    time_format: Annotated[
        str | None, option(help="Of times that are text, such as '%d/%m/%Y %H:%M'.")
    ] = None,
    time_zone: Annotated[
        str | None, option(help="Of times without an offset: Europe/Paris. By default UTC.")
    ] = None,
    time_columns: Annotated[
        str | None,
        option(metavar="DATE,TIME", help="Columns that are the time together."),
    ] = None,
    negative: Annotated[
        Literal["refuse", "skip", "absolute"],
        option(help="What becomes of negative amounts, which are refunds."),
    ] = "refuse",
    decimal: Annotated[
        str | None, option(metavar=". or ,", help="The decimal sign, where amounts leave it open.")
    ] = None,
    missing: Annotated[
        str | None,
        option(
            metavar="WORD,...",
            help="What stands for no value, instead of NULL, NA, NaN, None, \\\\N and the like.",
        ),
    ] = None,
    fields: Annotated[
        Path | None,
        option(
            metavar="TOML",
            help="File that declares words and numbers of your own, read from columns of their "
            "names, instead of WEIR_FIELDS.",
        ),
    ] = None,
    hash: Annotated[
        str | None,
        option(
            metavar="FIELD,...",
            help="Replace these fields, such as card numbers, by keyed hashes.",
        ),
    ] = None,
    hash_key: Annotated[
        Path | None, option(metavar="FILE", help="The secret of --hash, a line of text.")
    ] = None,
    delimiter: Annotated[
        str | None, option(help="Of CSV: a character, or tab. By default as the header shows.")
    ] = None,
    quote: Annotated[str | None, option(help='Of CSV: the quotation mark, by default ".')] = None,
    encoding: Annotated[
        str | None, option(help="Of text, such as latin-1. By default UTF-8.")
    ] = None,
    sort: Annotated[
        bool | None,
        option("--sort/--no-sort", help="Sort the rows by time first, in a temporary file."),
    ] = None,
    skip_bad: Annotated[
        bool,
        option("--skip-bad", help="Leave out rows that cannot be used, and write them to a file."),
    ] = False,
    bad_rows: Annotated[
        Path | None,
        option(metavar="CSV", help="The file of --skip-bad; by default FILE.bad.csv."),
    ] = None,
) -> "FileOptions":
    """What they mean. Raises BadParameter, or DataError, for what means nothing."""
    from app.data.cells import missing_of
    from app.data.options import FileOptions, Times
    from app.data.readers.table import Layout

    if id not in (None, "row"):
        raise typer.BadParameter(f"--id {id!r} is not row; a column is --columns id=COLUMN")
    if decimal not in (None, ".", ","):
        raise typer.BadParameter(f"--decimal {decimal!r} is neither . nor ,")
    hashed = frozenset(words_of("--hash", hash))
    together = tuple(words_of("--time-columns", time_columns))
    return FileOptions(
        columns=columns_of(columns),
        constants={**values_of("--set", set_), **({"id": "row"} if id else {})},
        known=label_time,
        label_words={
            spelling: word for word, spelling in values_of("--label-words", label_words, many=True)
        },
        negative=negative,
        decimal=decimal or "",
        missing=missing_of(words_of("--missing", missing) if missing is not None else None),
        layout=Layout(delimiter or "", quote or "", encoding or ""),
        time=Times(time_unit, time_start, time_format, time_zone, together),
        hashed=hashed,
        pseudonym=pseudonym(bool(hashed), hash_key),
        sort=sort,
        skip_bad=skip_bad or bad_rows is not None,
        bad_rows=bad_rows,
        fields=fields,
    )


def pseudonym(wanted: bool, key: Path | None) -> Callable[[str], str] | None:
    """What replaces a value by its keyed hash. Raises DataError for a file that is no secret."""
    from app.data.pseudonyms import pseudonymizer, read_secret

    if wanted != (key is not None):
        raise typer.BadParameter(
            "--hash and --hash-key belong together: make a secret with openssl rand -hex 32"
        )
    return None if key is None else pseudonymizer(read_secret(key))


def reads_files(
    command: Callable[..., None], only: Collection[str] = (), file: str = "--data FILE"
) -> Callable[..., None]:
    """A command with these options, or `only` some, which it takes as `reading`; and --dry-run.

    Its argument or option `data` is the file. If it takes `dry_run` it does that itself.
    """
    from app.cli.sentences import sentences

    options, taken = (
        inspect.signature(file_options).parameters,
        inspect.signature(command).parameters,
    )
    ours = {name: one for name, one in options.items() if not only or name in only}
    defaults = {name: one.default for name, one in ours.items()}
    theirs = [one for name, one in taken.items() if name not in ("reading", "dry_run")]
    dry = inspect.Parameter(
        "dry_run",
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=Annotated[
            bool,
            option("--dry-run", help="Show the mapping and the first events, and do nothing."),
        ],
    )

    @wraps(command)
    def with_options(**given: Any) -> None:
        said = {name: given.pop(name) for name in ours}
        dry_run = given.pop("dry_run")
        if given["data"] is None and (dry_run or said != defaults):
            raise typer.BadParameter(f"options about a file need the file: {file}")
        with sentences():
            reading = file_options(**said)
        if "dry_run" in taken:
            given["dry_run"] = dry_run
        elif dry_run:
            from app.cli.mapping import show

            with sentences():
                show(given["data"], reading)
            return
        command(**given, reading=reading)

    keyword = inspect.Parameter.KEYWORD_ONLY
    more = [one.replace(kind=keyword) for one in (*theirs, *ours.values())]
    with_options.__signature__ = inspect.Signature([*more, dry])  # type: ignore[attr-defined]
    with_options.__annotations__ = {one.name: one.annotation for one in (*more, dry)}
    return with_options
