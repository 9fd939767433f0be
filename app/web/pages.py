"""HTML from templates, and who gets HTML."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

NONE = "\N{EN DASH}"


def count(value: float | None) -> str:
    """A whole number with separators of thousands.

    >>> count(1234567), count(None) == NONE
    ('1,234,567', True)
    """
    return NONE if value is None else f"{value:,.0f}"


def figure(value: float | None) -> str:
    """A number with as many digits as help.

    >>> figure(12345.6), figure(3.14159), figure(0.000123), figure(0), figure(2.0)
    ('12,346', '3.142', '0.000123', '0', '2')
    """
    if value is None:
        return NONE
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.4g}"


def share(value: float | None) -> str:
    """A share in per cent.

    >>> share(0.0123), share(None) == NONE
    ('1.2 %', True)
    """
    return NONE if value is None else f"{100 * value:.1f} %"


def milliseconds(value: float | None) -> str:
    """A length of time given in milliseconds.

    >>> milliseconds(0.42), milliseconds(38.4), milliseconds(2345)
    ('0.4 ms', '38 ms', '2.3 s')
    """
    if value is None:
        return NONE
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def moment(ms: int | None) -> str:
    """A time given in epoch milliseconds.

    >>> moment(1522540800000)
    '2018-04-01 00:00:00'
    """
    return NONE if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def place(what: str, key: str, **query: object) -> str:
    """The address of a page of state.

    >>> place("merchants", "a/b <c>", location="DE")
    '/state/merchants/a%2Fb%20%3Cc%3E?location=DE'
    """
    given = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items())
    return f"/state/{what}/{quote(key, safe='')}" + (f"?{given}" if given else "")


def points(values: Iterable[float], width: float, height: float) -> str:
    """The points of an SVG polyline that fills a box, its bottom at 0.

    >>> points([0, 5, 10], 100, 20)
    '0.0,20.0 50.0,10.0 100.0,0.0'
    """
    values = list(values)
    top, step = max(values, default=0) or 1, width / max(len(values) - 1, 1)
    return " ".join(f"{i * step:.1f},{height * (1 - v / top):.1f}" for i, v in enumerate(values))


templates = Environment(
    loader=PackageLoader("app.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
templates.filters.update(
    count=count, figure=figure, share=share, milliseconds=milliseconds, moment=moment, points=points
)
templates.globals["place"] = place


def render(template: str, **values: Any) -> str:
    """A page as text."""
    return templates.get_template(template).render(values)


def prefers_html(accept: str) -> bool:
    """Whether an Accept header ranks text/html above JSON; equal ranks get JSON.

    >>> prefers_html("text/html,application/xhtml+xml,*/*;q=0.8"), prefers_html("*/*")
    (True, False)
    >>> prefers_html("application/json, text/html"), prefers_html("")
    (False, False)
    """
    ranks: dict[str, float] = {}
    for entry in accept.split(","):
        kind, *parameters = (part.strip() for part in entry.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        ranks[kind] = float(quality) if quality.replace(".", "", 1).isdigit() else 0.0
    json = ranks.get("application/json", ranks.get("*/*", 0.0))
    return ranks.get("text/html", 0.0) > json


def answer(
    request: web.Request, template: str, state: dict[str, Any], **functions: Callable[..., Any]
) -> web.Response:
    """The same facts as JSON, or as a page for whoever prefers HTML.

    `functions` are what the template needs besides the facts.
    """
    if prefers_html(request.headers.get("Accept", "")):
        page = render(template, **state, **{f"{name}_of": f for name, f in functions.items()})
        response = web.Response(text=page, content_type="text/html")
    else:
        response = web.json_response(state)
    response.headers["Vary"] = "Accept"
    return response
