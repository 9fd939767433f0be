"""One pass over a file, in which each model decides and learns for itself."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from time import perf_counter, process_time
from typing import Any, NamedTuple

from app.cli.replay.options import Choice, Plan
from app.core.domain import Application
from app.core.worth import Weighing
from app.data.hours import Hour, recorded
from app.data.life.playing import Lived, Living, Span, hourly
from app.data.life.settings import Life
from app.data.life.witness import Witness
from app.data.measured import Measured
from app.data.replay import Replay, Settled
from app.data.rows import Labelled

Watch = Callable[[Sequence[Labelled]], None]
SEED = 1
SAMPLED = 2000  # predictions whose contributions are looked at


class Sample:
    """Some measured predictions, each as likely as any other (Vitter's algorithm R, 1985)."""

    def __init__(self, size: int) -> None:
        self.size, self.rng, self.seen = size, Random(SEED), 0
        self.predictions: list[Any] = []

    def add(self, prediction: Any) -> None:
        """Take it in, or not."""
        self.seen += 1
        if len(self.predictions) < self.size:
            self.predictions.append(prediction)
        elif (place := self.rng.randrange(self.seen)) < self.size:
            self.predictions[place] = prediction


class Player:
    """A model at its replay, and the seconds that it took."""

    def __init__(self, replay: Replay) -> None:
        self.name = replay.application.model
        self.replay = replay
        self.sample = Sample(SAMPLED)
        self.wall = self.cpu = 0.0

    def play(self, hour: Hour) -> list[Settled]:
        """Decide and learn an hour."""
        with self.clocked():
            return self.replay.play(hour)

    @contextmanager
    def clocked(self) -> Iterator[None]:
        """Count the seconds."""
        wall, cpu = perf_counter(), process_time()
        yield
        self.wall += perf_counter() - wall
        self.cpu += process_time() - cpu

    def weighing(self) -> Weighing:
        """What features are worth in the sample, by the models as they are now."""
        application = self.replay.application
        weighing = Weighing(feature.name for feature in application.features)
        for one in self.sample.predictions:
            weighing.add(one, self.replay.state, application.scope)
        return weighing

    def contributions(self) -> dict[str, float]:
        """Mean absolute share of each feature in the logits of the sample, largest first.

        By the models as they are now. A feature that a prediction lacks has no share in it.
        """
        worths = self.weighing().worths()
        shares = {name: one.worth for name, one in worths.items() if one.worth}
        return dict(sorted(shares.items(), key=lambda item: item[1], reverse=True))


class LivingPlayer(Player):
    """A model that lives with people."""

    def __init__(self, choice: Choice, life: Life) -> None:
        self.living = Living(choice.application, life, choice.chunk)
        super().__init__(self.living.replay)

    def live(self, hour: Span) -> Lived:
        """Decide and learn an hour."""
        with self.clocked():
            return self.living.play(hour)


class Played(NamedTuple):
    """What came of a pass: `wall` and `cpu` are the seconds of what all models share."""

    application: Application
    players: Sequence[Player]
    measured: Measured
    wall: float
    cpu: float


def play(plan: Plan, choices: Sequence[Choice], watch: Watch, sample: bool) -> Played:
    """Replay the plan's events with each of the models.

    Parameters
    ----------
    watch
        Told of the events of each hour that has been played.
    sample
        Whether to keep some predictions for `Player.contributions`.

    Raises
    ------
    DataError
        The file cannot be read as events in order of time.
    SettingsError
        There is no model of that name.
    """
    wall, cpu = perf_counter(), process_time()
    with unhurried():
        told = _play if plan.life is None else _live
        players, measured = told(plan, choices, watch, sample)
    wall, cpu = perf_counter() - wall, process_time() - cpu
    wall -= sum(player.wall for player in players)
    cpu -= sum(player.cpu for player in players)
    return Played(choices[0].application, players, measured, wall, cpu)


def _play(
    plan: Plan, choices: Sequence[Choice], watch: Watch, sample: bool
) -> tuple[Sequence[Player], Measured]:
    """Labels come with the file."""
    application, players = choices[0].application, [Player(Replay(*one)) for one in choices]
    measured = Measured(len(players), plan.span, application.stake)
    hours = recorded(application, plan.rows(), plan.label_delay, plan.unreported, plan.span[1])
    for hour in hours:
        measured.read(hour.rows)
        settled = [player.play(hour) for player in players]
        for player, ones in zip(players, measured.add(settled), strict=True):
            for one in ones if sample else ():
                player.sample.add(one.prediction)
        watch(hour.rows)
    return players, measured


def _live(
    plan: Plan, choices: Sequence[Choice], watch: Watch, sample: bool
) -> tuple[Sequence[Player], Measured]:
    """Each model lives a life of its own, in which labels follow its decisions."""
    assert plan.life is not None
    players = [LivingPlayer(choice, plan.life) for choice in choices]
    witness = Witness(choices[0].application, len(players), plan.span)
    for hour in hourly(plan.rows()):
        lived = [player.live(hour) for player in players]
        places = witness.decided(hour.rows, [one.decided for one in lived])
        for model, (player, one) in enumerate(zip(players, lived, strict=True)):
            witness.told(model, one.labels)
            for place in places if sample else ():
                player.sample.add(one.decided[place].fresh)
        watch(hour.rows)
    return players, witness


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
