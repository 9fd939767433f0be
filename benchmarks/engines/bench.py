"""Which engines are measured how much, in what order, and what came of it."""

import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import msgspec

from app import __version__
from benchmarks.engines import default
from benchmarks.engines.catchup import Run, catch_up
from benchmarks.engines.log import Log
from benchmarks.engines.paced import Payment, latencies
from benchmarks.engines.peers import ENGINES
from benchmarks.engines.process import EngineError
from benchmarks.engines.rows import Measured, Row, fill
from benchmarks.engines.work import expected, transactions, write

SOURCE = "plain-transactions"
CATCH_UP = "catch-up"
DEFAULT = "weir default"  # the whole default path, beside the engines
HELD = "weir default held"  # the same, changes of customers held back for a second
COALESCE = {DEFAULT: 0.0, HELD: 1.0}
PACED = ("weir", "quix", "quix tuned", "aiokafka", "confluent", DEFAULT)
QUICK = ("weir", "quix tuned", "confluent", DEFAULT)
MISSING = "not installed; `make bench` installs it where there is a wheel of it"


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes
    ----------
    events: transactions at catch-up; of the whole path, which is dearer, `default_events`.
    paces: transactions a second, each for `seconds`.
    """

    engines: tuple[str, ...]
    paced: tuple[str, ...]
    events: int
    default_events: int
    repeats: int
    paces: tuple[int, ...]
    seconds: float


FULL = Plan(
    (*(e.name for e in ENGINES), *COALESCE), PACED, 30_000, 20_000, 3, (500, 1000, 2000), 10
)
SHORT = Plan(QUICK, QUICK, 20_000, 20_000, 1, (1000,), 10)


class Bench:
    """One run of the benchmark on one broker.

    `failed` holds a sentence for each engine that failed, by its name and whether at a pace.
    """

    def __init__(self, plan: Plan, log: Log, directory: Path, chance: random.Random) -> None:
        self.plan, self.log, self.directory, self.chance = plan, log, directory, chance
        self.installed = {e.name: e for e in ENGINES if e.name in plan.engines and e.version}
        self.numbers = count(1)
        self.caught_up: dict[str, list[Measured]] = {name: [] for name in plan.engines}
        self.learned: dict[str, list[Measured]] = {name: [] for name in COALESCE}
        self.at_pace: dict[str, list[Measured]] = {}
        self.failed: dict[tuple[str, bool], str] = {}

    async def run(self) -> None:
        """All of it."""
        await self.log.create(SOURCE)
        rows = transactions(self.plan.events, seed=1)
        await self.log.fill(SOURCE, rows)
        log = await self.log.read(SOURCE)
        self.expected = expected([record.value for record in part] for part in log)
        for _ in range(self.plan.repeats):
            for name in self.shuffled(self.plan.engines):
                await self.attempt(name, self.catch_up)
        for name in self.shuffled(self.plan.paced):
            await self.attempt(name, self.keep_pace)

    def shuffled(self, names: tuple[str, ...]) -> list[str]:
        """Those that can run, in random order."""
        able = [name for name in names if name in self.installed or name in COALESCE]
        self.chance.shuffle(able)
        return able

    async def attempt(self, name: str, measure: Callable[[str], Awaitable[str]]) -> None:
        """Measure one engine, say what came of it, and go on when it fails."""
        began = time.monotonic()
        try:
            said = await measure(name)
        except EngineError as error:
            self.failed[name, measure == self.keep_pace] = said = f"failed: {error}"
        print(f"{name}: {said}; {time.monotonic() - began:.0f} s", flush=True)

    async def catch_up(self, name: str) -> str:
        """One repeat at catch-up."""
        if name in COALESCE:
            decided, learned = await default.decide_and_learn(
                self.log, self.plan.default_events, self.place(name), COALESCE[name]
            )
            self.learned[name].append(learned)
        else:
            run = Run(self.log, self.installed[name], SOURCE, self.place(name), paced=False)
            decided = await catch_up(run, self.plan.events, self.expected)
        self.caught_up[name].append(decided)
        return f"{decided.cpu_us:.1f} µs, {decided.events_per_s:.0f}/s"

    async def keep_pace(self, name: str) -> str:
        """All paces, one after another, by one process."""
        paces, seconds = self.plan.paces, self.plan.seconds
        if name == DEFAULT:
            found = await default.decide_at(self.log, paces, seconds, self.place(name))
        else:
            place = self.place(name)
            source = f"{place.name}-transactions"
            run = Run(self.log, self.installed[name], source, place, paced=True)
            found = await plain_latencies(run, paces, seconds)
        self.at_pace[name] = found
        return ", ".join(
            f"{pace}/s p50 {one.latencies[0]:.1f} p99 {one.latencies[1]:.0f} ms"
            for pace, one in zip(paces, found, strict=True)
        )

    def place(self, name: str) -> Path:
        """A directory for one run. No name of one is part of another's: topics are found by it."""
        return self.directory / f"{name.replace(' ', '-')}-{next(self.numbers):03d}"

    # -- rows

    def rows(self) -> list[Row]:
        """Everything, as rows: catch-up first, then the paces."""
        rows = []
        for name in self.plan.engines:
            events = self.plan.default_events if name in COALESCE else self.plan.events
            rows.append(self.row(name, CATCH_UP, events, self.caught_up[name]))
        for name in [name for name in COALESCE if name in self.plan.engines]:
            row = self.row(name, CATCH_UP, self.plan.default_events, self.learned[name])
            row.work += ", labels"
            rows.append(row)
        for index, pace in enumerate(self.plan.paces):
            events = round(pace * self.plan.seconds)
            for name in self.plan.paced:
                found = self.at_pace[name][index : index + 1] if name in self.at_pace else []
                rows.append(self.row(name, f"{pace}/s", events, found))
        return rows

    def row(self, name: str, load: str, events: int, runs: list[Measured]) -> Row:
        """One row of an engine."""
        row = blank(name, load, events)
        row.note = self.failed.get((name, load != CATCH_UP), row.note)
        return fill(row, runs)


def blank(name: str, load: str, events: int) -> Row:
    """A row of an engine in which nothing is measured yet."""
    if name in COALESCE:
        work = ", ".join(name.split()[1:])  # "default", or "default, held"
        return Row(engine="weir", version=__version__, work=work, load=load, events=events)
    [engine] = [one for one in ENGINES if one.name == name]
    version = __version__ if name == "weir" else engine.version
    note = engine.note if version else MISSING
    return Row(engine=name, version=version, work="plain", load=load, events=events, note=note)


async def plain_latencies(run: Run, paces: Sequence[float], seconds: float) -> list[Measured]:
    """Latencies of an engine at each of the paces. Raises EngineError."""
    await run.log.create(run.job.source)
    process, job = await run.start(), run.job
    try:
        return await latencies(
            process, job.brokers, job.source, job.predictions, payments(), paces, seconds
        )
    finally:
        await process.stop()


def payments() -> Iterator[Payment]:
    """Transactions of the plain work, without end."""
    for tx in transactions(sys.maxsize, seed=2):
        yield Payment(tx.customer, lambda name, tx=tx: write(msgspec.structs.replace(tx, id=name)))
