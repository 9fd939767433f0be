"""A short selection of the fault runs; `make chaos` plays the long ones."""

from pathlib import Path

import pytest

from tests.chaos.plan import HELD, TIGHT, Plan
from tests.chaos.play import play

SHORT = {
    "workers, changes held back": (("kill", "stop-long"), 0.0, HELD),
    "disk and broker": (("wipe", "broker-kill"), TIGHT, 0.0),
}


@pytest.mark.broker
@pytest.mark.parametrize(("faults", "review_budget", "coalesce"), SHORT.values(), ids=SHORT)
async def test_nothing_is_lost_and_nothing_learned_twice(
    faults: tuple[str, ...], review_budget: float, coalesce: float, seed: int, tmp_path: Path
):
    plan = Plan(seed, faults, rate=200.0, review_budget=review_budget, coalesce=coalesce)
    outcome = await play(plan, tmp_path)
    assert (outcome.invalid, outcome.failures) == ("", {}), outcome.figures
    assert [fault.name for fault in outcome.faults] == list(faults)
