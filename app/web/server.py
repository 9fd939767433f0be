"""Puts Weir's pages on Faust's web server, in the place of Faust's own."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from pkgutil import resolve_name

from aiohttp import web
from faust.web.base import BlueprintManager

from app.core.domain import Application
from app.runtime.application import WeirApp
from app.serving.feedback import publish
from app.serving.view import View
from app.serving.worker import Worker
from app.web import event, features, feedback, front, health, look, models
from app.web.access import add_headers, errors_as_sentences, only_for
from app.web.address import kinds_of
from app.web.limits import LimitedRunner, limit_head
from app.web.pages import TEMPLATES, templates
from app.web.peers import Peers
from app.web.recorder import Recorder
from app.web.site import SITE, Publish, Site
from app.web.status import Quality

STATIC = {path.name: path for path in (Path(__file__).parent / "static").iterdir()}


async def get_static(request: web.Request) -> web.FileResponse:
    """/static/<name>: a part of the pages, by its name and nothing else."""
    path = STATIC.get(request.match_info["name"])
    if path is None:
        raise web.HTTPNotFound
    return web.FileResponse(path)


ROUTES = (
    web.get("/", front.get_page),
    web.get("/panel", front.get_panel),
    web.get("/status", front.get_status),
    web.get("/look", look.look_up),
    web.get("/models", models.get_models),
    web.get("/features", features.get_features),
    web.post("/feedback", feedback.post_feedback),
    web.get("/healthz", health.healthz),
    web.get("/readyz", health.readyz),
    web.get("/metrics", health.metrics),
    web.get("/static/{name}", get_static),
)


def mount(app: WeirApp[Worker]) -> WeirApp[Worker]:
    """Give an application its pages. Faust's own show its tables to anybody: they are dropped.

    Faust would let any number of connections stay for any time: see `app.web.limits`.
    """
    app.web.blueprints = BlueprintManager()
    app.web._runner = LimitedRunner(app.web.web_app)
    worker = app.weir
    set_up(app.web.web_app, View(worker), partial(publish, worker.writers, worker.setup))
    return app


def set_up(server: web.Application, view: View, publish: Publish) -> None:
    """Routes, middlewares and what they need, for one worker."""
    states = state_routes(view.application)
    kinds = kinds_of(states)
    site = Site(
        view, publish, kinds, Peers(view.settings.url), Recorder(view.sensors), Quality(view)
    )
    server[SITE], server[TEMPLATES] = site, templates(view.application, kinds)
    server.middlewares.extend([errors_as_sentences, limit_head, only_for(view.settings)])
    server.on_response_prepare.append(add_headers)
    server.cleanup_ctx.extend([site.peers.connected, site.recorder.running])
    server.add_routes([*ROUTES, *states])
    health.read_at_scrape(view, site.quality)


def state_routes(application: Application) -> Sequence[web.AbstractRouteDef]:
    """Where an application's state is: its events, and what its own routes show."""
    own = resolve_name(application.routes) if application.routes else ()
    return [web.get(f"/state/{application.events}/{{id}}", event.get_event), *own]
