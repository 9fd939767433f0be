"""The last minutes of a worker: rates, latency, a line to draw."""

import pytest

from app.apps import load
from app.serving.sensors import Sensors
from app.settings import read_settings
from app.web.recorder import Recorder, quantile


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def sensors() -> Sensors:
    return Sensors(load(read_settings()))


def decide(sensors: Sensors, count: int, seconds: float) -> None:
    sensors.decisions.labels("approve", "model").inc(count)
    for _ in range(count):
        sensors.latency.observe(seconds)


def test_rates_are_of_the_last_ten_seconds(sensors: Sensors) -> None:
    clock = Clock()
    recorder = Recorder(sensors, clock)
    for per_second in [100] * 20 + [10] * 10:
        clock.now += 1
        decide(sensors, per_second, 0.002)
        recorder.take()
    assert recorder.rates().events == pytest.approx(10)
    assert recorder.rates().labels == 0
    assert sum(recorder.line().values()) * 5 == pytest.approx(2100, rel=0.1)


def test_latency_is_of_the_last_minute(sensors: Sensors) -> None:
    clock = Clock()
    recorder = Recorder(sensors, clock)
    for seconds in [8.0] * 10 + [0.002] * 70:
        clock.now += 1
        decide(sensors, 1, seconds)
        recorder.take()
    counted = recorder.latencies()
    assert sum(count for _, count in counted) == 60
    assert quantile(counted, 0.99) <= 0.0025


def test_before_anything_was_decided_there_are_no_rates_and_no_latency(sensors: Sensors) -> None:
    recorder = Recorder(sensors)
    assert recorder.rates() == (0.0, 0.0, 0.0)
    assert quantile(recorder.latencies(), 0.5) is None


def test_a_quantile_above_every_bound_is_the_last_bound() -> None:
    assert quantile([(1.0, 0.0), (60.0, 1.0), (float("inf"), 99.0)], 0.99) == 60.0
