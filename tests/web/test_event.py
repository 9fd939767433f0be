"""The page of an event, and its JSON: decision, labels, lessons, features in words."""

import pytest
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from app.core.messages import ModelUsed
from app.streams.fraud.tables import decision_facts
from tests.web import readings
from tests.web.cards import AT, prediction, said
from tests.web.conftest import HTML, XSS, Serve, ViewOf

ALL = [0, 1, 2, 3]


async def test_a_transaction_shows_which_label_holds_and_which_disagrees(
    view_of: ViewOf, serve: Serve
) -> None:
    view = view_of(ALL)
    labels = said("fraud", actor="anna"), said("legit", actor="bob", at=AT + 1)
    view.know_transaction("t2", "c1", *labels)
    client = await serve(view)
    state = await (await client.get("/state/transactions/t2?customer=c1")).json()
    assert (state["transaction"], state["customer"]) == ("t2", "c1")
    assert [(x["label"], x["holds"], x["disagrees"]) for x in state["labels"]] == [
        ("fraud", False, True),
        ("legit", True, False),
    ]
    assert state["prediction"]["decision"] == "review"
    assert state["prediction"]["threshold"] == 0.625
    assert state["prediction"]["features"] == {"amount": 300.0, "hour": 3.0}
    assert state["prediction"]["source"] == {"partition": 0, "offset": 2}
    assert state["learned"]["label"] == "legit"
    assert state["learned"]["folded"] is False
    assert state["learned"]["origin"]["offset"] == 1
    assert [(x["words"], x["actor"], x["folded"]) for x in state["taught"]] == [
        ("learned as fraud", "anna", False),
        ("corrected from fraud to legit", "bob", False),
    ]


async def test_the_page_says_features_in_words_and_offers_to_label(
    view_of: ViewOf, serve: Serve
) -> None:
    view = view_of(ALL)
    features = {"unheard_of": 7.0, "hour": 3.0, "amount": 300.0}
    view.know_event(prediction("t2", "c1", features=features))
    client = await serve(view)
    page = await (await client.get("/state/transactions/t2", headers=HTML)).text()
    assert "<title>Transaction t2</title>" in page
    rows = [page.index(words) for words in ("amount 300.00", "at 3 h UTC", "unheard_of")]
    assert rows == sorted(rows), "in the order of the table, then what it does not know"
    assert 'data-id="t2" data-key="c1" data-key-name="customer"' in page
    assert '<button name="label" value="fraud" class="positive">Fraud</button>' in page
    assert '<button name="label" value="legit" class="negative">Legit</button>' in page


@pytest.mark.parametrize(("own", "words"), [(0.25, "both, own weight 25.0 %,"), (UNSET, "both,")])
async def test_the_page_and_the_command_say_how_much_the_own_model_counted(
    view_of: ViewOf, serve: Serve, own: float | UnsetType, words: str
) -> None:
    view = view_of(ALL)
    used = ModelUsed("grove", "both", 17, own=own)
    view.know_event(replace(prediction("t2", "c1"), model=used))
    client = await serve(view)
    assert words in await (await client.get("/state/transactions/t2", headers=HTML)).text()
    state = await (await client.get("/state/transactions/t2")).json()
    assert words in decision_facts(state["prediction"])["model"]


@pytest.mark.parametrize(
    ("labels", "standing"),
    [
        pytest.param(["fraud", "unsure"], ["holds", "unsure"], id="unsure"),
        pytest.param(["fraud", "none"], ["withdrawn", "withdrawal"], id="taken back"),
        pytest.param(["fraud", "fraud"], ["agrees", "holds"], id="agreement"),
    ],
)
async def test_each_label_says_how_it_stands(
    labels: list[str], standing: list[str], view_of: ViewOf, serve: Serve
) -> None:
    view = view_of(ALL)
    view.know_transaction("t2", "c1", *(said(label, at=AT + n) for n, label in enumerate(labels)))
    client = await serve(view)
    state = await (await client.get("/state/transactions/t2")).json()
    assert [label["standing"] for label in state["labels"]] == standing
    page = await (await client.get("/state/transactions/t2", headers=HTML)).text()
    assert f"<td>{standing[-1]}</td>" in page or f"<strong>{standing[-1]}</strong>" in page


async def test_labels_of_a_transaction_that_has_not_arrived_are_shown(
    view_of: ViewOf, serve: Serve
) -> None:
    view = view_of(ALL)
    view.know_labels("c1", said("fraud"))
    client = await serve(view)
    state = await (await client.get("/state/transactions/t2?customer=c1")).json()
    assert state["prediction"] is None
    assert state["customer"] == "c1"
    assert [label["standing"] for label in state["labels"]] == ["waiting"]
    page = await (await client.get("/state/transactions/t2", headers=HTML)).text()
    assert "This transaction has not arrived yet." in page


async def test_an_event_of_any_application_goes_by_its_words(view_of: ViewOf, serve: Serve) -> None:
    view = view_of(ALL, readings.application)
    label = readings.Feedback(id="r1", key="m1", label="faulty", source="analyst", at=1)
    view.know_event(readings.prediction("r1", "m1", cold=1.0), label)
    client = await serve(view)
    state = await (await client.get("/state/readings/r1?machine=m1")).json()
    assert (state["reading"], state["machine"]) == ("r1", "m1")
    assert [lesson["words"] for lesson in state["taught"]] == ["learned as faulty"]
    page = await (await client.get("/state/readings/r1", headers=HTML)).text()
    for words in (
        "<title>Reading r1</title>",
        '<a href="/state/machines/m1">m1</a>',
        "<dt>hall</dt><dd>north</dd>",
        "350 kelvins",
        '<span class="verdict positive">faulty</span>',
        'data-key-name="machine"',
    ):
        assert words in page
    for words in ("customer", "fraud", "ransaction"):
        assert words not in page


async def test_what_came_in_records_is_escaped(view_of: ViewOf, serve: Serve) -> None:
    view = view_of(ALL)
    label = said("fraud", XSS, XSS, note=XSS, actor=XSS, reason=XSS)
    view.know_transaction(XSS, XSS, label)
    client = await serve(view)
    query = {"what": "transactions", "id": XSS}
    page = await (await client.get("/look", params=query, headers=HTML)).text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


async def test_pages_load_nothing_from_elsewhere(view_of: ViewOf, serve: Serve) -> None:
    view = view_of(ALL)
    view.know_transaction("t2", "c1", said("fraud"))
    client = await serve(view)
    for path in ("/", "/state/transactions/t2"):
        page = await (await client.get(path, headers=HTML)).text()
        assert "//" not in page.replace(view.settings.url, "").replace("<!doctype", "")
        assert "style=" not in page, "the policy forbids inline styles"
