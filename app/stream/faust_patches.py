"""Mends of Faust, each a small wrapper around one of its methods.

What each of them prevents was measured on a real broker and stands in docs/architecture.md.
They reach into private parts, so they refuse to load on any other version.
"""

import logging
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

import aiokafka
from faust.app.base import App
from faust.tables.base import Collection
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Consumer as KafkaConsumer
from faust.types.tuples import TP, ConsumerMessage

from app.errors import StateError
from app.stream.flow import Flow, WithRoom
from app.stream.guard import Exit, leave

VERSIONS = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0", "mode-streaming": "0.7.1"}
FETCH_WAIT_MS = 100  # Faust's 1500 keeps sources waiting behind an old fetch of changelogs
FULL_WAIT = 0.05  # seconds: look soon again when a lane is full


def check_versions() -> None:
    """Raise StateError unless exactly the versions are installed that the mends were made for."""
    for name, wanted in VERSIONS.items():
        if (found := version(name)) != wanted:
            raise StateError(f"{name} {found} is installed; the mends in {__name__} need {wanted}")


def install(flow: Flow) -> None:
    """Mend Faust in this process and lead its source topics through the flow."""
    check_versions()
    ConsumerMessage.epoch = -1
    _commit_before_revoke(flow)
    _commit_before_stop(flow)
    _own_positions(flow)
    _fetch_into_lanes(flow)
    _seek_before_resume(flow)
    _short_fetch_wait()
    _committed_only()
    _no_false_alarm()
    _recover_or_leave()
    limit_connection_errors()


def _commit_before_revoke(flow: Flow) -> None:
    """Stock drops the acknowledged offsets before any commit: thousands of repeats."""
    revoked, assigned = Consumer.on_partitions_revoked, Consumer.on_partitions_assigned

    async def on_partitions_revoked(self: Consumer, tps: set[TP]) -> None:
        await flow.close(self, commit=bool(tps))
        await revoked(self, tps)

    async def on_partitions_assigned(self: Consumer, tps: set[TP], generation_id: int = 0) -> None:
        await assigned(self, tps, generation_id)
        flow.open = True

    Consumer.on_partitions_revoked = on_partitions_revoked
    Consumer.on_partitions_assigned = on_partitions_assigned


def _commit_before_stop(flow: Flow) -> None:
    """A stopping worker finishes its steps and commits them, so that nothing is repeated."""
    stop_consumer = App._stop_consumer

    async def _stop_consumer(self: App) -> None:
        if self._consumer is not None and flow.open:
            await flow.close(self._consumer, commit=True)
        await stop_consumer(self)

    App._stop_consumer = _stop_consumer


def _own_positions(flow: Flow) -> None:
    """Faust's streams acknowledge events that they skip; only finished steps may count."""
    new_offset, commit_offsets = Consumer._new_offset, Consumer._commit_offsets

    def _new_offset(self: Consumer, tp: TP) -> int | None:
        if tp.topic not in flow.sources:
            return new_offset(self, tp)
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return flow.positions.get(tp)

    async def _commit_offsets(self: Consumer, offsets: dict, *args: Any, **kwargs: Any) -> bool:
        # The positions are read before this flush, so all they cover is acknowledged after it.
        await flow.owner.flush()
        return await commit_offsets(self, offsets, *args, **kwargs)

    Consumer._new_offset = _new_offset
    Consumer._commit_offsets = _commit_offsets


