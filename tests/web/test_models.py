"""/models: what scores, how much it has learned, what is stored, what was restored."""

import re
from math import log

import pytest

from app.core.messages import Restore
from app.core.models.zoo import ZOO
from tests.cards import weigh
from tests.web import readings
from tests.web.cards import example
from tests.web.conftest import HTML, KnownView, Serve, ViewOf


def taught(view: KnownView) -> KnownView:
    """The view of a worker that has learned three examples, two of them positive."""
    for offset, y in enumerate([1, 0, 1]):
        view.state.fold(example(y, offset), offset)
    view.connect()
    return view


async def test_what_was_learned_is_counted_by_class_and_partition(
    view_of: ViewOf, serve: Serve
) -> None:
    client = await serve(taught(view_of([0])))
    state = await (await client.get("/models")).json()
    assert (state["examples"], state["positives"], state["negatives"]) == (3, 2, 1)
    assert state["positives_by_partition"] == [2, 0, 0, 0]
    assert (state["model"], state["features"]) == ("grove", "fraud-full")
    assert state["sentence"] == ZOO["grove"].sentence
    assert set(state["gauges"]) == {"rules_weight", "rules_precision"}
    page = await (await client.get("/models", headers=HTML)).text()
    assert "<dt>fraud</dt><dd>2</dd>" in page
    assert "<dt>legit</dt><dd>1</dd>" in page
    assert "None is stored yet" in page
    assert "<code>binned</code> with coarser groups" in page


async def test_snapshots_and_restores_are_listed_newest_first(
    view_of: ViewOf, serve: Serve
) -> None:
    view = view_of([0])
    view.know_snapshot()
    taught(view).know_snapshot()
    oldest, newest = (manifest.digest for manifest in reversed(view.snapshots() or []))
    features = view.application.identity.features
    restore = Restore(id="undo", version=0, digest=oldest, model="grove", features=features, at=0)
    view.state.restore(restore, 3, view_of([]).state.parts())
    client = await serve(view)
    state = await (await client.get("/models")).json()
    assert [snapshot["digest"] for snapshot in state["snapshots"]] == [newest, oldest]
    assert state["newest_digest"] == newest
    assert state["snapshots"][0]["counts"]["positives"] == 2
    assert state["snapshots"][0]["chunks"] == 1
    assert state["restores"] == [{"id": "undo", "offset": 3, "version": 0, "digest": oldest}]
    assert "<code>undo</code>" in await (await client.get("/models", headers=HTML)).text()


async def test_snapshots_are_asked_of_the_worker_that_holds_them(
    view_of: ViewOf, serve: Serve
) -> None:
    holder, other = taught(view_of([0])), taught(view_of([1]))
    holder.know_snapshot()
    other.elsewhere = {0: holder.settings.url}
    await serve(holder)
    state = await (await (await serve(other)).get("/models")).json()
    assert state["worker"] == other.settings.url
    assert [snapshot["version"] for snapshot in state["snapshots"]] == [3]


async def test_two_workers_that_take_each_other_for_the_holder_say_so(
    view_of: ViewOf, serve: Serve
) -> None:
    first, second = taught(view_of([1])), taught(view_of([2]))
    first.elsewhere, second.elsewhere = {0: second.settings.url}, {0: first.settings.url}
    client, _ = await serve(first), await serve(second)
    response = await client.get("/models")
    assert response.status == 503
    assert (await response.json())["error"] == "this worker does not hold the snapshots"


async def test_the_page_says_what_the_application_calls_its_classes(
    view_of: ViewOf, serve: Serve
) -> None:
    view = view_of([0], readings.application)
    view.connect()
    page = await (await (await serve(view)).get("/models", headers=HTML)).text()
    assert "Learned as faulty, by partition" in page
    assert "<dt>sound</dt>" in page


async def test_each_partitions_own_model_is_shown_with_its_weight_labels_and_losses(
    view_of: ViewOf, serve: Serve
) -> None:
    view = taught(view_of([0]))
    weights = [0.25, 0.0, 0.0, 1.0]
    weigh(view.state, *weights)
    client = await serve(view)
    first, *_, last = (await (await client.get("/models")).json())["partitions"]
    losses = first.pop("log_loss")
    assert first == {"partition": 0, "positives": 2, "negatives": 1, "own": 0.25}
    assert losses["shared"] == losses["own"] == pytest.approx(log(2), rel=0.3)  # both learned it
    assert losses["mixed"] == pytest.approx(losses["shared"])
    assert last["log_loss"] == {"shared": None, "own": None, "mixed": None}
    page = await (await client.get("/models", headers=HTML)).text()
    assert cells(page) == [
        ["0", "25.0 %", "3", "2", *[f"{losses[name]:.4g}" for name in losses]],
        *[[str(n), f"{100 * weights[n]:.1f} %", "0", "0", *["\N{EN DASH}"] * 3] for n in (1, 2, 3)],
    ]
    metrics = await (await client.get("/metrics")).text()
    for partition, weight in enumerate(weights):
        assert f'weir_own_weight{{partition="{partition}"}} {weight}' in metrics


def cells(page: str) -> list[list[str]]:
    """The rows of the table of partitions, as text."""
    table = page.partition("Partitions' own models")[2].partition("</table>")[0]
    rows = re.findall("<tr>(.*?)</tr>", table)[1:]
    return [re.findall("<td[^>]*>(.*?)</td>", row) for row in rows]


@pytest.mark.parametrize(
    ("scope", "weight", "sentence"),
    [
        ("both", 0.25, "with a weight that it earns"),
        ("shared", 0.0, "own models learn, and do not score"),
        ("partition", 1.0, "own models score alone"),
    ],
)
async def test_weights_are_those_of_the_scope(
    view_of: ViewOf, serve: Serve, scope: str, weight: float, sentence: str
) -> None:
    view = view_of([0], model_scope=scope)
    view.connect()
    weigh(view.state, 0.25, 0.0, 0.0, 0.0)
    client = await serve(view)
    assert (await (await client.get("/models")).json())["partitions"][0]["own"] == weight
    assert sentence in await (await client.get("/models", headers=HTML)).text()
