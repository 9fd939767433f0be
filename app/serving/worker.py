"""One worker: everything it holds."""

import asyncio
import gc
import logging
import platform
from collections import defaultdict
from collections.abc import Collection, Coroutine, Sequence
from functools import partial

import faust
import numpy
import river
from aiokafka import ConsumerRecord, TopicPartition
from faust.types.tuples import TP
from rocksdict import Rdict

from app import __version__
from app.core.batch import Account
from app.core.fingerprint import cpu_features, engine, grids_digest
from app.core.fold import LearningState
from app.core.labels import decode_entry
from app.core.manifest import Identity
from app.core.models.zoo import Grids
from app.core.threshold import FLOOR, Budget
from app.errors import StateError, WeirError
from app.runtime import topics
from app.runtime.fence import Fence
from app.runtime.flow import Flow
from app.runtime.guard import Exit, Guard, leave
from app.runtime.held import Held
from app.runtime.reading import reader
from app.runtime.rocks import cause
from app.runtime.step import Changes, Step
from app.runtime.tables import new_table
from app.runtime.watchdog import Watchdog
from app.runtime.writer import Out, Writers
from app.serving.agents import Learn, Score
from app.serving.dead_letters.write import waiting_again
from app.serving.decisions import PATIENCE, ScoredPartition
from app.serving.follow import Follower
from app.serving.maturing import Maturing
from app.serving.sensors import Sensors
from app.serving.snapshots import Snapshots
from app.serving.sweep import Sweep
from app.serving.waiting import Waiting, left_over, overdue
from app.settings import Settings
from app.streams.fraud.decision import Policy
from app.streams.fraud.features import feature_set
from app.streams.fraud.history.record import Limits
from app.streams.fraud.knowledge import Knowledge

log = logging.getLogger(__name__)

LEARN_GAP = 0.05  # seconds between steps: many labels cost less then, and hold decisions up less
CLOSE_SHARE = 0.5  # of the session timeout: the longest that a revoke may take
PAGE = 1000  # waiting labels looked at without a pause
FOREVER = 2**63  # epoch ms
YOUNG = 10_000  # new objects from which on the collector looks for garbage; Python has 700


def fingerprint() -> str:
    """The engine: code and processor features that decide the last bit of a score."""
    libc = "-".join(platform.libc_ver())
    return engine(__version__, numpy.__version__, river.__version__, cpu_features(), libc)


def grids_of(settings: Settings) -> Grids:
    """Bin edges by name of the features that these settings choose."""
    return feature_set(settings.features).grids


def new_state(settings: Settings) -> LearningState:
    """An empty learning state for these settings."""
    return LearningState(settings.model, settings.partitions, grids_of(settings), Knowledge())


def identity(settings: Settings) -> Identity:
    """What a snapshot must be of to fit these settings."""
    return Identity(settings.model, settings.partitions, grids_digest(grids_of(settings)))


def new_policy(settings: Settings) -> Policy:
    """How this process decides."""
    return Policy(
        settings.model,
        settings.model_scope,
        settings.review_threshold,
        settings.block_threshold,
        fingerprint(),
        settings.features,
    )


def new_budget(settings: Settings) -> Budget | None:
    """What each partition may spend on review, None without a budget."""
    if not settings.review_budget:
        return None
    share, review = settings.review_budget / settings.partitions, settings.review_threshold
    return Budget(share, review, min(FLOOR, review), settings.block_threshold)


def new_account(settings: Settings, state: LearningState) -> Account:
    """What decides transactions, with this learning state."""
    limits = Limits(settings.history_events, settings.history_replay, settings.history_labels)
    return Account(state, new_policy(settings), limits, settings.epoch, new_budget(settings))


