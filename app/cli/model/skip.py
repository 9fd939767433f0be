"""`weir model skip`: an entry at which all workers stop is left out."""

import sys
import time
from typing import Annotated

import typer

from app.cli import chosen
from app.cli.model.repair import Actor, Reason
from app.cli.sentences import awaited, sentences


def skip(
    offset: Annotated[int, typer.Argument(min=0, help="Offset in the examples log.")],
    reason: Reason = "",
    actor: Actor = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, as at a terminal.")] = False,
) -> None:
    """Have all workers leave out an entry of the examples log that is of an unknown kind.

    Such an entry stops every worker that reaches it: it may be of a later release, and then an
    update is the better way out. A skip is appended to the log, and workers look for it before they
    stop. A restore whose snapshot is lost may be left out as well: they wait for it. Refused
    for an entry that workers fold, or pass over by themselves.
    """
    from app.core.messages import Restore
    from app.serving.learning.repair import leave_out, skip_of, stuck_at

    with sentences():
        setup = chosen.setup()
        awaited(setup.check_topics())
        found = awaited(stuck_at(setup, offset))
        entry = skip_of(offset, int(time.time() * 1000), actor, reason)
        what = "a restore of a snapshot that is lost"
        if not isinstance(found, Restore):
            what = f"of the kind {found.kind!r}"
        typer.echo(f"Example {offset} is {what}. No worker will ever take it in.")
        if not yes and sys.stdin.isatty():
            typer.confirm("Leave it out on all workers?", abort=True)
        typer.echo(f"published the skip: examples offset {awaited(leave_out(setup, entry))}")
