"""What every request passes: host names, headers, errors as sentences."""

import pytest

from tests.web.conftest import HTML, Serve, ViewOf


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/state/transactions/none", 404, "no transaction 'none' is known"),
        ("/state/transactions/none?customer=c1", 404, "no transaction 'none' is known"),
        ("/state/transactions/" + "a" * 129, 400, "an id must be 1 to 128 bytes long"),
        ("/state/transactions/t1?customer=%00", 400, "an id must not contain a NUL character"),
        ("/look?what=tables&id=x", 400, "say what to look for"),
        ("/models", 503, "the consumer group is rebalancing"),
        ("/readyz", 503, "the consumer group is rebalancing"),
        ("/nowhere", 404, "Not Found"),
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
async def test_a_foreign_name_that_resolves_to_loopback_is_refused(
    bound: str, host: str, status: int, view_of: ViewOf, serve: Serve
) -> None:
    client = await serve(view_of([], web_host=bound))
    assert (await client.get("/healthz", headers={"Host": host})).status == status
