"""Mends of Faust, each a small wrapper around one of its methods.

What each of them prevents was measured on a real broker: see docs/architecture.md.
They use private attributes, so they refuse to load on any other version.
"""

from collections.abc import Callable, Collection
from importlib.metadata import version
from typing import Any, NoReturn

from faust.app.base import App
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import Consumer as KafkaConsumer
from faust.transport.producer import Producer
from faust.types.tuples import TP, ConsumerMessage
from mode import Service

from app.errors import StateError
from app.runtime.fetching import codecs
from app.runtime.flow import Flow, WithRoom
from app.runtime.guard import Exit
from app.runtime.mends import batches, connection, group, recovery
from app.runtime.rocks import cause

VERSIONS = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0", "mode-streaming": "0.7.1"}
SELF_FENCE = "self-fence"  # `Guard`: not a mend of Faust, but it can be left out as well
FULL_WAIT = 0.05  # seconds: look again soon when a lane is full


def check_versions() -> None:
    """Raise StateError unless the installed versions are the ones that the mends were made for."""
    for name, wanted in VERSIONS.items():
        if (found := version(name)) != wanted:
            raise StateError(f"{name} {found} is installed; the mends in {__name__} need {wanted}")


def install(flow: Flow, leave_out: Collection[str] = frozenset()) -> None:
    """Mend Faust in this process and route its source topics through the flow.

    Parameters
    ----------
    leave_out: names in `MENDS` to leave out, for tests that show what each is worth.
    """
    check_versions()
    codecs.check()
    if unknown := set(leave_out) - {*MENDS, SELF_FENCE}:
        raise ValueError(f"no such mends: {', '.join(sorted(unknown))}")
    ConsumerMessage.assignment = -1
    _fetch_into_lanes(flow)
    _gate(flow)
    if "own-positions" in leave_out:
        _acknowledge_as_taken(flow)
    for name, mend in MENDS.items():
        if name not in leave_out:
            mend(flow)
    recovery.tell_when_recovered(flow)
    if SELF_FENCE in leave_out:
        flow.guard.disarm()


def _gate(flow: Flow) -> None:
    """Steps run only while the partitions are ours."""
    revoked, assigned = Consumer.on_partitions_revoked, Consumer.on_partitions_assigned

    async def on_partitions_revoked(self: Consumer, tps: set[TP]) -> None:
        if flow.open:
            await flow.close(self, commit=False)
        await revoked(self, tps)

    async def on_partitions_assigned(self: Consumer, tps: set[TP], generation_id: int = 0) -> None:
        await assigned(self, tps, generation_id)
        flow.open = True

    Consumer.on_partitions_revoked = on_partitions_revoked
    Consumer.on_partitions_assigned = on_partitions_assigned


def _take_before_recovery(flow: Flow) -> None:
    """Stock reads the logs while a former owner, frozen in mid-write, may still write to them."""
    assigned = Consumer.on_partitions_assigned

    async def on_partitions_assigned(self: Consumer, tps: set[TP], generation_id: int = 0) -> None:
        if await flow.owner.take(tps):
            await assigned(self, tps, generation_id)

    Consumer.on_partitions_assigned = on_partitions_assigned


def _commit_before_revoke(flow: Flow) -> None:
    """Stock drops the acknowledged offsets before any commit: thousands of repeats."""
    revoked = Consumer.on_partitions_revoked

    async def on_partitions_revoked(self: Consumer, tps: set[TP]) -> None:
        await flow.close(self, commit=bool(tps))
        await revoked(self, tps)

    Consumer.on_partitions_revoked = on_partitions_revoked


def _commit_before_stop(flow: Flow) -> None:
    """A stopping worker finishes its steps and commits them, so that nothing is repeated."""
    stop_consumer = App._stop_consumer

    async def _stop_consumer(self: App) -> None:
        if self._consumer is not None and flow.open:
            await flow.close(self._consumer, commit=True)
        await stop_consumer(self)

    App._stop_consumer = _stop_consumer


def _own_positions(flow: Flow) -> None:
    """Faust's streams acknowledge what they hand to an agent; only finished steps may count."""
    _commit_from(flow, flow.positions)


def _acknowledge_as_taken(flow: Flow) -> None:
    """Without `own-positions`: acknowledge chunks as Faust's streams acknowledge events."""
    take, taken = flow.take, dict[TP, int]()

    def take_and_count(event: Any) -> None:
        taken[event.message.tp] = event.message.offset + 1
        flow.app.consumer._acked[event.message.tp]  # the key alone makes Faust's commit look
        take(event)

    flow.take = take_and_count  # type: ignore[method-assign]
    _commit_from(flow, taken)


def _commit_from(flow: Flow, positions: dict[TP, int]) -> None:
    new_offset = Consumer._new_offset

    def _new_offset(self: Consumer, tp: TP) -> int | None:
        if tp.topic not in flow.sources:
            return new_offset(self, tp)
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return positions.get(tp)

    Consumer._new_offset = _new_offset


