"""What happens in a run, decided by its seed alone."""

import random
from dataclasses import dataclass

from tests.chaos.faults import FAULTS

TIGHT = 4.0  # alerts an hour, of some 7 frauds in 236 transactions
HELD = 1.0  # longer than most steps, shorter than the time between two commits
EVERYWHERE = [name for name, fault in FAULTS.items() if not fault.needs]


@dataclass(frozen=True)
class Plan:
    """One run: how many workers and brokers, which load, which faults in which order."""

    seed: int
    faults: tuple[str, ...]
    workers: int = 3
    nodes: int = 1
    partitions: int = 6
    rate: float = 300.0  # transactions a second
    backlog: int = 0  # transactions sent at once, before the paced ones
    static: bool = False  # static members of the group
    disk: bool = False  # a small disk under worker-0
    review_budget: float = 0.0  # alerts an hour of event time; 0 for a fixed threshold
    coalesce: float = 0.0  # seconds for which customers' changes are held back; 0: not at all
    leave_out: str = ""  # mends of Faust left out, comma separated


def make_plan(seed: int, faults: int = 6, leave_out: str = "") -> Plan:
    """The mixed run of a seed: every fourth one has three brokers.

    >>> make_plan(1) == make_plan(1), len(make_plan(1).faults)
    (True, 6)
    """
    chance = random.Random(seed)
    nodes = 3 if seed % 4 == 0 else 1
    broker = ["node-kill"] if nodes == 3 else [chance.choice(["broker-term", "broker-kill"])]
    disk = seed % 3 == 1
    chosen = broker + ["disk-full"] * disk
    # In turn with the seeds, so that a row of them has every fault about equally often.
    rest = max(faults - len(chosen), 0)
    chosen += [EVERYWHERE[(seed * rest + n) % len(EVERYWHERE)] for n in range(rest)]
    chance.shuffle(chosen)
    return Plan(
        seed=seed,
        faults=tuple(chosen),
        nodes=nodes,
        rate=chance.choice([200.0, 300.0, 400.0, 500.0]) if nodes == 1 else 200.0,
        backlog=chance.choice([0, 0, 10_000]),
        static=chance.random() < 0.5,
        disk=disk,
        review_budget=chance.choice([0.0, TIGHT]),
        coalesce=chance.choice([0.0, HELD]),
        leave_out=leave_out,
    )
