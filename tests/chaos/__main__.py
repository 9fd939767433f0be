"""Run fault tests and write a report: `python -m tests.chaos --seed 1 --minutes 30`."""

import asyncio
import logging
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from app.runtime.guard import Exit
from tests.chaos import report
from tests.chaos.plan import make_plan
from tests.chaos.play import Outcome, play

TRIES = 3  # of a run that proves nothing
# What no fault is meant to lead to: such a run may pass, and somebody should read why.
STRANGE = {str(int(code)) for code in (Exit.STATE, Exit.UNASSIGNED, Exit.STUCK, Exit.FAUST)}


def main(
    seed: Annotated[int, typer.Option(help="Seed of the first run; the next ones count on.")] = 1,
    minutes: Annotated[float, typer.Option(help="No run begins later than this.")] = 30,
    runs: Annotated[int, typer.Option(help="Most runs.")] = 1000,
    faults: Annotated[int, typer.Option(help="Faults in a run.")] = 6,
    leave_out: Annotated[
        str, typer.Option(help="Mends to leave out, comma separated: to see what they prevent.")
    ] = "",
    out: Annotated[Path, typer.Option(help="Directory of the report.")] = Path("chaos-report"),
) -> None:
    """Strike a fleet of real workers on a real broker, and judge what is left."""
    until, outcomes = time.monotonic() + 60 * minutes, []
    for number in range(seed, seed + runs):
        if time.monotonic() > until:
            break
        for _ in range(TRIES):
            outcome = run(number, faults, leave_out, out)
            outcomes.append(outcome)
            typer.echo(line(outcome))
            report.write(outcomes, out)
            if not outcome.invalid:
                break
    told = report.summary(outcomes)
    typer.echo(report.table(told))
    typer.echo(report.totals(told))
    typer.echo(f"{told['passed']} of {told['valid']} runs passed; {out / 'report.html'}")
    raise typer.Exit(0 if told["valid"] and told["passed"] == told["valid"] else 1)


def run(seed: int, faults: int, leave_out: str, out: Path) -> Outcome:
    """One run in a directory of its own; its workers' logs stay where it needs explaining."""
    with tempfile.TemporaryDirectory(prefix="weir-chaos-") as directory:
        outcome = asyncio.run(play(make_plan(seed, faults, leave_out), Path(directory)))
        if not outcome.passed or STRANGE & outcome.figures.get("exits", {}).keys():
            for log in Path(directory).glob("*.log"):
                kept = out / f"seed-{seed}" / log.name
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(log.read_bytes())
    return outcome


def line(outcome: Outcome) -> str:
    """A run in one line."""
    verdict = "invalid" if outcome.invalid else "passed" if outcome.passed else "FAILED"
    gaps = [gap for fault in outcome.faults for gap in fault.gaps.values()]
    counts = ", ".join(f"{report.count(outcome, kind)} {kind}" for kind in report.KINDS)
    return (
        f"seed {outcome.plan['seed']}: {verdict}; {', '.join(f.name for f in outcome.faults)}; "
        f"{outcome.figures.get('transactions', 0)} transactions, {counts}, "
        f"longest gap {max(gaps, default=0):.1f} s"
        + (f"; {outcome.invalid}" if outcome.invalid else "")
    )


if __name__ == "__main__":
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # brokers go away on purpose
    typer.run(main)
