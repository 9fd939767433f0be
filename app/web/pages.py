"""HTML from templates, and who gets HTML."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
)

from app import figures
from app.core.domain import Application
from app.web.address import place, singular
from app.web.state import fact_names

TEMPLATES = web.AppKey("templates", Environment)
DASH = "\N{EN DASH}"  # for what has no value


def templates(application: Application, kinds: Sequence[str]) -> Environment:
    """The templates of all pages of an application, those of its own folder first.

    So an application replaces a page, or a part of one, by a template of the same name.
    `kinds` is what the search box offers.
    """
    environment = Environment(
        loader=loader(application.routes),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    formats = (figures.count, figures.figure, figures.share, figures.milliseconds, figures.moment)
    environment.filters.update({each.__name__: partial(each, none=DASH) for each in formats})
    environment.filters.update(
        points=points, said=said, singular=singular, tone=partial(tone, application.labels.teaches)
    )
    environment.globals.update(
        application=application,
        noun=singular(application.events),
        kinds=kinds,
        fact_names=fact_names(application),
        place=place,
    )
    return environment


def loader(routes: str) -> BaseLoader:
    """Finds templates beside an application's routes, given as `Application.routes`, or here."""
    shared = PackageLoader("app.web")
    if not routes:
        return shared
    module = import_module(routes.partition(":")[0])
    assert module.__file__ is not None, "routes are in a file"
    return ChoiceLoader([FileSystemLoader(Path(module.__file__).parent / "templates"), shared])


def said(value: object) -> str:
    """A fact of an event as text.

    >>> said(12.5), said("DE"), said(False), said("") == DASH
    ('12.5', 'DE', 'no', True)
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return figures.figure(value)
    return str(value) if value else DASH


def tone(teaches: Mapping[str, int], word: str) -> str:
    """The style of a label: what it says, and '' for one that teaches nothing.

    >>> tone({"fraud": 1, "legit": 0}, "legit")
    'negative'
    """
    return {1: "positive", 0: "negative", None: ""}[teaches.get(word)]


def points(values: Iterable[float], width: float, height: float) -> str:
    """The points of an SVG polyline that fills a box, its bottom at 0.

    >>> points([0, 5, 10], 100, 20)
    '0.0,20.0 50.0,10.0 100.0,0.0'
    """
    values = list(values)
    top, step = max(values, default=0) or 1, width / max(len(values) - 1, 1)
    return " ".join(f"{i * step:.1f},{height * (1 - v / top):.1f}" for i, v in enumerate(values))


def render(request: web.Request, template: str, **values: Any) -> str:
    """A page of the site that a request is for, as text."""
    return request.app[TEMPLATES].get_template(template).render(values)


QUALITY = re.compile(r"[0-9](\.[0-9]{0,3})?")  # as RFC 9110 writes it


def wants_page(request: web.Request) -> bool:
    """Whether a request prefers HTML to JSON."""
    return prefers_html(request.headers.get("Accept", ""))


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
        ranks[kind] = float(quality) if QUALITY.fullmatch(quality) else 0.0
    json = ranks.get("application/json", ranks.get("*/*", 0.0))
    return ranks.get("text/html", 0.0) > json


def page(request: web.Request, template: str, **values: Any) -> web.Response:
    """A page as an answer."""
    return web.Response(text=render(request, template, **values), content_type="text/html")


def answer(request: web.Request, template: str, state: dict[str, Any], **more: Any) -> web.Response:
    """The same facts as JSON, or as a page for whoever prefers HTML.

    `more` is what the template needs besides the facts.
    """
    wanted = wants_page(request)
    response = page(request, template, **state, **more) if wanted else web.json_response(state)
    response.headers["Vary"] = "Accept"
    return response