def _flush_before_commit(flow: Flow) -> None:
    """Stock commits while writes that the positions cover are still in flight."""
    commit_offsets = Consumer._commit_offsets

    async def _commit_offsets(self: Consumer, offsets: dict, *args: Any, **kwargs: Any) -> bool:
        # The positions are read before this flush, so all that they cover is acknowledged after it.
        assignment = flow.assignment
        await flow.owner.flush()
        if assignment != flow.assignment:
            return False  # an old position would go to the group under the new generation
        return await commit_offsets(self, offsets, *args, **kwargs)

    Consumer._commit_offsets = _commit_offsets


def _remember_real_commits(flow: Flow) -> None:
    """Stock records a commit that the group refused as if it had been accepted."""
    commit_offsets = Consumer._commit_offsets

    async def _commit_offsets(self: Consumer, offsets: dict, *args: Any, **kwargs: Any) -> bool:
        assignment, before = flow.assignment, {tp: self._committed_offset[tp] for tp in offsets}
        done = await commit_offsets(self, offsets, *args, **kwargs)
        if not done and assignment == flow.assignment:
            self._committed_offset.update(before)
        return done

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
        message.assignment = flow.assignment
        return message

    async def _wait_next_records(self: Consumer, timeout: float) -> tuple:
        if any(flow.full(tp) for tp in tuple(flow.lanes)):
            timeout = min(timeout, FULL_WAIT)
        records, active = await wait_next(self, timeout)
        if records and self.flow_active and not self.should_stop:
            ours = {TP(*tp): found for tp, found in records.items() if tp.topic in flow.sources}
            records = {tp: found for tp, found in records.items() if tp.topic not in flow.sources}
            await flow.delivery.deliver(self, ours, active)
        return records, active

    KafkaConsumer._getmany, KafkaConsumer._to_message = _getmany, _to_message
    Consumer._wait_next_records = _wait_next_records


def _true_set(flow: Flow) -> None:
    """aiokafka takes an empty set of partitions for "no filter".

    It then hands out records of paused partitions, which Faust drops and commits over.
    """
    WithRoom.__bool__ = lambda self: True  # type: ignore[attr-defined]


def _no_false_alarm(flow: Flow) -> None:
    """Faust detects hanging streams by acknowledgements, which do not count here."""

    async def verify_all_partitions_active(self: Consumer) -> None:
        return None

    Consumer.verify_all_partitions_active = verify_all_partitions_active


def _only_our_writers(flow: Flow) -> None:
    """A commit does not wait for stock's buffer, so nothing may ever get into it."""

    def refuse(self: Producer, *args: Any, **kwargs: Any) -> NoReturn:
        raise StateError("a write went to Faust's producer instead of the writers: a bug")

    for name in ("send", "send_soon", "send_and_wait"):
        for kind in (Producer, *Producer.__subclasses__()):
            setattr(kind, name, refuse)


def _leave_on_crash(flow: Flow) -> None:
    """Stock logs a traceback and stops bit by bit, committing as it goes."""

    async def crash(self: Service, reason: BaseException) -> None:
        flow.guard.leave(cause(reason, Exit.FAUST), f"{self.label} failed: {reason!r}")

    for kind in (Service, *_heirs(Service)):
        if "crash" in vars(kind):
            kind.crash = crash


def _heirs(kind: type) -> list[type]:
    heirs: list[type] = kind.__subclasses__()
    return heirs + [farther for heir in heirs for farther in _heirs(heir)]


MENDS: dict[str, Callable[[Flow], None]] = {
    "take-before-recovery": _take_before_recovery,
    "commit-before-revoke": _commit_before_revoke,
    "commit-before-stop": _commit_before_stop,
    "own-positions": _own_positions,
    "remember-real-commits": _remember_real_commits,
    "flush-before-commit": _flush_before_commit,
    "true-set": _true_set,
    "no-false-alarm": _no_false_alarm,
    "only-our-writers": _only_our_writers,
    "leave-on-crash": _leave_on_crash,
    "seek-before-resume": recovery.seek_before_resume,
    "forget-old-commits": recovery.forget_old_commits,
    "leave-on-errors": recovery.leave_on_errors,
    "pass-over-foreign": recovery.pass_over_foreign,
    "leave-on-timeouts": recovery.leave_on_timeouts,
    "tracked-only": recovery.tracked_only,
    "rest-changelogs": recovery.rest_changelogs,
    "discard-damage": recovery.discard_damage,
    "note-heartbeats": group.note_heartbeats,
    "count-lost-memberships": group.count_lost_memberships,
    "leave-when-refused": group.leave_when_refused,
    "stop-without-broker": group.stop_without_broker,
    "short-fetch-wait": group.short_fetch_wait,
    "committed-only": group.committed_only,
    "remember-assignment": group.remember_assignment,
    "notice-closed-transports": connection.notice_closed_transports,
    "pass-unreadable-batches": batches.pass_unreadable_batches,
    "reach-the-end": batches.reach_the_end,
}
