"""Mends of aiokafka's group membership, for `app.runtime.mends.install`."""

import asyncio
import logging
from functools import lru_cache
from typing import Any

import aiokafka
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator
from faust.transport.consumer import ensure_TPset
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types.tuples import TP

from app.runtime.flow import Flow
from app.runtime.guard import Exit

log = logging.getLogger(__name__)

GOODBYE = 3.0  # seconds that leaving the group may take: without it, the session times out
FETCH_WAIT_MS = 100  # Faust's 1500 keeps sources waiting behind an old fetch of changelogs


def note_heartbeats(flow: Flow) -> None:
    """Renew the lease when the group acknowledges: aiokafka keeps that in a local variable."""
    heartbeat, sync = (
        GroupCoordinator._do_heartbeat,
        CoordinatorGroupRebalance._send_sync_group_request,
    )
    lease = flow.guard.lease

    async def _do_heartbeat(self: GroupCoordinator) -> bool:
        sent = lease.clock()
        if alive := await heartbeat(self):
            lease.renew(sent)
        return alive

    async def _send_sync_group_request(self: Any, request: Any) -> bytes | None:
        sent = lease.clock()
        if (assignment := await sync(self, request)) is not None:
            lease.renew(sent)
            flow.rejoins.joined()
        return assignment

    GroupCoordinator._do_heartbeat = _do_heartbeat
    CoordinatorGroupRebalance._send_sync_group_request = _send_sync_group_request


def count_lost_memberships(flow: Flow) -> None:
    """Count each time another member took this worker's place, or it was too slow for the group."""
    reset = GroupCoordinator.reset_generation

    def reset_generation(self: GroupCoordinator) -> None:
        if self.generation > 0 and not self._closing.done():
            flow.rejoins.lost()
        reset(self)

    GroupCoordinator.reset_generation = reset_generation


def leave_when_refused(flow: Flow) -> None:
    """Stock keeps a fatal error for its caller, but Faust never asks: the worker idles forever."""
    routine = GroupCoordinator._GroupCoordinator__coordination_routine

    async def coordination_routine(self: GroupCoordinator) -> None:
        try:
            await routine(self)
        except Exception as error:
            flow.guard.leave(Exit.GROUP, f"cannot stay in the group {self.group_id}: {error!r}")

    def _push_error_to_user(self: GroupCoordinator, error: BaseException) -> asyncio.Future:
        why = f"the group {self.group_id} refuses this worker: {error!r}"
        flow.guard.leave(Exit.GROUP, f"{why}{strangers(error)}")

    GroupCoordinator._GroupCoordinator__coordination_routine = coordination_routine
    GroupCoordinator._push_error_to_user = _push_error_to_user


def strangers(error: BaseException) -> str:
    """Who else may be in a group that gives this answer, in words; empty when nobody has to be."""
    told = repr(error)
    if "UnknownError()" in told:  # what brokers answer when they do not understand Faust's assignor
        return (
            "; brokers answer so while a consumer of the new protocol (group.protocol=consumer, "
            "KIP-848) is in the group: stop it, or give it or WEIR_APP_ID another name"
        )
    if "InconsistentGroupProtocolError" in told:
        return (
            "; a consumer that is no worker of Weir is in the group: stop it, or give it or "
            "WEIR_APP_ID another name"
        )
    return ""


def stop_without_broker(flow: Flow) -> None:
    """Stock waits for an answer when it leaves, and its thread fails on a fetch that it cancels."""
    leave_group, close = GroupCoordinator._maybe_leave_group, Fetcher.close

    async def _maybe_leave_group(self: GroupCoordinator) -> None:
        try:
            async with asyncio.timeout(GOODBYE):
                await leave_group(self)
        except TimeoutError:
            log.warning("No answer to leaving the group; it will notice within the session timeout")

    async def close_fetcher(self: Fetcher) -> None:
        try:
            await close(self)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # it was meant for us

    GroupCoordinator._maybe_leave_group, Fetcher.close = _maybe_leave_group, close_fetcher


def short_fetch_wait(flow: Flow) -> None:
    """Do not let the sources wait for 1.5 s behind a fetch of the changelogs."""
    create = AIOKafkaConsumerThread._create_worker_consumer

    def _create_worker_consumer(self: AIOKafkaConsumerThread, transport: Any) -> Any:
        consumer: aiokafka.AIOKafkaConsumer = create(self, transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer

    AIOKafkaConsumerThread._create_worker_consumer = _create_worker_consumer


def remember_assignment(flow: Flow) -> None:
    """Stock builds a new set of all partitions at each call: several times a step."""
    of = lru_cache(maxsize=1)(lambda tps: frozenset(ensure_TPset(tps)))

    def assignment(self: AIOKafkaConsumerThread) -> frozenset[TP]:
        # aiokafka's own set is one frozen object for as long as the assignment lasts.
        return of(frozenset(self._ensure_consumer().assignment()))

    AIOKafkaConsumerThread.assignment = assignment


def committed_only(flow: Flow) -> None:
    """Stock delivers records of aborted transactions."""
    create = AIOKafkaConsumerThread._create_worker_consumer

    def _create_worker_consumer(self: AIOKafkaConsumerThread, transport: Any) -> Any:
        consumer: aiokafka.AIOKafkaConsumer = create(self, transport)
        consumer._isolation_level = "read_committed"  # read when it starts
        return consumer

    AIOKafkaConsumerThread._create_worker_consumer = _create_worker_consumer
