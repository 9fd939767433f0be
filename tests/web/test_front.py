"""The status page: its alerts, its budget, and all workers beside each other."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from app.core.threshold import Budget, Threshold
from app.runtime.topics.configs import Wrong
from app.units import HOUR_MS
from tests.web import readings
from tests.web.cards import AT
from tests.web.conftest import Serve, ViewOf


@pytest.mark.parametrize("path", ["/", "/panel"])
async def test_the_page_and_its_panel_show_the_latest_alerts(
    path: str, view_of: ViewOf, serve: Serve
) -> None:
    view = view_of([0], readings.application)
    view.sensors.alerts.append(readings.prediction("r<1>", "m&1"))
    client = await serve(view)
    page = await (await client.get(path)).text()
    assert '<a href="/state/readings/r%3C1%3E?machine=m%261">r&lt;1&gt;</a>' in page
    assert '<a href="/state/machines/m%261">m&amp;1</a>' in page
    for words in ("<h2>Readings</h2>", "<td>north</td>", "of them faulty", "Examples seen."):
        assert words in page
    for words in ("customer", "fraud", "ransaction"):
        assert words not in page


async def test_the_status_of_all_workers_names_the_silent_ones(
    view_of: ViewOf, serve: Serve
) -> None:
    first, second = view_of([0, 1]), view_of([2, 3])
    first.elsewhere = dict.fromkeys([2, 3], second.settings.url)
    client = await serve(first)
    alone = await (await client.get("/status?workers=all")).json()
    assert alone["silent"] == [second.settings.url]
    assert f"{second.settings.url} does not answer" in await (await client.get("/")).text()
    await serve(second)
    both = await (await client.get("/status?workers=all")).json()
    assert both["silent"] == []
    assert both["together"]["workers"] == 2
    held = [p["partition"] for worker in both["workers"] for p in worker["partitions"]]
    assert sorted(held) == [0, 1, 2, 3]


async def test_a_worker_of_another_release_counts_as_silent(view_of: ViewOf, serve: Serve) -> None:
    async def older(request: web.Request) -> web.Response:
        return web.json_response({"url": "http://older", "learning": {"frauds": 3}})

    server = web.Application()
    server.add_routes([web.get("/status", older)])
    async with TestServer(server, host="127.0.0.1") as running:
        url = str(running.make_url("")).rstrip("/")
        view = view_of([0, 1])
        view.elsewhere = dict.fromkeys([2, 3], url)
        client = await serve(view)
        assert (await client.get("/")).status == 200
        told = await (await client.get("/status?workers=all")).json()
        assert (told["silent"], told["together"]["workers"]) == ([url], 1)


def spending(start: float) -> Threshold:
    """A threshold that began at `start` and had an alert every 6 minutes, as its budget says."""
    threshold = Threshold(Budget(alerts=10.0, start=start, floor=0.02, ceiling=0.9), epoch=1)
    for offset in range(600):
        threshold.move(offset, AT + offset * HOUR_MS // 60, alert=offset % 6 == 0)
    return threshold


async def test_with_a_budget_each_partition_shows_its_threshold_and_all_their_alerts_an_hour(
    view_of: ViewOf, serve: Serve
) -> None:
    view = view_of([0, 1], review_budget=20.0, partitions=2)
    thresholds = [spending(0.2), spending(0.4)]
    for partition, threshold in enumerate(thresholds):
        view.know_threshold(partition, threshold)
    client = await serve(view)
    status = await (await client.get("/status?workers=all")).json()
    scores = [one["threshold"] for one in status["workers"][0]["partitions"]]
    assert scores == [threshold.score for threshold in thresholds]
    assert scores[0] < 0.3 < scores[1]
    assert status["together"]["review_budget"] == 20.0
    assert status["together"]["alerts_per_hour"] == pytest.approx(20, rel=0.05)
    page = await (await client.get("/panel")).text()
    assert "an hour of event time, with a budget of 20" in page
    assert page.count('title="reviews from a score of 0.') == 2


async def test_without_a_budget_nothing_is_said_of_it(view_of: ViewOf, serve: Serve) -> None:
    page = await (await (await serve(view_of([0, 1]))).get("/panel")).text()
    assert "an hour of event time" not in page
    assert "reviews from" not in page


async def test_what_retention_took_is_shown_once_it_took_something(
    view_of: ViewOf, serve: Serve
) -> None:
    view = view_of([0, 1])
    client = await serve(view)
    assert "deleted unread" not in await (await client.get("/panel")).text()
    view.sensors.expired.labels("transactions", 0).inc(100)
    view.sensors.expired.labels("feedback", 0).inc(7)
    status = await (await client.get("/status?workers=all")).json()
    assert status["workers"][0]["expired_unread"] == 107
    assert '<dt>deleted unread</dt><dd class="warn">107</dd>' in (
        await (await client.get("/panel")).text()
    )


async def test_wrong_settings_of_topics_are_in_the_status(view_of: ViewOf, serve: Serve) -> None:
    view = view_of([0])
    wrong = Wrong("transactions", "cleanup.policy", "compact", "delete", "harm")
    view._worker.watch.wrong.add(wrong)
    client = await serve(view)
    (said,) = (await (await client.get("/status")).json())["topic_settings"]
    assert said.startswith("transactions has cleanup.policy=compact: harm; kafka-configs.sh")
    assert "weir_topic_settings_wrong 1.0" in await (await client.get("/metrics")).text()


async def test_without_maturity_labels_of_reviews_alone_are_a_warning(
    view_of: ViewOf, serve: Serve
) -> None:
    view = view_of([0])
    view.state.counts.asked = 100
    client = await serve(view)

    async def said() -> tuple[bool, bool, bool]:
        page = await (await client.get("/panel")).text()
        status = await (await client.get("/status?workers=all")).json()
        metrics = await (await client.get("/metrics")).text()
        assert status["together"]["one_sided"] is status["workers"][0]["one_sided"]
        alone = status["together"]["one_sided"]
        return "reviewed transactions alone" in page, alone, "weir_labels_one_sided 1.0" in metrics

    assert await said() == (False, False, False), "maturity is on"
    view.settings = view.settings.model_copy(update={"maturity": 0.0})
    assert await said() == (True, True, True)
    view.state.counts.asked = 99
    assert await said() == (False, False, False)
