"""The figures of the status page: sums, rates, quantiles, and what the work costs."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.core.threshold import HOUR, Budget, Threshold
from app.messages import Example, Origin
from app.serving.sensors import Sensors
from app.web.recorder import Recorder, quantile
from app.web.status import Quality, latency, merged, together, worker_status
from tests.web.conftest import AT, Serve, ViewOf, prediction


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def decide(sensors: Sensors, count: int, seconds: float) -> None:
    sensors.decisions.labels("approve", "model").inc(count)
    for _ in range(count):
        sensors.latency.observe(seconds)


def test_rates_are_of_the_last_ten_seconds() -> None:
    clock, sensors = Clock(), Sensors(0.5)
    recorder = Recorder(sensors, clock)
    for per_second in [100] * 20 + [10] * 10:
        clock.now += 1
        decide(sensors, per_second, 0.002)
        recorder.take()
    assert recorder.rates()["transactions"] == pytest.approx(10)
    assert recorder.rates()["labels"] == 0
    assert sum(recorder.line().values()) * 5 == pytest.approx(2100, rel=0.1)


def test_latency_is_of_the_last_minute() -> None:
    clock, sensors = Clock(), Sensors(0.5)
    recorder = Recorder(sensors, clock)
    for seconds in [8.0] * 10 + [0.002] * 70:
        clock.now += 1
        decide(sensors, 1, seconds)
        recorder.take()
    assert sum(count for _, count in recorder.latencies()) == 60
    assert latency(recorder.latencies())["p99_ms"] <= 2.5


def test_before_anything_was_decided_there_is_no_latency() -> None:
    recorder = Recorder(Sensors(0.5))
    assert latency(recorder.latencies())["p50_ms"] is None
    assert recorder.rates() == {"transactions": 0.0, "labels": 0.0, "examples": 0.0}


def test_a_quantile_above_every_bound_is_the_last_bound() -> None:
    assert quantile([(1.0, 0.0), (60.0, 1.0), (float("inf"), 99.0)], 0.99) == 60.0


def test_buckets_of_several_workers_add_up() -> None:
    one = latency([(1.0, 2.0), (float("inf"), 1.0)])
    assert merged([one, one]) == [(1.0, 4.0), (float("inf"), 2.0)]


def test_all_together_add_what_is_counted_and_not_what_every_worker_learns(
    view_of: ViewOf,
) -> None:
    statuses = []
    for held, decided in ([0, 1], 30), ([2, 3], 12):
        view = view_of(held)
        clock = Clock()
        recorder = Recorder(view.sensors, clock)
        clock.now += 10
        decide(view.sensors, decided, 0.004)
        view.sensors.alerts.append(prediction(f"t{decided}", "c1"))
        view.sensors.examples.labels("fraud").inc(50)
        recorder.take()
        statuses.append(worker_status(view, recorder, Quality(view)))
    both = together(statuses)
    assert both["decisions"] == {"approve": 42}
    assert both["rates"]["transactions"] == pytest.approx(4.2)
    assert both["rates"]["examples"] == pytest.approx(5.0)
    assert {alert["transaction"] for alert in both["alerts"]} == {"t30", "t12"}
    assert both["alerts"][0]["at"] == AT
    assert both["workers"] == 2


def test_quality_is_worked_out_at_most_once_a_second(view_of: ViewOf) -> None:
    view, clock = view_of([]), Clock()
    quality = Quality(view, clock)
    view.sensors.quality.update(1, 0.9, True)
    view.state.version = 1
    assert quality.get()["n"] == 0
    clock.now += 1
    assert quality.get()["n"] == 1


async def test_metrics_can_be_parsed_and_follow_the_worker(view_of: ViewOf, serve: Serve) -> None:
    view = view_of([1, 2])
    client = await serve(view)
    decide(view.sensors, 3, 0.01)
    view.state.version = 42
    view.worker.follower.refused_snapshots = 2
    response = await client.get("/metrics")
    assert response.content_type == "text/plain"
    families = {f.name: f for f in text_string_to_metric_families(await response.text())}
    assert families["weir_decisions"].samples[0].value == 3
    assert families["weir_learning_version"].samples[0].value == 42
    assert families["weir_partitions"].samples[0].value == 2
    assert families["weir_snapshots_refused"].samples[0].value == 2
    assert families["weir_ready"].samples[0].value == 0
    assert {"weir_average_precision", "weir_roc_auc", "process_cpu_seconds"} <= set(families)


async def test_a_worker_lives_before_it_is_ready(view_of: ViewOf, serve: Serve) -> None:
    client = await serve(view_of([]))
    assert (await client.get("/healthz")).status == 200
    assert (await client.get("/readyz")).status == 503


async def test_the_page_and_its_panel_show_the_latest_alerts(view_of: ViewOf, serve: Serve) -> None:
    view = view_of([0])
    view.sensors.alerts.append(prediction("t<1>", "c&1", "m'1"))
    client = await serve(view)
    for path in ("/", "/panel"):
        page = await (await client.get(path)).text()
        assert "/state/transactions/t%3C1%3E?customer=c%261" in page
        assert "t&lt;1&gt;" in page


def spending(start: float) -> Threshold:
    """A threshold that began at `start` and had an alert every 6 minutes, as its budget says."""
    threshold = Threshold(Budget(alerts=10.0, start=start, floor=0.02, ceiling=0.9), epoch=1)
    for offset in range(600):
        threshold.move(offset, AT + offset * HOUR // 60, alert=offset % 6 == 0)
    return threshold


async def test_with_a_budget_each_partition_shows_its_threshold_and_all_their_alerts_an_hour(
    view_of: ViewOf, serve: Serve
) -> None:
    view = view_of([0, 1], review_budget=20.0, partitions=2)
    view.thresholds = {0: spending(0.2), 1: spending(0.4)}
    status = worker_status(view, Recorder(view.sensors), Quality(view))
    scores = [one["threshold"] for one in status["partitions"]]
    assert scores == [threshold.score for threshold in view.thresholds.values()]
    assert scores[0] < 0.3 < scores[1]
    every = together([status])
    assert every["review_budget"] == 20.0
    assert every["alerts_per_hour"] == pytest.approx(20, rel=0.05)
    client = await serve(view)
    page = await (await client.get("/panel")).text()
    assert "an hour of event time lately, for a budget of 20" in page
    assert page.count('title="reviews from a score of 0.') == 2


async def test_without_a_budget_nothing_is_said_of_it(view_of: ViewOf, serve: Serve) -> None:
    page = await (await (await serve(view_of([0, 1]))).get("/panel")).text()
    assert "an hour of event time" not in page
    assert "reviews from" not in page


def test_gauges_of_thresholds_leave_with_their_partitions() -> None:
    sensors, threshold = Sensors(0.5), spending(0.3)
    sensors.moved(3, threshold)
    families = {f.name: f for f in text_string_to_metric_families(sensors.exposition().decode())}
    for name, value in (
        ("weir_review_threshold", threshold.score),
        ("weir_alerts_per_hour", threshold.alerts_per_hour),
    ):
        (sample,) = families[name].samples
        assert (sample.labels, sample.value) == ({"partition": "3"}, value)
    sensors.closed()
    assert 'partition="3"' not in sensors.exposition().decode()


@pytest.mark.parametrize(
    ("threshold", "alerts"), [(None, 0), (0.2, 1), (0.4, 0)], ids=["fixed", "below", "above"]
)
def test_an_alert_is_what_the_threshold_of_its_decision_flagged(threshold, alerts) -> None:
    sensors = Sensors(0.5)
    sensors.folded(
        Example(
            tx="t1",
            x={},
            y=1,
            w=1.0,
            previous=None,
            score=0.3,
            threshold=threshold,
            version=0,
            merchant="m1",
            location="",
            at=AT,
            known=AT,
            origin=Origin(1, 0, 0),
            end_of_step=True,
        )
    )
    assert sensors.quality.get()["alerts"] == alerts
