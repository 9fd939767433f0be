"""Fuzz what comes from outside: `python -m tests.fuzz run --minutes 10`, or through a worker."""

import asyncio
import itertools
import logging
import secrets
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from tests.fuzz.engine import run as run_target
from tests.fuzz.targets import targets

TURN = 3.0  # seconds of one target before the next one

app = typer.Typer(add_completion=False)
Seed = Annotated[int | None, typer.Option(help="Seed; a new one if none is given.")]


@app.command()
def run(
    minutes: Annotated[float, typer.Option(help="How long.")] = 10,
    seed: Seed = None,
    target: Annotated[str, typer.Option(help="Only this target.")] = "",
    first: Annotated[int, typer.Option(help="Number of the first case.")] = 0,
    cases: Annotated[int, typer.Option(help="Most cases of each target.")] = 1 << 40,
    out: Annotated[Path, typer.Option(help="Where findings are written.")] = Path("fuzz-findings"),
) -> None:
    """Feed made and changed inputs to every target in turn; ends with 1 when it finds something."""
    seed = secrets.randbelow(2**32) if seed is None else seed
    typer.echo(f"SEED={seed}")
    logging.disable(logging.WARNING)
    chosen = [one for one in targets() if target in ("", one.name)]
    if not chosen:
        raise typer.BadParameter(f"there is no target {target}")
    numbers = {one.name: iter(range(first, first + cases)) for one in chosen}
    known: set[str] = set()
    done: Counter[str] = Counter()
    end = time.monotonic() + 60 * minutes
    for one in itertools.cycle(chosen):
        if time.monotonic() > end or not numbers:
            break
        before = done[one.name]
        turn = min(end, time.monotonic() + TURN)
        for found in run_target(one, seed, numbers.get(one.name, iter(())), turn, known):
            done[one.name] += 1
            if found is not None:
                typer.echo(f"\n{found}\n  kept in {found.keep(out)}")
        if done[one.name] == before:
            numbers.pop(one.name, None)
    told = ", ".join(f"{count:,} {name}" for name, count in done.items())
    typer.echo(f"{len(known)} findings in {told}; SEED={seed}")
    raise typer.Exit(1 if known else 0)


@app.command()
def worker(
    records: Annotated[int, typer.Option(help="Transactions to publish.")] = 1_000_000,
    labels: Annotated[int, typer.Option(help="Labels to publish; a tenth if not given.")] = -1,
    seed: Seed = None,
    minutes: Annotated[float, typer.Option(help="Longest time for the worker.")] = 60,
) -> None:
    """Let one real worker on a real broker read fuzzed records, and compare with the oracle."""
    from tests.fuzz.worker import Load, play

    seed = secrets.randbelow(2**32) if seed is None else seed
    typer.echo(f"SEED={seed}")
    load = Load(seed, records, records // 10 if labels < 0 else labels)
    report = asyncio.run(play(load, minutes * 60, typer.echo))
    typer.echo(report.text())
    raise typer.Exit(0 if report.passed else 1)


if __name__ == "__main__":
    app()
