"""How commands fail: one sentence on standard error, exit code 1, no traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from app.errors import WeirError


@contextmanager
def sentences() -> Iterator[None]:
    """Turn a WeirError into its sentence; anything else is a bug and keeps its traceback."""
    try:
        yield
    except WeirError as error:
        typer.echo(f"weir: {error}", err=True)
        raise typer.Exit(1) from None
