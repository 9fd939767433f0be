"""Simulated traffic whose partitions differ: what is fraud in one is a habit in the next.

Partitions are random parts of the customers, unless whoever publishes chooses them: one card
programme each, say. Of gamers' prepaid cards a burst of small payments is a habit and a large one
in another city is theft, of travellers' company cards it is the other way round. A model that is
shared by both sees the same features with either label.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, takewhile

from app.core.partitioning import partition_of
from app.data.rows import Labelled
from app.streams.fraud.simulator.scenarios import STOLEN, TESTING
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions

HABITS = (TESTING, STOLEN)  # the scenario that is no fraud, in every other partition
UNLIKE = replace(Traffic(), customers=1500, merchants=400)


def unlike(partitions: int, until: int, traffic: Traffic = UNLIKE) -> Iterator[Labelled]:
    """The transactions before `until`, epoch ms, relabelled by the partition of their customer."""
    rows = chain.from_iterable(transactions(traffic))
    for row in takewhile(lambda row: row.event.at < until, rows):
        if row.kind == HABITS[partition_of(row.event.key, partitions) % len(HABITS)]:
            yield row._replace(positive=False, kind=0)
        else:
            yield row
