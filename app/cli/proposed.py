"""The fields file that `weir inspect` proposes, and what is shown of it."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from app.cli.gains import Gain, Gains, declaration
from app.cli.mapping import laid_out, line
from app.cli.tables import drawn
from app.data.files import Candidate, Proposal
from app.data.readers.table import Layout
from app.data.shown import named

HEAD = "# Fields that the models see beside Weir's own features. WEIR_FIELDS names this file.\n"


def show(proposal: Proposal, gains: Gains | None) -> None:
    """Print which columns could be fields of one's own, and why the others are none."""
    console = Console()
    if proposal.passed:
        passed = [(named(column), why) for column, why in proposal.passed]
        header = "column", "why it is no field of your own"
        console.print(drawn("Passed over", [header, *passed]))
    if not proposal.candidates:
        line("No column is proposed as a field of your own.")
        return
    heads = "field", "kind", "column", "what speaks for it"
    rows = [(one.name, one.kind, named(one.column), one.evidence) for one in proposal.candidates]
    console.print(drawn("Fields of your own", [heads, *rows]))
    if gains is not None:
        show_gains(console, gains)


def show_gains(console: Console, gains: Gains) -> None:
    """Print what was measured."""
    rows = [
        (one.candidate.name, one.candidate.kind + " of the customer" * one.customer, *_figures(one))
        for one in gains.each
    ]
    if gains.together is not None:
        rows.append(("all of them", "without the customer", *_figures(gains.together)))
    header = ("field", "as", "average precision", "by chance")
    console.print(drawn("Gains", [header, *rows]))
    stopped = " The time was up before the file was: --seconds gives more." if gains.cut else ""
    line(
        f"Of {gains.decisions:,} decisions, {gains.positives:,} of them positive, on some of the "
        f"file's keys; average precision without fields is {gains.without:.4f}. By chance: a "
        f"standard deviation.{stopped}"
    )


def _figures(one: Gain) -> tuple[str, str]:
    return f"{one.gain:+.4f}", f"{one.chance:.4f}"


def fields_file(proposal: Proposal, gains: Gains | None) -> str:
    """The fields file; '' where no field is proposed. Fields that gain nothing are comments."""
    blocks = list(_blocks(proposal, gains))
    if not any(block.startswith("[") or "\n[" in block for block in blocks):
        return ""
    return "\n".join((HEAD, *blocks))


def _blocks(proposal: Proposal, gains: Gains | None) -> Iterator[str]:
    for one in proposal.candidates:
        measured = [each for each in gains.each if each.candidate == one] if gains else []
        if not measured:
            yield f"# {one.evidence}\n{declaration([(one, False)])}"
            continue
        best = chosen(measured)
        text = declaration([(one, best.customer)])
        said = f"# gains {best.gain:+.4f}, by chance {best.chance:.4f}; {one.evidence}\n"
        yield said + (text if best.gain > 0 else _commented(text))


def chosen(measured: Sequence[Gain]) -> Gain:
    """How a field is proposed: with the customer's part only if it adds more than chance."""
    plain, *others = measured
    better = [one for one in others if one.gain > max(plain.gain, 0) + one.chance]
    return better[0] if better else plain


def _commented(text: str) -> str:
    return "".join(f"# {row}\n" for row in text.splitlines())


def command(proposal: Proposal, path: Path, layout: Layout, fields: Path | None) -> str:
    """The command that reads a file as is proposed; with a fields file, also what it declares."""
    options = list(proposal.options)
    if fields is not None:
        options = with_columns(proposal.options, proposal.candidates)
        options += ["--fields", shlex.quote(str(fields))]
    return " ".join(["weir replay", shlex.quote(str(path)), *laid_out(layout), *options])


def with_columns(options: Sequence[str], found: Sequence[Candidate]) -> list[str]:
    """Options that name the columns of fields too.

    >>> with_columns(["--columns id=TX", "--sort"], [Candidate("a", "word", "A B", "", "a=A B")])
    ["--columns 'id=TX,a=A B'", '--sort']
    """
    more = [one.option for one in found if one.option]
    if not more:
        return list(options)
    given = [one for one in options if one.startswith("--columns ")]
    text = ",".join([*(shlex.split(one)[1] for one in given), *more])
    return [f"--columns {shlex.quote(text)}", *(one for one in options if one not in given)]
