"""What a transaction needs whatever the feature set is, and what each group of features takes."""

import pytest

from app.streams.fraud.extract import FILLS
from app.streams.fraud.history.record import History
from app.streams.fraud.history.ring import Event
from app.streams.fraud.messages import read_transaction
from app.streams.fraud.rules import rules
from benchmarks.parts.conftest import Measure
from benchmarks.parts.world import Scene

pytestmark = pytest.mark.benchmark(group="with any set")


def test_decode(measure: Measure, scene: Scene) -> None:
    measure("transaction: decode", read_transaction, [(row.raw,) for row in scene.rows])


def test_decode_record(measure: Measure, scene: Scene) -> None:
    rows = [(row.record,) for row in scene.rows]
    measure("customer's record: decode", scene.application.open, rows)


def test_view_of_record(measure: Measure, scene: Scene) -> None:
    rows = [(history, event.offset) for history, event in opened(scene)]
    measure("customer's record: view", History.before, rows)


def test_insert(measure: Measure, scene: Scene) -> None:
    measure("customer's record: insert", History.insert, lambda: opened(scene))


def test_encode_record(measure: Measure, scene: Scene) -> None:
    rows = [(history,) for history, _ in opened(scene)]
    measure("customer's record: encode", History.encode, rows)


@pytest.mark.parametrize("group", FILLS)
def test_group_of_features(measure: Measure, scene: Scene, group: str) -> None:
    rows = [({}, row.tx, row.past, row.merchant) for row in scene.rows]
    measure(f"features: group {group}", FILLS[group], rows)


def test_rules(measure: Measure, scene: Scene) -> None:
    measure("rules", rules, [(row.x,) for row in scene.rows])


def opened(scene: Scene) -> list[tuple[History, Event]]:
    """The customers' records, open, and what comes next in each."""
    return [(scene.application.open(row.record), row.event) for row in scene.rows]
