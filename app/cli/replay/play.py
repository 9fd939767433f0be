"""One pass over a file, in which each model decides and learns for itself."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from random import Random
from time import perf_counter, process_time
from typing import NamedTuple

from app.cli.replay.options import Plan
from app.data.batches import Batch, recorded
from app.data.measured import Measured
from app.data.replay import Learned, Replay
from app.messages import Prediction
from app.runtime.topics import partition_of
from app.serving.worker import new_account, new_state
from app.settings import Settings

SEED = 1
SAMPLED = 2000  # decisions whose contributions are looked at


class Sample:
    """So many measured decisions, each as likely as any other (Vitter's algorithm R, 1985)."""

    def __init__(self, size: int) -> None:
        self.size, self.rng, self.seen = size, Random(SEED), 0
        self.decisions: list[Prediction] = []

    def add(self, decision: Prediction) -> None:
        """Take it in, or not."""
        self.seen += 1
        if len(self.decisions) < self.size:
            self.decisions.append(decision)
        elif (place := self.rng.randrange(self.seen)) < self.size:
            self.decisions[place] = decision


class Player:
    """A model at its replay, and the seconds that it took."""

    def __init__(self, settings: Settings) -> None:
        self.name, self.scope = settings.model, settings.model_scope
        self.account = new_account(settings, new_state(settings))
        where = partial(partition_of, partitions=settings.partitions)
        self.replay = Replay(self.account, where, settings.chunk)
        self.sample = Sample(SAMPLED)
        self.wall = self.cpu = 0.0

    def play(self, batch: Batch) -> list[Learned]:
        """Decide and learn an hour."""
        wall, cpu = perf_counter(), process_time()
        learned = self.replay.play(batch)
        self.wall += perf_counter() - wall
        self.cpu += process_time() - cpu
        return learned

    def contributions(self) -> dict[str, float]:
        """Mean absolute share of each feature in the logits of the sample, largest first.

        By the models as they are now. A feature that a decision lacks has no share in it.
        """
        total: dict[str, float] = {}
        for decision in self.sample.decisions:
            state, partition = self.account.state, decision.source.partition
            shares = state.contributions(decision.features, partition, self.scope)
            for name, share in shares.items():
                total[name] = total.get(name, 0.0) + abs(share)
        count = max(1, len(self.sample.decisions))
        return {name: total[name] / count for name in sorted(total, key=total.__getitem__)[::-1]}


class Played(NamedTuple):
    """What came of a pass: `wall` and `cpu` are the seconds of what all models share."""

    players: list[Player]
    measured: Measured
    wall: float
    cpu: float


def play(
    plan: Plan, settings: Sequence[Settings], watch: Callable[[Batch], None], sample: bool
) -> Played:
    """Replay the plan's transactions with each of the settings.

    Parameters
    ----------
    watch
        Told of each hour that has been played.
    sample
        Whether to keep some decisions for `Player.contributions`.

    Raises
    ------
    DataError
        The file cannot be read as transactions in order of time.
    SettingsError
        There is no model of that name.
    """
    players = [Player(one) for one in settings]
    measured = Measured(len(players), plan.span)
    wall, cpu = perf_counter(), process_time()
    with unhurried():
        for batch in recorded(plan.rows(), plan.label_delay, plan.unreported, plan.span[1]):
            measured.read(batch.rows)
            learned = [player.play(batch) for player in players]
            for player, ones in zip(players, measured.add(learned), strict=True):
                for one in ones if sample else ():
                    player.sample.add(one.decision)
            watch(batch)
    wall, cpu = perf_counter() - wall, process_time() - cpu
    wall -= sum(player.wall for player in players)
    cpu -= sum(player.cpu for player in players)
    return Played(players, measured, wall, cpu)


@contextmanager
def unhurried() -> Iterator[None]:
    """Collect garbage less often: what waits for labels is much, and none of it is garbage."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
