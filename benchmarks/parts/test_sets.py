"""What depends on the feature set: features, scores, explanations and what a label teaches."""

from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from app.core.models import Models
from app.fraud.decision import known
from app.fraud.explain import Trust, explain
from app.fraud.extract import asks_for_risks, extract
from app.fraud.features import SETS
from app.fraud.knowledge import Knowledge
from app.fraud.rules import rules
from app.messages import Example, encode
from benchmarks.parts.conftest import Measure, Rows
from benchmarks.parts.world import Scene

SCOPE = "both"


@pytest.fixture(params=SETS)
def features(request: pytest.FixtureRequest, benchmark: BenchmarkFixture) -> str:
    """A feature set; its parts are one group."""
    benchmark.group = request.param
    return str(request.param)


@pytest.fixture
def scene(scene_of: Callable[[str], Scene], features: str) -> Scene:
    return scene_of(features)


def test_view_of_merchant(measure: Measure, scene: Scene, features: str) -> None:
    merchants, risks = known(scene.account.state).merchants, asks_for_risks(features)
    rows = [(row.tx.merchant, row.tx.location, row.tx.at, risks) for row in scene.rows]
    measure("merchant: view", merchants.view, rows)


def test_features(measure: Measure, scene: Scene, features: str) -> None:
    rows = [(row.tx, row.past, row.merchant, features) for row in scene.rows]
    measure("features", extract, rows)


def test_score(measure: Measure, scene: Scene) -> None:
    rows = [(row.x, row.source.partition, SCOPE) for row in scene.rows]
    measure("score: own and shared model", scene.account.state.logit, rows)


def test_explanation(measure: Measure, scene: Scene, benchmark: BenchmarkFixture) -> None:
    state, trust = scene.account.state, Trust(model=1.0, rules=1.0)
    benchmark.extra_info["share"] = scene.share_flagged

    def explained(x: dict[str, float], partition: int) -> object:
        return explain(x, state.contributions(x, partition, SCOPE), rules(x), trust)

    rows = [(row.x, row.source.partition) for row in scene.flagged]
    measure("explanation, where it is held back", explained, rows)


def test_encode(measure: Measure, scene: Scene) -> None:
    measure("prediction: encode", encode, [(row.prediction,) for row in scene.rows])


def test_decide(measure: Measure, scene: Scene) -> None:
    rows = [(row.tx, row.source, row.record, None) for row in scene.rows]
    measure("decide: from the record to the prediction", scene.account.decide, rows)


def test_learn(measure: Measure, scene: Scene, features: str) -> None:
    state = scene.account.state
    models = Models(state.model, state.partitions, SETS[features].grids)
    for example in scene.lessons:
        models.learn(*lesson(example))
    dump = list(models.parts())

    def rows() -> Rows:
        models.load(models.learned, dump)
        return [lesson(row.example) for row in scene.rows]

    measure("learn: own and shared model", models.learn, rows)


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
