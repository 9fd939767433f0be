"""Probes, and metrics for Prometheus."""

from collections.abc import Mapping

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.web import cards, readings
from tests.web.conftest import KnownView, Serve, ViewOf


async def scraped(view: KnownView, serve: Serve) -> Mapping[str, Metric]:
    """The metrics of a view, by name."""
    response = await (await serve(view)).get("/metrics")
    assert response.content_type == "text/plain"
    return {each.name: each for each in text_string_to_metric_families(await response.text())}


async def test_metrics_can_be_parsed_and_follow_the_worker(view_of: ViewOf, serve: Serve) -> None:
    view = view_of([1, 2])
    view.sensors.decisions.labels("approve", "model").inc(3)
    view.state.fold(cards.example(1), offset=41)
    view.worker.follower.refused_snapshots = 2
    families = await scraped(view, serve)
    assert families["weir_decisions"].samples[0].value == 3
    assert families["weir_learning_version"].samples[0].value == 42
    assert families["weir_learning_lag"].samples[0].value == 0
    assert families["weir_partitions"].samples[0].value == 2
    assert families["weir_snapshots_refused"].samples[0].value == 2
    assert families["weir_ready"].samples[0].value == 0
    assert families["weir_holding"].samples[0].value == 0
    for name in ("heartbeat_age", "unacknowledged", "disk"):
        assert families[f"weir_{name}_seconds"].samples[0].value == 0
    assert {"weir_average_precision", "weir_roc_auc", "process_cpu_seconds"} <= set(families)


@pytest.mark.parametrize("gauge", ["weir_rules_weight", "weir_rules_precision"])
async def test_the_gauges_of_cards_are_metrics(gauge: str, view_of: ViewOf, serve: Serve) -> None:
    families = await scraped(view_of([]), serve)
    assert 0 < families[gauge].samples[0].value <= 1


async def test_gauges_follow_the_statistics(view_of: ViewOf, serve: Serve) -> None:
    view = view_of([], readings.application)
    families = await scraped(view, serve)
    assert "weir_rules_weight" not in families
    assert families["weir_seen"].documentation == "Examples seen."
    view.state.statistics = readings.Seen()  # as when a snapshot is loaded
    view.state.statistics.count = 5
    assert "weir_seen 5.0" in view.sensors.exposition().decode()


async def test_a_worker_that_holds_shows_it(view_of: ViewOf, serve: Serve) -> None:
    view = view_of([])
    lease = view.worker.guard.lease
    lease.renew(lease.clock() - 60)
    view.worker.delays.look()
    families = await scraped(view, serve)
    assert families["weir_holding"].samples[0].value == 1
    assert families["weir_heartbeat_age_seconds"].samples[0].value >= 60
    counted = {one.labels["what"]: one.value for one in families["weir_delays"].samples}
    assert counted["heartbeat"] == 1


async def test_a_worker_lives_before_it_is_ready(view_of: ViewOf, serve: Serve) -> None:
    client = await serve(view_of([]))
    assert (await client.get("/healthz")).status == 200
    assert (await client.get("/readyz")).status == 503
