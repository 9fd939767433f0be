"""What a worker counts: thresholds by partition, and what counts as an alert."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.apps import load
from app.core.threshold import Budget, Threshold
from app.serving.sensors import Sensors
from app.settings import read_settings
from app.units import HOUR_MS
from tests.web.cards import AT, example


def spending(start: float) -> Threshold:
    """A threshold that began at `start` and had an alert every 6 minutes, as its budget says."""
    threshold = Threshold(Budget(alerts=10.0, start=start, floor=0.02, ceiling=0.9), epoch=1)
    for offset in range(600):
        threshold.move(offset, AT + offset * HOUR_MS // 60, alert=offset % 6 == 0)
    return threshold


@pytest.fixture
def sensors() -> Sensors:
    return Sensors(load(read_settings()))


def test_gauges_of_thresholds_leave_with_their_partitions(sensors: Sensors) -> None:
    threshold = spending(0.3)
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
def test_an_alert_is_what_the_threshold_of_its_decision_flagged(
    threshold: float | None, alerts: int, sensors: Sensors
) -> None:
    sensors.folded(example(1, threshold=threshold))
    assert sensors.quality.get()["alerts"] == alerts
