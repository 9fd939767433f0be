"""What card pages have in the place of the generic parts: payments and alerts."""

import pytest
from msgspec.structs import replace

from tests.web.cards import AT, prediction
from tests.web.conftest import HTML, XSS, Serve, ViewOf

LINKS = (
    '<a href="/state/customers/c%261">c&amp;1</a>',
    '<a href="/state/merchants/m%271?location=DE',
)


@pytest.mark.parametrize("path", ["/", "/panel"])
async def test_alerts_lead_to_transaction_customer_and_merchant(
    path: str, view_of: ViewOf, serve: Serve
) -> None:
    view = view_of([0])
    view.sensors.alerts.append(prediction("t<1>", "c&1", "m'1"))
    page = await (await (await serve(view)).get(path)).text()
    assert '<a href="/state/transactions/t%3C1%3E?customer=c%261">t&lt;1&gt;</a>' in page
    for words in (*LINKS, '<td class="number">300.00</td>', "<h2>Transactions</h2>"):
        assert words in page
    assert "of them fraud" in page


async def test_the_page_of_a_transaction_shows_the_payment(view_of: ViewOf, serve: Serve) -> None:
    view = view_of([0, 1, 2, 3])
    view.know_event(prediction("t1", "c&1", "m'1"))
    page = await (await (await serve(view)).get("/state/transactions/t1", headers=HTML)).text()
    for words in (*LINKS, f"at={AT}", '<p class="big">300.00</p>', "<dt>location</dt><dd>DE</dd>"):
        assert words in page


async def test_the_words_of_a_payment_are_shown_as_they_came_and_escaped(
    view_of: ViewOf, serve: Serve
) -> None:
    view = view_of([0, 1, 2, 3])
    fields: dict[str, str | float] = {"shop": XSS, "age": 3.5}
    view.know_event(replace(prediction("t1", "c&1", "m'1"), fields=fields))
    page = await (await (await serve(view)).get("/state/transactions/t1", headers=HTML)).text()
    assert "<dt>shop</dt><dd>&lt;script&gt;alert" in page and "<script>alert" not in page
    assert "<dt>age</dt><dd>3.5</dd>" in page
