"""Where requests go and come from: what a Host header may be, and what counts as one's own page."""

import pytest

from app.web.hosts import Authority, read_authority, read_origin, same_place

MALFORMED = [
    "",
    " ",
    "a:b:c",
    "[::1",
    "::1",
    "[::1]x",
    "[::1]:6066:1",
    "[]",
    "[1.2.3]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "localhost:99999",
    "localhost:0",
    "localhost:-1",
    "localhost:+80",
    "localhost:8o",
    "localhost:\u0668\u0660",
    "localhost :80",
    "localhost:80 ",
    "localhost/",
    "localhost/path",
    "localhost?x",
    "localhost#x",
    "local\\host",
    "me@localhost",
    "me:secret@localhost:80",
    "localhost,localhost",
    "http://localhost",
    "local\thost",
    "local\x00host",
    "local\x7fhost",
    "local%68ost",
    "localhost..",
    ".localhost",
    ".",
    "a..b",
    "l\u00f6calhost",
    "\uff4cocalhost",
    "a" * 64,
    ".".join(["a" * 60] * 5),
]


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_host_with_a_port_is_none(text: str) -> None:
    assert read_authority(text) is None


@pytest.mark.parametrize(
    ("text", "name", "port"),
    [
        ("localhost", "localhost", None),
        ("LOCALHOST:6066", "localhost", 6066),
        ("localhost.", "localhost", None),
        ("localhost.:80", "localhost", 80),
        ("localhost:", "localhost", None),
        ("127.0.0.1:65535", "127.0.0.1", 65535),
        ("[::1]:6066", "::1", 6066),
        ("[2001:DB8::1]", "2001:db8::1", None),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1", None),
        ("weir-0.weir.default.svc:6066", "weir-0.weir.default.svc", 6066),
        ("docker_compose_name", "docker_compose_name", None),
        ("xn--caf-dma.example", "xn--caf-dma.example", None),
    ],
)
def test_a_host_is_read_in_one_spelling(text: str, name: str, port: int | None) -> None:
    assert read_authority(text) == Authority(name, port)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("localhost.", True),
        ("127.8.8.8", True),
        ("[::1]", True),
        ("[0:0:0:0:0:0:0:1]", True),
        ("[::ffff:127.0.0.1]", True),
        ("[::ffff:10.0.0.1]", False),
        ("0.0.0.0", False),
        ("10.0.0.7", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("2130706433", False),
    ],
)
def test_this_machine_is_known_by_its_names_and_addresses(host: str, loopback: bool) -> None:
    found = read_authority(host)
    assert found is not None
    assert found.is_loopback is loopback


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://localhost:6066", "localhost:6066", True),
        ("http://LOCALHOST:6066", "localhost:6066", True),
        ("http://[::1]:6066", "[::1]:6066", True),
        ("http://weir.example", "weir.example", True),
        ("http://weir.example", "weir.example:80", True),
        ("https://weir.example", "weir.example", True),  # a proxy ended TLS
        ("https://weir.example", "weir.example:443", True),
        ("https://weir.example", "weir.example:80", False),
        ("http://localhost:3000", "localhost:6066", False),
        ("http://localhost", "localhost:6066", False),
        ("http://localhost:6066", "127.0.0.1:6066", False),
        ("https://evil.example", "weir.example", False),
        ("https://weir.example.evil.example", "weir.example", False),
    ],
)
def test_a_page_comes_from_the_host_that_is_asked_or_from_another_site(
    origin: str, host: str, same: bool
) -> None:
    page, asked = read_origin(origin), read_authority(host)
    assert page is not None and asked is not None
    assert same_place(page, asked) is same


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "weir.example",
        "//weir.example",
        "file:///etc/passwd",
        "chrome-extension://abc",
        "http://",
        "http:///",
        "http://a:b:c",
        "http://me@localhost",
        "http://localhost:99999",
        "http://localhost\\@evil.example",
        "http://one.example http://two.example",
    ],
)
def test_what_is_no_origin_of_a_web_page_is_none(text: str) -> None:
    assert read_origin(text) is None
