"""All workers as one: what is added up, and what every worker learns."""

import json

import pytest

from app.web.recorder import Recorder
from app.web.status import Quality, latency, worker_status
from app.web.together import merged, together
from tests.web.cards import AT, example, prediction
from tests.web.conftest import ViewOf
from tests.web.test_recorder import Clock, decide


def test_buckets_of_several_workers_add_up() -> None:
    one = latency([(1.0, 2.0), (float("inf"), 1.0)])
    assert merged([one, one]) == [(1.0, 4.0), (float("inf"), 2.0)]


def test_all_together_add_what_is_counted_and_not_what_every_worker_learns(
    view_of: ViewOf,
) -> None:
    statuses = []
    for held, decided, learned in ([0, 1], 30, 2), ([2, 3], 12, 1):
        view, clock = view_of(held), Clock()
        recorder = Recorder(view.sensors, clock)
        clock.now += 4
        decide(view.sensors, decided, 0.004)
        view.sensors.alerts.append(prediction(f"t{decided}", "c1", at=AT + decided))
        view.sensors.labels.labels("analyst", "settled").inc()
        view.sensors.examples.labels("fraud").inc(50)
        for offset in range(learned):
            view.state.fold(example(1, offset), offset)
        recorder.take()
        clock.now += 6
        recorder.take()
        statuses.append(worker_status(view, recorder, Quality(view)))
    statuses[1] = json.loads(json.dumps(statuses[1]))  # as another worker answers
    both = together(statuses)
    assert (both["workers"], both["ready"]) == (2, 0)
    assert both["decisions"] == {"approve": 42}
    assert both["labels"] == {"by_source": {"analyst": 2}, "by_outcome": {"settled": 2}}
    assert both["rates"]["transactions"] == pytest.approx(4.2)
    assert both["rates"]["examples"] == pytest.approx(5.0)
    assert list(both["line"].values()) == [pytest.approx(8.4)]
    assert both["learning"]["positives"] == 2
    assert [alert["transaction"] for alert in both["alerts"]] == ["t30", "t12"]
