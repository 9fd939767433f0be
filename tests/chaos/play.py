"""Plays one run: load, faults, drain, and the judgement over what is left behind."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.apps import set_up
from app.broker.broker import Broker
from app.runtime.guard import Exit
from app.settings import Settings, read_settings
from tests.chaos.evidence import Evidence, read_logs, read_stores
from tests.chaos.faults import FAULTS, Scene
from tests.chaos.feeder import Feeder
from tests.chaos.fleet import POLL, Fleet, Invalid, Stuck, fleet
from tests.chaos.invariants import INVARIANTS
from tests.chaos.load import Load
from tests.chaos.plan import Plan
from tests.chaos.watch import Watch
from tests.system.workers import Kafka, until

SESSION = 6.0  # seconds, the least that brokers allow
RECOVERED = 120.0  # seconds in which all workers must work again after a fault
DRAINED = 180.0  # seconds in which the lag must return to 0
SHOWN = 20  # violations of one invariant that are told one by one


@dataclass
class Struck:
    """A fault of a run: when it struck, how long until all workers worked again, gaps."""

    name: str
    at: float
    recovered: float = 0.0
    gaps: dict[int, float] = field(default_factory=dict)


@dataclass
class Outcome:
    """What became of a run. `invalid` says why it proves nothing."""

    plan: dict[str, Any]
    faults: list[Struck] = field(default_factory=list)
    violations: dict[str, list[str]] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    invalid: str = ""

    @property
    def failures(self) -> dict[str, list[str]]:
        """What was violated, by invariant."""
        return {name: found for name, found in self.violations.items() if found}

    @property
    def passed(self) -> bool:
        return not self.invalid and not self.failures


async def play(plan: Plan, directory: Path, broker: Broker | None = None) -> Outcome:
    """Play a run in a directory of its own; a broker that is given is shared, and not harmed."""
    outcome = Outcome(asdict(plan))
    async with _broker(plan, broker) as brokers:
        settings = _settings(plan, brokers.bootstrap)
        await set_up(settings).create_topics()
        async with fleet(settings, directory, plan.workers, plan.leave_out) as workers:
            evidence: Evidence | None = None
            try:
                evidence = await _run(plan, settings, workers, brokers, outcome)
            except* Invalid as why:
                outcome.invalid = str(why.exceptions[0])
            except* (Stuck, TimeoutError) as why:
                outcome.violations["workers_recover"] = [str(why.exceptions[0]) or "lost: a lag"]
            if evidence is None:
                return outcome
            for worker in workers.workers:
                evidence.stores += read_stores(worker.name, worker.data)
    _judge(evidence, workers, outcome)
    return outcome


@asynccontextmanager
async def _broker(plan: Plan, given: Broker | None) -> AsyncIterator[Any]:
    if given is not None:
        yield given
    elif plan.nodes == 1:
        async with Broker() as broker:
            yield broker
    else:
        from app.broker.cluster import Cluster

        async with Cluster(plan.nodes) as cluster:
            yield cluster


def _settings(plan: Plan, bootstrap: str) -> Settings:
    name = f"chaos-{plan.seed}-{time.time_ns() // 1_000_000}-"
    return read_settings(
        brokers=bootstrap,
        topic_prefix=name,
        app_id=name + "weir",
        partitions=plan.partitions,
        replication=plan.nodes,
        session_timeout=SESSION,
        snapshot_every=2000,
        review_budget=plan.review_budget,
        coalesce=plan.coalesce,
    )


async def _run(
    plan: Plan, settings: Settings, workers: Fleet, broker: Any, outcome: Outcome
) -> Evidence:
    load = Load(plan.seed)
    feeder = Feeder(settings, load, plan.rate, plan.backlog, plan.seed)
    watch = Watch(settings)
    _prepare(plan, workers)
    for worker in workers.workers:
        worker.start()
    async with asyncio.TaskGroup() as group:
        watching = [group.create_task(watch.run()), group.create_task(workers.watch())]
        feeding = group.create_task(feeder.run())
        try:
            scene = Scene(workers, broker, SESSION, random.Random(plan.seed))
            await _strike(plan, scene, feeder, watch, outcome)
            feeder.ending.set()
            await feeding
            await until(lambda: _drained(settings, feeder.count), DRAINED)
            await until(workers.level, DRAINED)  # the log has got longer by what was drained
        except BaseException:
            feeding.cancel()
            raise
        finally:
            for task in watching:
                task.cancel()
    await workers.stop()
    async with Kafka(settings) as kafka:
        evidence = await read_logs(kafka, load, feeder.count, feeder.poison)
    evidence.learned = workers.learned()
    return evidence


def _prepare(plan: Plan, workers: Fleet) -> None:
    for number, worker in enumerate(workers.workers):
        if plan.static:
            update = {"instance_id": worker.name}
            worker.settings = worker.settings.model_copy(update=update)
        if plan.disk and number == 0 and not worker.mount():
            raise Invalid("this system does not let us mount a small disk")


async def _strike(plan: Plan, scene: Scene, feeder: Feeder, watch: Watch, outcome: Outcome) -> None:
    """One fault after another, each once all workers and partitions work again."""
    began = time.monotonic()
    await _all_work(scene, watch)
    for name in plan.faults:
        sent = feeder.count
        struck = Struck(name, time.monotonic() - began)
        outcome.faults.append(struck)
        watch.next_fault()
        await FAULTS[name].strike(scene)
        mended = time.monotonic()
        await _all_work(scene, watch)
        struck.recovered = time.monotonic() - mended
        struck.gaps = watch.gaps[-1]
        if feeder.count == sent:
            raise Invalid(f"nothing was sent while {name} was mended")


async def _all_work(scene: Scene, watch: Watch) -> None:
    """Wait until every worker is ready and decides, and then every partition has decisions."""
    await scene.fleet.all_work(RECOVERED)
    since = time.monotonic()
    try:
        async with asyncio.timeout(RECOVERED):
            while not watch.all_decide(since):
                await asyncio.sleep(POLL)
    except TimeoutError:
        raise Stuck("lost: not all partitions had decisions again") from None


async def _drained(settings: Settings, count: int) -> bool:
    """Whether the group's positions have reached the ends of both sources, and stay there."""
    names = set_up(settings).topics
    tps = [
        TopicPartition(topic, partition)
        for topic in (names.events, names.feedback)
        for partition in range(settings.partitions)
    ]
    async with AIOKafkaConsumer(
        bootstrap_servers=settings.brokers, group_id=settings.app_id, enable_auto_commit=False
    ) as consumer:
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        committed = [await consumer.committed(tp) for tp in tps]
        if any((at or 0) < ends[tp] for tp, at in zip(tps, committed, strict=True)):
            return False
        return ends == await consumer.end_offsets(tps)


def _judge(evidence: Evidence, workers: Fleet, outcome: Outcome) -> None:
    for invariant in INVARIANTS:
        found = list(invariant(evidence))
        more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        outcome.violations[invariant.__name__] = found[:SHOWN] + more
    outcome.violations["stops_are_clean"] = list(workers.unclean)
    bugs = workers.exits[Exit.STEP]
    outcome.violations["no_bug_ends_a_worker"] = [f"{bugs} exits with {Exit.STEP}"] if bugs else []
    state, examples = evidence.folded()
    decisions = evidence.decisions()
    outcome.figures = {
        "transactions": evidence.count,
        "decisions": len(decisions),
        "repeated_decisions": len(evidence.predictions) - len(decisions),
        "degraded": sum(p.mode == "degraded" for _, p in decisions.values()),
        "examples": len(examples),
        "skipped_examples": state.counts.skipped,
        "dead_letters": len(evidence.letters),
        "poison": len(evidence.poison),
        "exits": {str(code): count for code, count in sorted(workers.exits.items())},
    }
