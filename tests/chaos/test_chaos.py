"""A short selection of the fault runs; `make chaos` plays the long ones."""

from pathlib import Path

import pytest

from tests.chaos.plan import Plan
from tests.chaos.play import play

SHORT = {
    "workers": ("kill", "stop-long"),
    "disk and broker": ("wipe", "broker-kill"),
}


@pytest.mark.broker
@pytest.mark.parametrize("faults", SHORT.values(), ids=SHORT)
async def test_nothing_is_lost_and_nothing_learned_twice(
    faults: tuple[str, ...], seed: int, tmp_path: Path
):
    outcome = await play(Plan(seed, faults, rate=200.0), tmp_path)
    assert (outcome.invalid, outcome.failures) == ("", {}), outcome.figures
    assert [fault.name for fault in outcome.faults] == list(faults)
