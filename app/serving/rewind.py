"""Committed positions of an earlier epoch: a log that was made again is read from its start.

Brokers usually drop a group's positions with the topic. Where they did not, the group would go
on in the middle of the new log, or wait beyond its end.
"""

import logging
from collections.abc import Collection, Mapping

from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types.tuples import TP

from app.runtime.reading import bounds, reader
from app.runtime.tables import Table
from app.serving.decisions import PATIENCE
from app.serving.generation import KEY, follow_up, read_mark
from app.serving.setup import Setup

log = logging.getLogger(__name__)


async def rewind(
    setup: Setup, labels: Table, ids: Mapping[str, str], consumer: Consumer
) -> dict[TP, int]:
    """Commit the start of each log whose position is of an earlier epoch; returns what failed.

    Raises
    ------
    StateError
        See `app.serving.generation.follow_up`.
    """
    begun = _begun(setup, labels, ids, {tp.partition for tp in consumer.assignment()})
    if not begun:
        return {}
    committed = await consumer._thread.call_thread(_committed, consumer._thread, begun)
    back: dict[TP, int] = {}
    async with reader(setup.settings.brokers, *begun, patience=PATIENCE) as source:
        for tp, remade in begun.items():
            begin, end = await bounds(source, tp)
            if committed[tp] is not None and (remade or committed[tp] > end):
                what = "%s[%d]: the committed position %d is of an earlier epoch; reading from %d"
                log.warning(what, tp.topic, tp.partition, committed[tp], begin)
                back[tp] = begin
    if back and await consumer._thread.commit(back):
        return {}
    return back


def _begun(
    setup: Setup, labels: Table, ids: Mapping[str, str], partitions: Collection[int]
) -> dict[TP, bool]:
    """The sources of partitions that begin an epoch, and whether each was made again."""
    epoch, names = setup.settings.epoch, setup.topics
    found: dict[TP, bool] = {}
    for partition in partitions:
        mark = read_mark(labels.store(partition).get(KEY))
        if mark is not None and mark.epoch < epoch:
            change = follow_up(mark, epoch, names, ids, epoch)
            found.update((TP(name, partition), name in change.begun) for name in names.inputs)
    return found


async def _committed(thread: AIOKafkaConsumerThread, tps: Collection[TP]) -> dict[TP, int | None]:
    """Runs in the consumer's thread."""
    consumer = thread._ensure_consumer()
    return {tp: await consumer.committed(tp) for tp in tps}
