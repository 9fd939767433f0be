"""A worker ends in front of any place, the next one goes on, and what is left is as without.

A seeded input of both topics comes in rounds: events, then labels, then a commit. Played once
undisturbed it numbers the places between two writes. Then it is played again for every one of
them: a worker ends there and another one goes on from the committed positions, with the disk as
it is, with none, or with one that comes back after others have gone on without it. The last tests
play it as it comes: both agents at once, batches that land in any order, models that learn.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.serving import decisions
from app.serving.ledger import Ledger
from app.streams.fraud.messages import (
    read_example,
    read_prediction,
)
from tests.serving import memory
from tests.serving.holds import (
    all_holds,
    each_score_is_computed_again,
    the_logs_hold,
)
from tests.serving.memory import Aborted, Disk, Worker, World
from tests.serving.plays import (
    BATCH,
    BUDGET,
    CHUNK,
    DISKS,
    PLAYS,
    ROOM,
    USUAL,
    Left,
    Play,
    entries,
    evicted,
    first_predictions,
    rounds,
)


@pytest.fixture(autouse=True)
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels have to leave their entries."""
    monkeypatch.setattr("app.serving.learn.MAX_REVISIONS", ROOM)


# -- one after the other

SCRIPT = rounds(seed=1)


async def undisturbed(settings: dict[str, Any]) -> tuple[World, list[str]]:
    """What is left without faults, and all places."""
    with memory.world(BATCH, **USUAL, **settings) as world:
        return world, await Play(world, SCRIPT).live()


async def end_at(settings: dict[str, Any], disk: str, places: slice) -> None:
    """End in front of each of these places, in a world of its own, and go on."""
    expected, names = await undisturbed(settings)
    whole = Left(expected).all()
    for end, name in list(enumerate(names))[places]:
        with memory.world(BATCH, **USUAL, **settings) as world:
            try:
                gone = await Play(world, SCRIPT).live_and_die(end, disk)
                all_holds(world)
                assert world.disk.tables["labels"] == world.changes("labels")
                assert Left(world, gone).all() == (Left(expected, gone).all() if gone else whole)
            except BaseException as error:
                error.add_note(f"A worker had ended in front of place {end}: {name}.")
                raise


@pytest.mark.parametrize("settings", PLAYS.values(), ids=PLAYS)
async def test_the_input_meets_all_that_is_worth_a_replay(settings):
    world, names = await undisturbed(settings)
    all_holds(world)
    each_score_is_computed_again(world)
    assert sum(len(one.events) + len(one.labels) for one in SCRIPT) >= 40
    outcomes = {one.outcome for entry in entries(world).values() for one in entry.revisions}
    assert outcomes == {"settled", "noted", "waiting", "expired"}
    examples = [read_example(raw) for raw in world.values("examples")]
    assert {example.y for example in examples} == {0, 1, None}
    assert any(example.previous and example.y is not None for example in examples)
    left = [one for gone in evicted(world).values() for one in gone]
    assert {one.outcome for one in left} == {"settled", "noted", "waiting"}
    waited = sum(one.outcome == "waiting" for one in left)
    assert (len(Left(world).letters()), len(Left(world).passed_on())) == (4 + waited, 1 + 2)
    flagged = {read_prediction(raw).decision for raw in first_predictions(world).values()}
    assert flagged == ({"review", "approve"} if "review_budget" in settings else {"review"})
    assert len(names) > 100


@pytest.mark.parametrize("disk", DISKS)
async def test_a_worker_that_ends_anywhere_leaves_what_one_without_faults_would(disk, seed):
    await end_at(BUDGET, disk, slice(seed % 2, None, 2))


@pytest.mark.parametrize("disk", DISKS)
@pytest.mark.parametrize("name", PLAYS)
async def test_one_that_ends_here_or_there_does_so_with_any_settings(name, disk, seed):
    await end_at(PLAYS[name], disk, slice(seed % 9, None, 9))