class Worker:
    """The parts of a worker, wired together."""

    def __init__(self, settings: Settings, app: faust.App) -> None:
        self.settings, self.app = settings, app
        self.topics = topics.Topics.named(settings)
        self.guard = Guard(settings.session_timeout, settings.data_dir)
        self.writers = Writers(settings.brokers, self.guard.lease)
        # A late example, label, review item, letter or snapshot says itself that it is late.
        fenced = [self.topics.changelogs[name] for name in ("customers", "labels")]
        self.fence = Fence(settings, self.writers, fenced, self.topics.predictions)
        self.sensors = Sensors(settings.review_threshold)
        self.customers, self.labels, self.models = (
            new_table(app, name, settings, self.topics) for name in topics.TABLES
        )
        self.held_back = Held(self.customers)
        fits = identity(settings)
        self.follower = Follower(
            settings.brokers,
            self.topics,
            fits,
            partial(new_state, settings),
            self.sensors.folded,
            settings.signing_keys,
        )
        self.snapshots = Snapshots(
            self.follower,
            self.models,
            fits.features,
            fingerprint(),
            settings.snapshot_every,
            settings.signing_keys,
        )
        self.account: Account
        self.scored: dict[int, ScoredPartition] = {}
        self.maturing: dict[int, Maturing] = {}
        self.sweeps: defaultdict[int, Sweep] = defaultdict(Sweep)
        self._opening: dict[int, asyncio.Task[None]] = {}
        self._early: list[asyncio.Task[None]] = []
        self._taking: asyncio.Task[None] | None = None
        self._background: list[asyncio.Task[None]] = []
        self.flow = Flow(
            app, self.guard, settings.chunk, CLOSE_SHARE * settings.session_timeout, self
        )
        self.flow.add(self.topics.transactions, self.score)
        self.flow.add(self.topics.feedback, self.learn, LEARN_GAP)

    # -- the two agents' steps

    async def score(self, step: Step, records: Sequence[ConsumerRecord]) -> bool:
        """Judge a chunk of transactions."""
        return await Score(self, step).run(records)

    async def learn(self, step: Step, records: Sequence[ConsumerRecord]) -> bool:
        """Settle a chunk of labels."""
        return await Learn(self, step).run(records)

    def write_aside(self, step: Step) -> None:
        """What any step stores besides: snapshot chunks, and how far maturity has come."""
        self.snapshots.write_into(step)
        if (maturing := self.maturing.get(step.partition)) is not None:
            maturing.write_into(step)

    def degraded(self) -> bool:
        """Whether the learning state is too far behind its log to decide as it should."""
        follower = self.follower
        return bool(follower.missing) or follower.seconds_behind() > self.settings.degraded_after

    # -- what the flow asks of its worker

    def new_step(self, tp: TP, epoch: int) -> Step:
        """The step of a chunk."""
        held = self.held_back.of(tp.partition) if self.settings.coalesce else None
        return self._step(tp, epoch, held)

    def _step(self, tp: TP, epoch: int, held: Changes | None = None) -> Step:
        mine = partial(self.flow.mine, tp, epoch)
        return Step(tp, self.writers, mine, {} if held is None else {self.customers.name: held})

    async def take(self, tps: Collection[TP]) -> bool:
        """Shut out the former owners of partitions; False when a stop has begun meanwhile."""
        partitions = {tp.partition for tp in tps if tp.topic == self.topics.transactions}
        self._taking = asyncio.ensure_future(self.fence.take(partitions))
        await asyncio.wait([self._taking])
        if self._taking.cancelled():
            return False
        self._taking.result()
        return True

    async def ready(self, partition: int, epoch: int) -> None:
        """Wait until steps of a partition may run: learning level, decisions read back."""
        await self.follower.caught_up.wait()
        if epoch != self.flow.epoch or partition not in self.held():
            return  # revoked meanwhile; when it comes back, its tables are recovered first
        if partition not in self._opening:
            opening = asyncio.ensure_future(self._open_scored(partition))
            opening.add_done_callback(partial(self._leave_if_failed, partition))
            self._opening[partition] = opening
        # Not its outcome: `_leave_if_failed` has seen to that, and a revoked one does not matter.
        await asyncio.wait([self._opening[partition]])

    def _leave_if_failed(self, partition: int, opening: asyncio.Task[None]) -> None:
        if opening.cancelled() or self._opening.get(partition) is not opening:
            return  # revoked meanwhile: its files were closed
        if (error := opening.exception()) is not None:
            code = cause(error, Exit.STATE)
            leave(code, f"a partition's decisions could not be read back: {error}")

    async def flush(self) -> None:
        """Write what is held back; wait until everything is acknowledged."""
        await self._write_held()
        await self.writers.flush()

    async def _write_held(self) -> None:
        epoch, topic = self.flow.epoch, self.topics.transactions
        await self.held_back.write(lambda partition: self._step(TP(topic, partition), epoch))

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(self.settings.coalesce)
            await self._write_held()

    def recovered(self) -> None:
        """Open the partitions before their first record comes: a worker is ready without one."""
        epoch = self.flow.epoch
        self._early = [asyncio.ensure_future(self.ready(p, epoch)) for p in self.held()]

    def held(self) -> list[int]:
        """The transaction partitions of this worker, ascending; none during a rebalance."""
        if not self.flow.open:
            return []
        topic = self.topics.transactions
        return sorted(tp.partition for tp in self.app.consumer.assignment() if tp.topic == topic)

    def opened(self, partition: int) -> bool:
        """Whether a partition's decisions are read back, so that its steps may run."""
        task = self._opening.get(partition)
        return task is not None and task.done() and not task.cancelled() and not task.exception()

    def closed(self) -> None:
        """The partitions are gone: let go of what belongs to them."""
        self.snapshots.clear()
        self.held_back.clear()
        self.sensors.closed()
        for maturing in self.maturing.values():
            maturing.close()
        self.maturing.clear()
        for task in self._opening.values():
            task.cancel()
        self._opening.clear()
        for scored in self.scored.values():
            scored.close()
        self.scored.clear()

    async def _open_scored(self, partition: int) -> None:
        settings = self.settings
        scored = ScoredPartition(
            settings.brokers,
            self.topics.predictions,
            partition,
            settings.data_dir / "scored" / str(partition),
            settings.epoch,
            settings.horizon,
            partial(self._enter_again, partition),
        )
        self.scored[partition] = scored
        tp = TP(self.topics.transactions, partition)
        await scored.recover(self.app.consumer._committed_offset[tp])
        await self._check_sources(partition, scored.confirmed)
        await self._enter_decided_again(partition, scored)
        if settings.maturity:
            mine = partial(self.flow.mine, tp, self.flow.epoch)
            self.maturing[partition] = Maturing(self, partition, mine)

    async def _check_sources(self, partition: int, decided: int) -> None:
        """Raise StateError when a source's log ends below what was read from it already."""
        highest, epoch = self.follower.state.highest(partition), self.settings.epoch
        if highest and highest.epoch > epoch:
            raise StateError(
                f"what was learned is of epoch {highest.epoch}, this worker's is {epoch}: "
                "its labels would count for nothing; raise WEIR_EPOCH"
            )
        settled = highest.offset if highest and highest.epoch == epoch else -1
        read = {self.topics.transactions: decided, self.topics.feedback: settled}
        tps = [TopicPartition(topic, partition) for topic in read]
        async with reader(self.settings.brokers, *tps, patience=PATIENCE) as consumer:
            ends = await consumer.end_offsets(tps)
        for tp, end in ends.items():
            committed = self.app.consumer._committed_offset[TP(*tp)] or 0
            if end < max(read[tp.topic] + 1, committed):
                raise StateError(
                    f"{tp.topic}[{partition}] ends at {end}, and more of it was read before: "
                    "the topic was made anew or cut; raise WEIR_EPOCH"
                )

    async def _enter_decided_again(self, partition: int, scored: ScoredPartition) -> None:
        """Publish the labels that wait for what is known by now: another worker knew less."""
        db, last = self.labels.data._db_for_partition(partition), None
        while waiting := overdue(db, FOREVER, PAGE, after=last):
            self._take_off(partition, db, left_over(waiting, db.get))
            for tx in dict.fromkeys(label.tx for label in waiting):
                if scored.decision(tx) is not None:
                    self._enter_again(partition, tx)
            last = waiting[-1]
            await asyncio.sleep(0)

    def _take_off(self, partition: int, db: Rdict, labels: Sequence[Waiting]) -> None:
        """Labels do not wait any more, here or in the changelog."""
        for label in labels:
            db.delete(label.key)
        changelog = self.topics.changelogs[self.labels.name]
        self.writers(changelog, partition).put(Out(label.key, None) for label in labels)

    def _enter_again(self, partition: int, tx: str) -> None:
        """A decision has become known late: publish the labels that waited for it."""
        raw = self.labels.data._db_for_partition(partition).get(tx.encode())
        if raw is not None:
            again = waiting_again(tx, decode_entry(raw, ""))
            self.writers(self.topics.feedback, partition).put(again)

    # -- life

    async def start(self) -> None:
        """Connect and bring the learning state up; ends the process when it cannot."""
        try:
            await topics.check(self.settings)
            await self.writers.start()
            await self.follower.start()
        except WeirError as error:
            leave(Exit.STATE, str(error))
        self.account = new_account(self.settings, self.follower.state)
        relieve_collector()
        self.guard.start(asyncio.get_running_loop())
        self._keep_up("the watchdog", Watchdog(self).run())
        self._keep_up("the fence", self.fence.keep(self.held))
        if self.settings.coalesce:
            self._keep_up("writing what is held back", self._keep_writing())

    def _keep_up(self, what: str, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        task.add_done_callback(partial(_leave_if_failed, what))
        self._background.append(task)

    def stop_opening(self) -> None:
        """The tables are about to be closed: read nothing more for partitions that are opened."""
        for task in (*self._early, *self._opening.values(), self._taking):
            if task is not None:
                task.cancel()

    async def stop(self) -> None:
        """Write out what is queued and disconnect."""
        for task in self._background:
            task.cancel()
        await self.follower.stop()
        await self.writers.stop()
        self.closed()
        self.guard.disarm()


def relieve_collector() -> None:
    """Take what lives as long as the process out of the garbage collector's sight.

    A full collection otherwise visits every module and function: some 80 ms in which nothing is
    decided, and a tenth of a worker's CPU while it catches up. A step makes and drops thousands
    of objects, so the young ones are looked through less often as well.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)


def _leave_if_failed(what: str, task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        leave(cause(error, Exit.STEP), f"{what} failed: {error!r}")
