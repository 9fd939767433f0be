"""Puts Weir's pages on Faust's web server, in the place of Faust's own."""

from pathlib import Path

from aiohttp import web
from faust.web.base import BlueprintManager

from app.serving.application import WeirApp
from app.serving.view import View
from app.web import api, feedback, front, health
from app.web.access import add_headers, errors_as_sentences, only_for
from app.web.peers import Peers
from app.web.recorder import Recorder
from app.web.site import SITE, Site
from app.web.status import Quality

STATIC = Path(__file__).parent / "static"

ROUTES = (
    web.get("/", front.get_page),
    web.get("/panel", front.get_panel),
    web.get("/status", front.get_status),
    web.get("/look", api.look_up),
    web.get("/state/customers/{id}", api.get_customer),
    web.get("/state/merchants/{id}", api.get_merchant),
    web.get("/state/transactions/{id}", api.get_transaction),
    web.get("/models", api.get_models),
    web.post("/feedback", feedback.post_feedback),
    web.get("/healthz", health.healthz),
    web.get("/readyz", health.readyz),
    web.get("/metrics", health.metrics),
    web.static("/static", STATIC),
)


def mount(app: WeirApp) -> WeirApp:
    """Give an application its pages. Faust's own serve tables to anybody: they are dropped."""
    app.web.blueprints = BlueprintManager()
    set_up(app.web.web_app, View(app.weir))
    return app


def set_up(server: web.Application, view: View) -> None:
    """Routes, middlewares and what they need, for one worker."""
    site = Site(view, Peers(view.settings.url), Recorder(view.sensors), Quality(view))
    server[SITE] = site
    server.middlewares.extend([errors_as_sentences, only_for(view.settings)])
    server.on_response_prepare.append(add_headers)
    server.cleanup_ctx.extend([site.peers.connected, site.recorder.running])
    server.add_routes(ROUTES)
    health.read_at_scrape(view, site.quality)
