"""The state by JSON and as pages: what is shown, what is refused, and that nothing is injected."""

import pytest

from app.messages import Feedback
from tests.web.conftest import AT, XSS, Serve, ViewOf

HTML = {"Accept": "text/html,*/*;q=0.8"}


def said(label: str, customer: str = "c1", at: int = AT, **more: str) -> Feedback:
    return Feedback(id="t2", customer=customer, label=label, source="analyst", at=at, **more)


async def test_a_customer_shows_events_newest_first_with_the_fraud_marked(
    view_of: ViewOf, serve: Serve
) -> None:
    view = view_of([0, 1, 2, 3])
    view.know_customer("c1")
    client = await serve(view)
    state = await (await client.get("/state/customers/c1")).json()
    assert [event["amount"] for event in state["events"]] == [300.0, 12.5, 10.0]
    assert [event["fraud"] for event in state["events"]] == [True, None, None]
    assert state["transactions"] == 3
    assert state["windows"][3] == {"name": "1d", "seconds": 86400, "count": 3, "sum": 322.5}
    assert state["worker"] == view.settings.url


async def test_a_transaction_shows_which_label_holds_and_which_disagrees(
    view_of: ViewOf, serve: Serve
) -> None:
    view = view_of([0, 1, 2, 3])
    labels = said("fraud", actor="anna"), said("legit", actor="bob", at=AT + 1)
    view.know_transaction("t2", "c1", *labels)
    client = await serve(view)
    state = await (await client.get("/state/transactions/t2?customer=c1")).json()
    assert [(x["label"], x["holds"], x["disagrees"]) for x in state["labels"]] == [
        ("fraud", False, True),
        ("legit", True, False),
    ]
    assert state["prediction"]["decision"] == "review"
    assert state["prediction"]["threshold"] == 0.625
    assert state["prediction"]["features"] == {"amount": 300.0, "hour": 3.0}
    assert state["learned"]["label"] == "legit"
    assert state["learned"]["folded"] is False
    assert state["learned"]["origin"]["offset"] == 1
    assert [(x["words"], x["actor"], x["folded"]) for x in state["taught"]] == [
        ("learned as fraud", "anna", False),
        ("corrected from fraud to legit", "bob", False),
    ]


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
    view = view_of([0, 1, 2, 3])
    view.know_transaction("t2", "c1", *(said(label, at=AT + n) for n, label in enumerate(labels)))
    client = await serve(view)
    state = await (await client.get("/state/transactions/t2")).json()
    assert [label["standing"] for label in state["labels"]] == standing
    page = await (await client.get("/state/transactions/t2", headers=HTML)).text()
    assert f"<td>{standing[-1]}</td>" in page or f"<strong>{standing[-1]}</strong>" in page


async def test_a_merchant_without_labels_has_the_overall_risk(
    view_of: ViewOf, serve: Serve
) -> None:
    client = await serve(view_of([]))
    state = await (await client.get("/state/merchants/m9?location=DE&at=1000")).json()
    assert state["labels"] == 0
    assert state["risk"]["1d"] == state["risk"]["30d"]
    assert state["at"] == 1000


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/state/customers/nobody", 404, "no customer 'nobody' is known"),
        ("/state/transactions/none", 404, "no transaction 'none' is known"),
        ("/state/transactions/none?customer=c1", 404, "no transaction 'none' is known"),
        ("/state/customers/" + "a" * 129, 400, "an id has 1 to 128 bytes"),
        ("/state/customers/%00threshold", 400, "an id holds no NUL character"),
        ("/state/merchants/m1?at=soon", 400, "`at` is a time in epoch milliseconds"),
        ("/look?what=tables&id=x", 400, "say what to look for"),
        ("/nowhere", 404, "Not Found"),
        ("/table/", 404, "Not Found"),
        ("/router/", 404, "Not Found"),
        ("/readyz", 503, "the group is giving out partitions"),
    ],
)
async def test_what_cannot_be_answered_is_said_in_one_sentence(
    path: str, status: int, words: str, view_of: ViewOf, serve: Serve
) -> None:
    client = await serve(view_of([0, 1, 2, 3]))
    for accept in ({}, HTML):
        response = await client.get(path, headers=accept)
        assert response.status == status
        text = (await response.json())["error"] if not accept else await response.text()
        assert words.replace("'", "&#39;") in text or words in text


@pytest.mark.parametrize("kind", ["customers", "merchants", "transactions"])
async def test_ids_are_escaped_in_pages(kind: str, view_of: ViewOf, serve: Serve) -> None:
    view = view_of([0, 1, 2, 3])
    view.know_customer(XSS)
    view.know_transaction(XSS, XSS, said("fraud", customer=XSS, note=XSS, actor=XSS, reason=XSS))
    client = await serve(view)
    found = await client.get("/look", params={"what": kind, "id": XSS}, headers=HTML)
    page = await found.text()
    assert found.status == 200
    assert found.content_type == "text/html"
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


async def test_an_id_with_a_slash_is_found(view_of: ViewOf, serve: Serve) -> None:
    view = view_of([0, 1, 2, 3])
    view.know_customer("a/../b%2F?c")
    client = await serve(view)
    query = {"what": "customers", "id": "a/../b%2F?c"}
    state = await (await client.get("/look", params=query)).json()
    assert state["customer"] == "a/../b%2F?c"


async def test_every_answer_carries_the_headers_that_lock_a_browser_in(
    view_of: ViewOf, serve: Serve
) -> None:
    client = await serve(view_of([]))
    for path in ("/", "/status", "/static/weir.css", "/nowhere"):
        headers = (await client.get(path)).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    ("bound", "host", "status"),
    [
        ("127.0.0.1", "evil.example", 403),
        ("127.0.0.1", "localhost:80", 200),
        ("127.0.0.1", "[::1]:6066", 200),
        ("0.0.0.0", "evil.example", 200),
    ],
)
async def test_a_name_that_was_bent_to_loopback_is_refused(
    bound: str, host: str, status: int, view_of: ViewOf, serve: Serve
) -> None:
    client = await serve(view_of([], web_host=bound))
    assert (await client.get("/healthz", headers={"Host": host})).status == status


async def test_pages_load_nothing_from_elsewhere(view_of: ViewOf, serve: Serve) -> None:
    view = view_of([0, 1, 2, 3])
    view.know_customer("c1")
    view.know_transaction("t2", "c1", said("fraud"))
    client = await serve(view)
    for path in ("/", "/state/customers/c1", "/state/transactions/t2", "/state/merchants/m"):
        page = await (await client.get(path, headers=HTML)).text()
        assert "//" not in page.replace(view.settings.url, "").replace("<!doctype", "")
        assert "style=" not in page, "the policy forbids inline styles"
