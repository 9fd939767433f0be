"""Each model of the zoo by itself: a score, a step, an explanation."""

import msgspec
import pytest

from app.core.models.zoo import ZOO, Model, make_model
from app.streams.fraud.features import GRIDS
from benchmarks.parts.conftest import Measure, Rows
from benchmarks.parts.world import Scene


@pytest.fixture(scope="module", params=ZOO)
def model(request: pytest.FixtureRequest, scene: Scene) -> Model:
    """A model that has learned all that came before."""
    taught: Model = make_model(request.param, GRIDS)
    for example in scene.lessons:
        taught.learn_one(example.x, example.y == 1, example.w)
    return taught


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return request.node.callspec.params["model"]


@pytest.mark.benchmark(group="score")
def test_score(measure: Measure, scene: Scene, model: Model, name: str) -> None:
    measure(name, model.logit_one, [(row.x,) for row in scene.rows])


@pytest.mark.benchmark(group="explain")
def test_explain(measure: Measure, scene: Scene, model: Model, name: str) -> None:
    measure(name, model.contributions_one, [(row.x,) for row in scene.rows])


@pytest.mark.benchmark(group="learn")
def test_learn(measure: Measure, scene: Scene, model: Model, name: str) -> None:
    dump = msgspec.msgpack.encode(model.dump())

    def rows() -> Rows:
        model.load(msgspec.msgpack.decode(dump))
        return [(row.x, row.example.y == 1, row.example.w) for row in scene.rows]

    measure(name, model.learn_one, rows)
