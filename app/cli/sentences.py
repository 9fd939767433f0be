"""How commands run what waits, and how they fail: one sentence on standard error, exit code 1."""

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import typer

from app.errors import WeirError

T = TypeVar("T")


@contextmanager
def sentences() -> Iterator[None]:
    """Turn a WeirError into its sentence; anything else is a bug and keeps its traceback."""
    try:
        yield
    except WeirError as error:
        typer.echo(f"weir: {error}", err=True)
        raise typer.Exit(1) from None


def awaited(work: Coroutine[Any, Any, T]) -> T:
    """The result of what waits for a broker or a worker."""
    import asyncio  # .07 s of processor time that `weir --help` saves

    return asyncio.run(work)