def _fetch_into_lanes(flow: Flow) -> None:
    """Take source partitions out of each fetch; changelogs go on as in stock Faust."""
    wait_next, getmany = Consumer._wait_next_records, KafkaConsumer._getmany
    to_message = KafkaConsumer._to_message

    async def _getmany(self: KafkaConsumer, active_partitions: set[TP], timeout: float) -> dict:
        view = None if active_partitions is None else WithRoom(flow, active_partitions)
        return await getmany(self, view, timeout)

    def _to_message(self: KafkaConsumer, tp: TP, record: Any) -> ConsumerMessage:
        message = to_message(self, tp, record)
        message.epoch = flow.epoch
        return message

    async def _wait_next_records(self: Consumer, timeout: float) -> tuple:
        if any(flow.full(tp) for tp in tuple(flow.lanes)):
            timeout = min(timeout, FULL_WAIT)
        records, active = await wait_next(self, timeout)
        if records and self.flow_active and not self.should_stop:
            ours = {TP(*tp): found for tp, found in records.items() if tp.topic in flow.sources}
            records = {tp: found for tp, found in records.items() if tp.topic not in flow.sources}
            await flow.deliver(self, ours, active)
        return records, active

    KafkaConsumer._getmany, KafkaConsumer._to_message = _getmany, _to_message
    Consumer._wait_next_records = _wait_next_records


def _seek_before_resume(flow: Flow) -> None:
    """Recovery resumes the sources before it seeks them (faust-streaming issue 596)."""
    completed = Recovery.on_recovery_completed

    async def on_recovery_completed(self: Recovery, generation_id: int = 0) -> None:
        consumer = self.app.consumer
        held: list[set[TP]] = []
        consumer.resume_partitions = held.append  # shadows the method while stock code runs
        try:
            await completed(self, generation_id)
        finally:
            del consumer.resume_partitions
        if self.app.consumer_generation_id == generation_id:
            for tps in held:
                consumer.resume_partitions(tps)
            flow.owner.recovered()

    Recovery.on_recovery_completed = on_recovery_completed


def _short_fetch_wait() -> None:
    create = AIOKafkaConsumerThread._create_worker_consumer

    def _create_worker_consumer(self: AIOKafkaConsumerThread, transport: Any) -> Any:
        consumer: aiokafka.AIOKafkaConsumer = create(self, transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer

    AIOKafkaConsumerThread._create_worker_consumer = _create_worker_consumer


def _committed_only() -> None:
    """Stock hands out what a transactional producer aborted."""
    create = AIOKafkaConsumerThread._create_worker_consumer

    def _create_worker_consumer(self: AIOKafkaConsumerThread, transport: Any) -> Any:
        consumer: aiokafka.AIOKafkaConsumer = create(self, transport)
        consumer._isolation_level = "read_committed"  # taken over when it starts
        return consumer

    AIOKafkaConsumerThread._create_worker_consumer = _create_worker_consumer


def _no_false_alarm() -> None:
    """Faust looks for hanging streams by acknowledgements that do not count here."""

    async def verify_all_partitions_active(self: Consumer) -> None:
        return None

    Consumer.verify_all_partitions_active = verify_all_partitions_active


def _recover_or_leave() -> None:
    """Stock logs a failed recovery and goes on; and it applies strangers' records to any table."""
    apply = Collection.apply_changelog_batch

    def apply_changelog_batch(self: Collection, batch: Iterable[Any]) -> None:
        tracked = self.app.tables.recovery.active_tps
        topic = self.changelog_topic.get_topic_name()
        mine = [e for e in batch if e.message.topic == topic and e.message.tp in tracked]
        try:
            apply(self, mine)
        except Exception as error:
            leave(Exit.RECOVERY, f"table {self.name} could not take its changelog: {error!r}")

    Collection.apply_changelog_batch = apply_changelog_batch


class OncePer(logging.Filter):
    """Let a logger say the same thing once in a while: without a broker aiokafka says it always."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.seconds, self.clock = seconds, clock
        self.said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this message was not let through within the last seconds."""
        key, now = (record.name, str(record.msg)), self.clock()
        if now - self.said.get(key, -self.seconds) < self.seconds:
            return False
        self.said[key] = now
        return True


def limit_connection_errors(seconds: float = 10.0) -> None:
    """Put `OncePer` in front of every logger of aiokafka."""
    limit = OncePer(seconds)
    for name in ("aiokafka", *(n for n in logging.root.manager.loggerDict if "aiokafka" in n)):
        logging.getLogger(name).addFilter(limit)