@pytest.mark.chaos
@pytest.mark.parametrize("disk", DISKS)
@pytest.mark.parametrize("name", PLAYS)
async def test_one_that_ends_anywhere_does_so_with_any_settings(name, disk):
    await end_at(PLAYS[name], disk, slice(None))


async def test_it_is_the_same_with_decisions_in_files(tmp_path: Path):
    expected, names = await undisturbed(BUDGET)
    whole = Left(expected).all()
    for end in range(3, len(names), 25):
        disk = {"data_dir": tmp_path / str(end)}
        with memory.world(BATCH, **USUAL, **BUDGET, **disk) as world:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(decisions, "Ledger", Ledger)
                await Play(world, SCRIPT).live_and_die(end, "kept")
            the_logs_hold(world)
            assert Left(world).all() == whole


# -- all at once


class Rush:
    """An input that is worked off as it comes: both agents at once, landings in any order."""

    def __init__(self, world: World, seed: int) -> None:
        self.play, self.world, self.chance = Play(world, rounds(seed)), world, random.Random(seed)
        names = world.setup.topics
        self.late = {*names[:-1], *names.changelogs.values()}

    async def live(self, end: int | None = None) -> None:
        """One life, until all is done or it ends in front of a place."""
        try:
            async with self.world.life(end, self.late) as worker, asyncio.TaskGroup() as group:
                network = group.create_task(self.land(worker))
                await self.work(worker)
                await worker.outbox.flush()
                while not worker.partition.decisions.whole:
                    await asyncio.sleep(0)
                network.cancel()
        except* Aborted:
            pass

    async def work(self, worker: Worker) -> None:
        lanes = (worker.topics.events, worker.score), (worker.topics.feedback, worker.learn)
        while True:
            while any(worker.unread(topic) for topic, _ in lanes):
                async with asyncio.TaskGroup() as group:
                    for topic, step in lanes:
                        group.create_task(self.lane(worker, topic, step))
                await worker.commit()
            if self.play.come == len(self.play.script):
                return
            self.play.go_on()

    async def lane(
        self, worker: Worker, topic: str, step: Callable[[int], Awaitable[bool]]
    ) -> None:
        while worker.unread(topic):
            assert await step(self.chance.randint(1, CHUNK))
            if self.chance.random() < 0.3:
                self.world.learning.fold()
            if topic == worker.topics.events and self.chance.random() < 0.3:
                await worker.commit()

    async def land(self, worker: Worker) -> None:
        while True:
            await asyncio.sleep(0)
            if worker.outbox.waiting and self.chance.random() < 0.4:
                worker.outbox.land(*self.chance.choice(worker.outbox.waiting))


async def rush(settings: dict[str, Any], seed: int) -> None:
    """Four lives that end anywhere, each on a new disk or on one of before, and one that does not.

    Every other time a new disk is caught up behind the worker's back.
    """
    with memory.world(BATCH, **USUAL, **settings) as world, pytest.MonkeyPatch.context() as patch:
        if seed % 2:
            patch.setattr(decisions, "TAIL", 2)
            patch.setattr(decisions, "FOLLOW_ON", 4)
        one, disks = Rush(world, seed), [world.disk]
        for _ in range(4):
            await one.live(end=one.chance.randrange(120))
            disks.append(Disk())
            world.disk = one.chance.choice(disks)
        await one.live()
        all_holds(world)
        each_score_is_computed_again(world)


@pytest.mark.parametrize("settings", PLAYS.values(), ids=PLAYS)
async def test_whatever_lands_first_and_whoever_ends_nothing_is_lost_nor_counted_twice(settings):
    for seed in range(20):
        await rush(settings, seed)


@pytest.mark.chaos
@pytest.mark.parametrize("settings", PLAYS.values(), ids=PLAYS)
async def test_in_hundreds_of_runs_nothing_is_lost_nor_counted_twice(settings, seed):
    for n in range(200):
        await rush(settings, seed + n)
