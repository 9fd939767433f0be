"""One worker's status: what it learned, its alerts, its quality."""

from app.web.recorder import Recorder
from app.web.status import Quality, latency, worker_status
from tests.web import readings
from tests.web.cards import AT, example, prediction
from tests.web.conftest import ViewOf
from tests.web.test_recorder import Clock


def test_quality_is_worked_out_at_most_once_a_second(view_of: ViewOf) -> None:
    view, clock = view_of([]), Clock()
    quality = Quality(view, clock)
    view.sensors.quality.update(1, 0.9, True)
    view.state.version = 1
    assert quality.get()["n"] == 0
    clock.now += 1
    assert quality.get()["n"] == 1


def test_before_anything_was_decided_there_is_no_latency() -> None:
    assert latency([])["p50_ms"] is None
    assert latency([])["p99_ms"] is None


def test_status_says_what_was_learned_and_which_alerts_there_were(view_of: ViewOf) -> None:
    view = view_of([1])
    view.state.fold(example(1), 0)
    view.sensors.alerts.extend([prediction("t1", "c1"), prediction("t2", "c1")])
    status = worker_status(view, Recorder(view.sensors), Quality(view))
    assert [one["partition"] for one in status["partitions"]] == [1]
    learning = status["learning"]
    assert (learning["version"], learning["end"], learning["lag"]) == (1, 1, 0)
    assert (learning["positives"], learning["negatives"]) == (1, 0)
    assert learning["positives_by_partition"] == [1, 0, 0, 0]
    assert set(learning["gauges"]) == {"rules_weight", "rules_precision"}
    assert set(status["rates"]) == {"transactions", "labels", "examples"}
    assert [alert["transaction"] for alert in status["alerts"]] == ["t2", "t1"]
    assert status["alerts"][0] == {
        "transaction": "t2",
        "customer": "c1",
        "merchant": "m1",
        "location": "DE",
        "amount": 300.0,
        "at": AT,
        "score": 0.83,
        "decision": "review",
        "reasons": ["amount is 25.0 times the typical amount"],
    }


def test_the_status_of_any_application_goes_by_its_words(view_of: ViewOf) -> None:
    view = view_of([], readings.application)
    view.sensors.alerts.append(readings.prediction("r1", "m1"))
    status = worker_status(view, Recorder(view.sensors), Quality(view))
    (alert,) = status["alerts"]
    assert (alert["reading"], alert["machine"], alert["hall"]) == ("r1", "m1", "north")
    assert set(status["rates"]) == {"readings", "labels", "examples"}
    assert status["learning"]["gauges"] == {"seen": 0}
