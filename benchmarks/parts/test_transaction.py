"""What a transaction goes through, from its bytes to its prediction's."""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from app.fraud.decision import known
from app.fraud.explain import Trust, explain
from app.fraud.extract import FILLS, extract
from app.fraud.features import SETS
from app.fraud.history import Event, History
from app.fraud.rules import rules
from app.messages import encode, read_transaction
from benchmarks.parts.conftest import Measure
from benchmarks.parts.world import Scene

pytestmark = pytest.mark.benchmark(group="a transaction")
SCOPE = "both"


def test_decode(measure: Measure, scene: Scene) -> None:
    measure("decode it", read_transaction, [(row.raw,) for row in scene.rows])


def test_decode_record(measure: Measure, scene: Scene) -> None:
    _, _, limits, epoch, _ = scene.account
    rows = [(row.record, epoch, limits) for row in scene.rows]
    measure("customer's record: decode", History.decode, rows)


def test_view_of_record(measure: Measure, scene: Scene) -> None:
    rows = [(history, event.offset) for history, event in opened(scene)]
    measure("customer's record: view", History.before, rows)


def test_insert(measure: Measure, scene: Scene) -> None:
    measure("customer's record: insert", History.insert, lambda: opened(scene))


def test_encode_record(measure: Measure, scene: Scene) -> None:
    rows = [(history,) for history, _ in opened(scene)]
    measure("customer's record: encode", History.encode, rows)


def test_view_of_merchant(measure: Measure, scene: Scene) -> None:
    merchants = known(scene.account.state).merchants
    rows = [(row.tx.merchant, row.tx.location, row.tx.at) for row in scene.rows]
    measure("merchant: view", merchants.view, rows)


@pytest.mark.parametrize("features", SETS)
def test_features(measure: Measure, scene: Scene, features: str) -> None:
    rows = [(row.tx, row.past, row.merchant, features) for row in scene.rows]
    measure(f"features: {features}", extract, rows)


@pytest.mark.parametrize("group", FILLS)
def test_group_of_features(measure: Measure, scene: Scene, group: str) -> None:
    rows = [({}, row.tx, row.past, row.merchant) for row in scene.rows]
    measure(f"features: group {group}", FILLS[group], rows)


def test_rules(measure: Measure, scene: Scene) -> None:
    measure("rules", rules, [(row.x,) for row in scene.rows])


def test_score(measure: Measure, scene: Scene) -> None:
    rows = [(row.x, row.source.partition, SCOPE) for row in scene.rows]
    measure("score: both models", scene.account.state.logit, rows)


def test_explanation(measure: Measure, scene: Scene, benchmark: BenchmarkFixture) -> None:
    benchmark.extra_info["share"] = scene.share_flagged
    state, trust = scene.account.state, Trust(model=1.0, rules=1.0)

    def explained(x: dict[str, float], partition: int) -> object:
        return explain(x, state.contributions(x, partition, SCOPE), rules(x), trust)

    rows = [(row.x, row.source.partition) for row in scene.flagged]
    measure("explanation, where it is held back", explained, rows)


def test_encode(measure: Measure, scene: Scene) -> None:
    measure("encode the prediction", encode, [(row.prediction,) for row in scene.rows])


def test_decide(measure: Measure, scene: Scene) -> None:
    rows = [(row.tx, row.source, row.record, None) for row in scene.rows]
    measure("decide: all but the first line", scene.account.decide, rows)


def opened(scene: Scene) -> list[tuple[History, Event]]:
    """The customers' records, open, and what comes next in each."""
    _, _, limits, epoch, _ = scene.account
    return [(History.decode(row.record, epoch, limits), row.event) for row in scene.rows]
