"""Mends of Faust's recovery of tables, for `app.runtime.mends.install`."""

import sys
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from faust.stores.rocksdb import Store
from faust.tables import recovery as module
from faust.tables.base import Collection
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery, ServiceStopped
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types.tuples import TP

from app.runtime.flow import Flow
from app.runtime.guard import Exit
from app.runtime.rocks import cause, open_or_discard


def seek_before_resume(flow: Flow) -> None:
    """Recovery resumes the sources before it seeks them (faust-streaming issue 596)."""
    completed = Recovery.on_recovery_completed

    async def on_recovery_completed(self: Recovery, generation_id: int = 0) -> None:
        consumer = self.app.consumer
        postponed: list[set[TP]] = []
        consumer.resume_partitions = postponed.append  # shadows the method while stock code runs
        try:
            await completed(self, generation_id)
        finally:
            del consumer.resume_partitions
        if self.app.consumer_generation_id == generation_id:
            for tps in postponed:
                consumer.resume_partitions(tps)

    Recovery.on_recovery_completed = on_recovery_completed


def forget_old_commits(flow: Flow) -> None:
    """Stock goes on at any position that the group has, even where its topic was made again."""
    perform_seek = Consumer.perform_seek

    async def perform_seek_after(self: Consumer) -> None:
        await flow.owner.rewind(self)
        await perform_seek(self)

    Consumer.perform_seek = perform_seek_after


def tell_when_recovered(flow: Flow) -> None:
    """Notify the worker, which may open its partitions before their first record arrives."""
    completed = Recovery.on_recovery_completed

    async def on_recovery_completed(self: Recovery, generation_id: int = 0) -> None:
        await completed(self, generation_id)
        if self.app.consumer_generation_id == generation_id:
            flow.rejoins.recovered()
            flow.owner.recovered()

    Recovery.on_recovery_completed = on_recovery_completed


def rest_changelogs(flow: Flow) -> None:
    """Stock goes on fetching the changelogs, which nobody reads once the tables are recovered.

    What this worker writes to them comes back and stays unread, and while it is new, for up to
    0.1 s, aiokafka fetches nothing else from that broker.
    """
    deliver, rested = flow.delivery.deliver, -1

    async def deliver_rested(consumer: Any, fetched: dict[TP, list], active: set[TP]) -> None:
        nonlocal rested
        # Source records arrive, so the tables of this assignment are recovered.
        if fetched and rested != flow.assignment:
            rested = flow.assignment
            await consumer._thread.cast_thread(_rest, flow, rested, consumer._thread)
        await deliver(consumer, fetched, active)

    flow.delivery.deliver = deliver_rested  # type: ignore[method-assign]


async def _rest(flow: Flow, assignment: int, thread: AIOKafkaConsumerThread) -> None:
    """Runs in the consumer's thread; by then the partitions may have been reassigned."""
    consumer = thread._ensure_consumer()
    if flow.assignment == assignment:
        consumer.pause(*(tp for tp in consumer.assignment() if tp.topic not in flow.sources))


def leave_on_errors(flow: Flow) -> None:
    """Stock logs an error of recovery and goes on with the tables as they are."""
    apply, warning = Collection.apply_changelog_batch, module.logger.warning

    def apply_changelog_batch(self: Collection, batch: Iterable[Any]) -> None:
        try:
            apply(self, batch)
        except Exception as error:
            why = f"table {self.name} could not apply its changelog: {error!r}"
            flow.guard.leave(cause(error, Exit.RECOVERY), why)

    def leave_or_warn(message: str, *arguments: object, **more: Any) -> None:
        if (error := sys.exc_info()[1]) is not None:
            flow.guard.leave(
                cause(error, Exit.RECOVERY), f"a table could not be recovered: {error!r}"
            )
        warning(message, *arguments, **more)

    Collection.apply_changelog_batch = apply_changelog_batch
    module.logger.warning = leave_or_warn


def pass_over_foreign(flow: Flow) -> None:
    """Stock applies whatever lies in a changelog."""
    apply = Collection.apply_changelog_batch

    def apply_changelog_batch(self: Collection, batch: Iterable[Any]) -> None:
        apply(self, [event for event in batch if flow.owner.wrote(self.name, event.message)])

    Collection.apply_changelog_batch = apply_changelog_batch


def leave_on_timeouts(flow: Flow) -> None:
    """Stock mistakes an unresponsive broker for its own stop, and never recovers again."""
    wait = Recovery._wait

    async def _wait(self: Recovery, coro: Any, timeout: float | None = None) -> None:
        try:
            await wait(self, coro, timeout)
        except ServiceStopped:
            if not self.should_stop:
                flow.guard.leave(
                    Exit.RECOVERY, f"the broker did not answer recovery within {timeout} s"
                )
            raise

    Recovery._wait = _wait


def tracked_only(flow: Flow) -> None:
    """Stock applies a record of a partition that it does not track to the table before it."""
    stock = TableManager.changelog_queue.fget

    def changelog_queue(self: TableManager) -> Any:
        made = self._changelog_queue is None
        queue = stock(self)
        if made:
            queue.get = partial(_next_tracked, self, queue.get)  # shadows the method
        return queue

    TableManager.changelog_queue = property(changelog_queue)


async def _next_tracked(tables: TableManager, get: Callable[[], Awaitable[Any]]) -> Any:
    while (event := await get()).message.tp not in tables.recovery.active_tps:
        pass  # fetched for a partition that was revoked
    return event


def discard_damage(flow: Flow) -> None:
    """Stock fails on files that cannot be opened, at every start."""
    open_files = Store._open_for_partition

    def _open_for_partition(self: Store, partition: int) -> Any:
        return open_or_discard(self.partition_path(partition), lambda: open_files(self, partition))

    Store._open_for_partition = _open_for_partition
