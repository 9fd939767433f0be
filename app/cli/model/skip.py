"""`weir model skip`: an entry of the examples log that no release here knows is left out."""

import time
from typing import Annotated

import typer

from app.cli import chosen
from app.cli.model.repair import Actor, Reason
from app.cli.sentences import awaited, sentences


def skip(
    offset: Annotated[int, typer.Argument(min=0, help="Offset in the examples log.")],
    reason: Reason,
    actor: Actor,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Have all workers leave out an entry of the examples log that is of an unknown kind.

    Such an entry stops every worker that reaches it: it may be of a later release, and updating is
    then the better way out. A skip is appended to the log, and workers look for it before they
    stop. Refused for an entry that workers fold, or pass over by themselves.
    """
    from app.serving.repair import leave_out, skip_of, unknown_at

    with sentences():
        setup = chosen.setup()
        awaited(setup.check_topics())
        found = awaited(unknown_at(setup, offset))
        entry = skip_of(offset, int(time.time() * 1000), actor, reason)
        typer.echo(f"Example {offset} is of the kind {found.kind!r}. No worker will ever learn it.")
        if not yes:
            typer.confirm("Leave it out on all workers?", abort=True)
        typer.echo(f"published the skip: examples offset {awaited(leave_out(setup, entry))}")
