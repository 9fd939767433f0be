"""`weir inspect`: what a file seems to be, how to read it, and which fields of it would help."""

import secrets
import shlex
from collections.abc import Iterator
from dataclasses import fields, replace
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import chosen
from app.cli.arguments import duration
from app.cli.file_options import file_options, reads_files
from app.cli.sentences import sentences
from app.errors import DataError

if TYPE_CHECKING:
    from app.cli.gains import Bounds, Gains
    from app.data.files import Proposal
    from app.data.options import FileOptions

READING = [name for name in signature(file_options).parameters if name != "fields"]


def inspect(
    reading: "FileOptions",
    data: Annotated[Path, typer.Argument(metavar="FILE", help="A file of events.")],
    gain: Annotated[
        bool,
        typer.Option("--gain", help="Replay the file without and with each proposed field."),
    ] = False,
    write: Annotated[
        Path | None,
        typer.Option(metavar="TOML", help="Write the proposed fields to this file."),
    ] = None,
    events: Annotated[
        int, typer.Option(min=1000, help="Of --gain: replay about so many events.")
    ] = 40_000,
    seconds: Annotated[
        float, typer.Option(min=1, help="Of --gain: stop after so much processor time.")
    ] = 180.0,
    label_delay: Annotated[
        str, typer.Option(help="Of --gain: after what event time the labels become known.")
    ] = "7d",
) -> None:
    """Look at a file: which columns are which fields, the command to try, fields of your own.

    It looks at names and at the first rows, and says what speaks for each column. Nothing is
    sent. weir publish and weir replay show with --dry-run what they would make of it. Columns
    that no transaction needs are proposed as words and numbers that models may learn from, in a
    fields file; --gain measures what each would be worth.
    """
    from app.cli.gains import Bounds
    from app.cli.mapping import line, tell
    from app.cli.proposed import fields_file, show
    from app.data.files import propose

    bounds = Bounds(events, seconds, round(duration(label_delay, "--label-delay") * 1000))
    with sentences():
        if write is not None and write.exists():
            raise already(write)
        proposal = propose(chosen.application(), data, reading)
        found = None
        if gain and proposal.candidates:
            found = gains_of(proposal, data, reading, bounds)
        tell(proposal, data)
        show(proposal, found)
        text = fields_file(proposal, found)
        if text and write is None:
            line(text)
        elif text and write is not None:
            written(write, text)
        elif proposal.candidates:
            line("None of them gains anything: no fields file is proposed.")
        for said in commands(proposal, data, reading, write, label_delay if text else None):
            line(said)


def gains_of(proposal: "Proposal", data: Path, reading: "FileOptions", bounds: "Bounds") -> "Gains":
    """Measure what the proposed fields are worth, reading the file as is proposed, or as given."""
    from app.cli.gains import measured
    from app.cli.replay.options import Plan
    from app.cli.replay.progress import Bar
    from app.data.files import open_dataset

    application = chosen.application()
    if proposal.missing:
        missing = ", ".join(proposal.missing)
        raise DataError(f"to measure gains, name the columns of {missing} with --columns")
    reading = as_proposed(proposal, reading)
    source = open_dataset(application, data, reading)
    plan = Plan(source, bounds.delay, (0, None), bounds.events)
    with TemporaryDirectory() as folder, Bar(plan, application.events) as bar:
        return measured(data, proposal.candidates, reading, bounds, Path(folder), bar.move)


def commands(
    proposal: "Proposal",
    data: Path,
    reading: "FileOptions",
    written: Path | None,
    label_delay: str | None,
) -> Iterator[str]:
    """What to go on with. `label_delay` is None where no fields are proposed."""
    from app.cli.proposed import command

    plain = command(proposal, data, reading.layout, None)
    if label_delay is None:
        yield f"{plain} --dry-run"
        return
    own = command(proposal, data, reading.layout, written or Path("fields.toml"))
    if written is None:
        yield own
        yield f"{plain} --dry-run"
        return
    yield f"{own} --dry-run"
    if any(guess.field == "label" for guess in proposal.guesses):
        yield f"{own} --label-delay {label_delay}"


def as_proposed(proposal: "Proposal", reading: "FileOptions") -> "FileOptions":
    """The options that were given, and of a proposal what they leave open.

    What a proposal would hash gets a secret of its own.
    """
    from app.data.options import AS_IT_IS
    from app.data.pseudonyms import pseudonymizer

    words = shlex.split(" ".join(proposal.options))
    given: dict[str, Any] = {
        name.removeprefix("--").replace("-", "_"): value
        for name, value in zip(words[::2], words[1::2], strict=True)
    }
    given.pop("hash_key", None)
    hashed = frozenset(given.pop("hash", "").split(",")) - {""}
    said = {
        one.name: getattr(reading, one.name)
        for one in fields(reading)
        if getattr(reading, one.name) != getattr(AS_IT_IS, one.name)
    }
    if hashed and reading.pseudonym is None:
        said |= {"hashed": hashed, "pseudonym": pseudonymizer(secrets.token_bytes(32))}
    given["set_"] = given.pop("set", None)
    proposed = file_options(**given)
    said["columns"] = {**proposed.columns, **reading.columns}
    return replace(proposed, **said)


def written(path: Path, text: str) -> None:
    """Write a fields file, which must not be there yet."""
    try:
        with path.open("x") as file:
            file.write(text)
    except FileExistsError:
        raise already(path) from None
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from None
    typer.echo(f"Written to {path}.")


def already(path: Path) -> DataError:
    """What is said of a fields file that is there, before gains are measured for nothing."""
    return DataError(f"{path} is there already: move it away first")


inspects = reads_files(inspect, only=READING, file="FILE")
