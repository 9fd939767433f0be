"""Traffic whose partitions differ: the same payments, and other ones of them are frauds."""

from dataclasses import replace
from itertools import chain, takewhile

import pytest

from app.core.partitioning import partition_of
from app.streams.fraud.simulator.scenarios import COMPROMISED, STOLEN, TESTING
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from app.units import DAY_MS
from benchmarks.life.partitions import unlike

TRAFFIC = replace(Traffic(), stolen=0.02, testing=0.2)
UNTIL = TRAFFIC.start + 4 * DAY_MS


@pytest.mark.parametrize("partitions", [4, 12])
def test_each_kind_of_fraud_but_one_is_a_habit_somewhere(partitions: int):
    before = takewhile(lambda row: row.event.at < UNTIL, chain.from_iterable(transactions(TRAFFIC)))
    kinds = {0: set(), 1: set()}
    for row, was in zip(unlike(partitions, UNTIL, TRAFFIC), before, strict=True):
        assert row.event == was.event
        assert row.positive == (row.kind != 0)
        assert row.kind in (was.kind, 0)
        kinds[partition_of(row.event.key, partitions) % 2].add(row.kind)
    assert kinds == {0: {0, COMPROMISED, STOLEN}, 1: {0, COMPROMISED, TESTING}}
