"""What every request passes: host names, headers, errors as sentences."""

import pytest

from tests.web.conftest import HTML, Serve, ViewOf
from tests.web.raw import ask, read, request
from tests.web.test_hosts import MALFORMED


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


NAMED = {"web_host": "0.0.0.0", "advertised_url": "http://weir-0.weir.svc:6066"}
UMLAUT = {"web_host": "0.0.0.0", "advertised_url": "https://w\u00e9ir.example"}
PROXIED = {**NAMED, "web_names": "Weir.example, 10.9.9.9"}


@pytest.mark.parametrize(
    ("settings", "host", "path", "status"),
    [
        ({}, "evil.example", "/healthz", 403),
        ({}, "localhost:80", "/healthz", 200),
        ({}, "localhost.:80", "/healthz", 200),
        ({}, "[::1]:6066", "/healthz", 200),
        ({}, "10.0.0.7", "/status", 403),
        ({"web_names": "weir.example"}, "weir.example", "/status", 200),
        ({"web_host": "0.0.0.0"}, "evil.example", "/status", 200),
        (NAMED, "weir-0.weir.svc:6066", "/status", 200),
        (NAMED, "WEIR-0.weir.svc.:80", "/status", 200),
        (NAMED, "evil.example", "/status", 403),
        (NAMED, "evil.example", "/metrics", 403),
        (NAMED, "10.0.0.7:6066", "/status", 403),
        (NAMED, "10.0.0.7:6066", "/healthz", 200),
        (NAMED, "[fd00::7]:6066", "/metrics", 200),
        (NAMED, "localhost:6066", "/status", 200),  # through a tunnel
        (UMLAUT, "xn--wir-bma.example", "/status", 200),
        (UMLAUT, "weir.example", "/status", 403),
        (PROXIED, "weir.example", "/status", 200),
        (PROXIED, "10.9.9.9", "/status", 200),
        (PROXIED, "evil.example", "/status", 403),
        ({"web_host": "0.0.0.0"}, "a:b:c", "/status", 400),
        (NAMED, "[::1", "/healthz", 400),
        ({}, "localhost:99999", "/healthz", 400),
    ],
)
async def test_a_worker_goes_by_its_own_names_only(
    settings: dict, host: str, path: str, status: int, view_of: ViewOf, serve: Serve
) -> None:
    client = await serve(view_of([], **settings))
    assert (await client.get(path, headers={"Host": host})).status == status


async def test_a_malformed_host_is_refused_with_a_sentence_and_no_traceback(
    view_of: ViewOf, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    client = await serve(view_of([], web_host="0.0.0.0"))
    for host in MALFORMED:
        if host != host.strip() or not host.isprintable():
            continue  # spaces around a value are none of it; others the parser refuses
        asked = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        answer = read(await ask(client, asked.encode()))
        assert (answer.status, bool(answer.error)) == (400, True), host
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\n", 400),
        (b"GET /healthz HTTP/1.0\r\n", 200),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: local\x01host\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: local\xffhost\r\n", 400),
        (b"GET http://localhost:6066/healthz HTTP/1.1\r\nHost: localhost\r\n", 200),
        (b"GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n", 400),
        (b"GET http://[::1/healthz HTTP/1.1\r\nHost: localhost\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 400),
        (b"PRI * HTTP/2.0\r\n", 400),
    ],
)
async def test_heads_that_no_client_sends_are_answered_plainly(
    head: bytes,
    status: int,
    view_of: ViewOf,
    serve: Serve,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = await serve(view_of([]))
    answer = read(await ask(client, head + b"Connection: close\r\n\r\n"))
    assert answer.status == status
    assert bool(answer.error) is (status != 200)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("settings", "headers", "refused"),
    [
        ({}, {}, False),  # curl, and whatever is no browser
        ({}, {"Origin": "http://localhost:6066"}, False),
        ({}, {"Origin": "http://localhost:6066", "Sec-Fetch-Site": "same-origin"}, False),
        ({}, {"Sec-Fetch-Site": "none"}, False),
        ({}, {"Sec-Fetch-Site": "same-origin", "Referer": "http://localhost:6066/look"}, False),
        ({}, {"Referer": "http://localhost:6066/"}, False),
        ({}, {"Origin": "null"}, True),
        ({}, {"Origin": ""}, True),
        ({}, {"Origin": "https://evil.example"}, True),
        ({}, {"Origin": "http://localhost:3000"}, True),  # another program on this machine
        ({}, {"Origin": "http://localhost.evil.example:6066"}, True),
        ({}, {"Origin": "null", "Referer": "http://localhost:6066/"}, True),
        ({}, {"Sec-Fetch-Site": "cross-site"}, True),
        ({}, {"Sec-Fetch-Site": "same-site"}, True),
        ({}, {"Referer": "https://evil.example/localhost:6066"}, True),
        ({}, {"Sec-Fetch-Site": "cross-site", "Referer": "http://localhost:6066/"}, True),
        ({"web_host": "0.0.0.0"}, {"Origin": "https://evil.example"}, True),
        (NAMED, {"Origin": "http://weir-0.weir.svc:6066"}, False),
        (NAMED, {"Origin": "https://weir.example"}, True),
        (PROXIED, {"Origin": "https://weir.example"}, False),
    ],
)
async def test_a_page_of_another_site_can_post_nothing(
    settings: dict, headers: dict, refused: bool, view_of: ViewOf, serve: Serve
) -> None:
    client = await serve(view_of([], **settings))
    label = {"id": "t1", "customer": "c1", "label": "fraud"}
    for path in ("/feedback", "/healthz"):
        answer = await client.post(path, json=label, headers={"Host": "localhost:6066", **headers})
        assert (answer.status == 403) is refused, await answer.text()
        assert not refused or (await answer.json())["error"] == (
            "a page of another site may not send this"
        )


async def test_any_accept_header_gets_an_answer(view_of: ViewOf, serve: Serve) -> None:
    client = await serve(view_of([]))
    for quality in ("\u00b2", "9" * 400, ".;q", "1.0000", "-1", ""):
        raw = request("/nowhere", "Host: localhost", f"Accept: text/html;q={quality},;,=")
        assert (await ask(client, raw)).startswith(b"HTTP/1.1 404 "), quality
