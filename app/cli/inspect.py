"""`weir inspect`: what a file seems to be, and how to read it."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli import chosen
from app.cli.sentences import sentences


def inspect(
    data: Annotated[Path, typer.Argument(metavar="FILE", help="A file of events.")],
    delimiter: Annotated[
        str | None, typer.Option(help="Of CSV: a character, or tab. By default as it shows.")
    ] = None,
    quote: Annotated[str | None, typer.Option(help='Of CSV, by default ".')] = None,
    encoding: Annotated[str | None, typer.Option(help="Of text, by default UTF-8.")] = None,
) -> None:
    """Look at a file, and propose which columns are which fields, with the command to try.

    It looks at names and at the first rows, and says what speaks for each column. Nothing is
    sent. weir publish and weir replay show with --dry-run what they would make of it.
    """
    from app.cli.mapping import tell
    from app.data.files import propose
    from app.data.options import FileOptions
    from app.data.readers.table import Layout

    with sentences():
        layout = Layout(delimiter or "", quote or "", encoding or "")
        options = FileOptions(layout=layout)
        tell(propose(chosen.application(), data, options), data, layout)
