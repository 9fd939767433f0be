"""What a label teaches: to the models, to the merchants, and both at once."""

import pytest

from app.core.models import Models
from app.fraud.decision import known
from app.fraud.features import GRIDS
from app.fraud.knowledge import Knowledge
from app.messages import Example
from benchmarks.parts.conftest import Measure, Rows
from benchmarks.parts.world import Scene

pytestmark = pytest.mark.benchmark(group="a label")


def test_learn(measure: Measure, scene: Scene) -> None:
    state = scene.account.state
    models = Models(state.model, state.partitions, GRIDS)
    for example in scene.lessons:
        models.learn(*lesson(example))
    dump = list(models.parts())

    def rows() -> Rows:
        models.load(models.learned, dump)
        return [lesson(row.example) for row in scene.rows]

    measure("learn: both models", models.learn, rows)


def test_learn_merchants(measure: Measure, scene: Scene) -> None:
    dump, statistics = list(known(scene.account.state).parts()), Knowledge()

    def rows() -> Rows:
        statistics.load(dump)
        return [(row.example,) for row in scene.rows]

    measure("merchant: learn", lambda example: statistics.merchants.learn(example), rows)


def test_fold(measure: Measure, scene: Scene) -> None:
    state = scene.account.state

    def rows() -> Rows:
        state.load(scene.parts)
        return [(row.example, state.version + number) for number, row in enumerate(scene.rows)]

    measure("fold: all that an example teaches", state.fold, rows)


def lesson(example: Example) -> tuple[dict[str, float], bool, float, int]:
    """What models learn of an example."""
    return example.x, example.y == 1, example.w, example.origin.partition
