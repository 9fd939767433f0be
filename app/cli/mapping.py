"""What a file would be read as, shown before anything is done with it."""

from pathlib import Path
from shlex import quote
from typing import Any

from rich.console import Console

from app.cli import chosen
from app.cli.tables import drawn
from app.data.cells import utc
from app.data.files import Dataset, Proposal, open_dataset
from app.data.options import FileOptions
from app.data.readers.table import Layout
from app.wire import encode

SHOWN = 5  # events


def show(path: Path, options: FileOptions) -> None:
    """Print a file's mapping, and its first events as they would be sent.

    Raises
    ------
    DataError
        The file cannot be read so.
    """
    application = chosen.application(options.fields)
    dataset = open_dataset(application, path, options)
    rows = dataset.sample(SHOWN)
    console = Console()
    console.print(drawn(dataset.name, facts(dataset)))
    console.print(drawn("Mapping", [("field", "from", "how"), *dataset.mapping()]))
    for row in rows:
        said = "no label" if row.positive is None else application.labels.word(int(row.positive))
        line(f"Row {row.row}, {utc(row.event.at)}, {said}:")
        line(f"  {encode(row.event).decode()}")
    for note in dataset.notes():
        line(note)
    line("Nothing was sent or learned.")


def facts(dataset: Dataset) -> dict[str, Any]:
    """What is known of a file before it is read."""
    return {
        "Format": dataset.told,
        "Rows": "as many as it has" if dataset.rows is None else f"{dataset.rows:,}",
        "Order": "sorted by time first" if dataset.sorts else "as in the file",
    }


def line(text: str) -> None:
    """A line that no terminal's width cuts."""
    Console(soft_wrap=True).print(text, markup=False, highlight=False)


def tell(proposal: Proposal, path: Path) -> None:
    """Print what a file seems to be, and which columns seem to be which fields."""
    console = Console()
    columns = {"Format": proposal.told, "Columns": ", ".join(proposal.columns)}
    console.print(drawn(path.name, columns))
    header = ("field", "column", "what speaks for it")
    console.print(drawn("Proposal", [header, *proposal.guesses]))
    for field in proposal.missing:
        line(f"No column seems to be `{field}`: name it with --columns {field}=COLUMN.")


def laid_out(layout: Layout) -> list[str]:
    """The options of a layout."""
    return [f"--{name} {quote(value)}" for name, value in layout._asdict().items() if value]
