"""What depends on the feature set: features, scores, explanations and what a label teaches."""

from collections import defaultdict
from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from app.core.batch import Batch
from app.core.domain import Trust
from app.core.model_set import ModelSet
from app.core.verdicts import explain
from app.streams.fraud.extract import PLANS, extract
from app.streams.fraud.features import BY_NAME, SETS
from app.streams.fraud.knowledge import Knowledge
from app.streams.fraud.messages import Example
from app.streams.fraud.rules import rules
from app.wire import encode
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
    merchants, risks = scene.state.statistics.merchants, PLANS[features].risks
    rows = [(row.tx.merchant, row.tx.location, row.tx.at, risks) for row in scene.rows]
    measure("merchant: view", merchants.view, rows)


def test_features(measure: Measure, scene: Scene, features: str) -> None:
    rows = [(row.tx, row.past, row.merchant, features) for row in scene.rows]
    measure("features", extract, rows)


def test_score(measure: Measure, scene: Scene) -> None:
    state, chunks = scene.state, defaultdict(list)
    for row in scene.rows:
        chunks[row.source.partition].append(row.x)

    def score() -> None:
        for partition, chunk in chunks.items():
            state.logits(chunk, partition, SCOPE)

    measure("score: own and shared model", score, [()], each=len(scene.rows))


def test_score_of_one(measure: Measure, scene: Scene) -> None:
    rows = [(row.x, row.source.partition, SCOPE) for row in scene.rows]
    measure("score, one by one", scene.state.logit, rows)


def test_explanation(measure: Measure, scene: Scene, benchmark: BenchmarkFixture) -> None:
    state, trust = scene.state, Trust(model=1.0, rules=1.0)
    benchmark.extra_info["share"] = scene.share_flagged

    def explained(x: dict[str, float], partition: int) -> object:
        return explain(BY_NAME, x, state.contributions(x, partition, SCOPE), rules(x), trust)

    rows = [(row.x, row.source.partition) for row in scene.flagged]
    measure("explanation, where it is held back", explained, rows)


def test_encode(measure: Measure, scene: Scene) -> None:
    measure("prediction: encode", encode, [(row.prediction,) for row in scene.rows])


def test_decide(measure: Measure, scene: Scene) -> None:
    application = scene.application

    def decide() -> None:
        batch = Batch(application, scene.state)
        for row in scene.rows:
            history = application.open(row.record)
            batch.add(row.tx, row.source, history)
            history.encode()
        batch.decide()

    measure("decide: from the record to the prediction", decide, [()], each=len(scene.rows))


def test_learn(measure: Measure, scene: Scene, features: str) -> None:
    state = scene.state
    models = ModelSet(state.model, state.partitions, SETS[features].grids)
    for example in scene.lessons:
        models.learn(*lesson(example))
    dump = list(models.parts())

    def rows() -> Rows:
        models.load(models.learned, dump)
        return [([lesson(row.example) for row in scene.rows],)]

    def learn(lessons: list[tuple[dict[str, float], bool, float, int]]) -> None:
        cells = models.look_up([x for x, *_ in lessons])
        for one, where in zip(lessons, cells, strict=True):
            models.learn(*one, where)

    measure("learn: own and shared model", learn, rows, each=len(scene.rows))


def test_learn_merchants(measure: Measure, scene: Scene) -> None:
    dump, statistics = list(scene.state.statistics.parts()), Knowledge()

    def rows() -> Rows:
        statistics.load(dump)
        return [(row.example,) for row in scene.rows]

    measure("merchant: learn", lambda example: statistics.merchants.learn(example), rows)


def test_fold(measure: Measure, scene: Scene) -> None:
    state = scene.state

    def rows() -> Rows:
        state.load(scene.parts)
        return [([row.example for row in scene.rows],)]

    def fold(examples: list[Example]) -> None:
        for example, cells in zip(examples, state.look_up(examples), strict=True):
            state.fold(example, state.version, cells)

    measure("fold: all that an example teaches", fold, rows, each=len(scene.rows))


def lesson(example: Example) -> tuple[dict[str, float], bool, float, int]:
    """What models learn of an example."""
    return example.x, example.y == 1, example.w, example.origin.partition
