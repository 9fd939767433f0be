"""The status page and its facts."""

from typing import Any

from aiohttp import web

from app.web.pages import render
from app.web.peers import Unreachable, was_asked
from app.web.site import Site, site
from app.web.status import together


async def get_status(request: web.Request) -> web.Response:
    """/status: this worker; /status?workers=all: everyone, and the sums."""
    here = site(request)
    if request.query.get("workers") != "all" or was_asked(request):
        return web.json_response(here.status())
    return web.json_response(await everybody(here))


async def get_page(request: web.Request) -> web.Response:
    """/: the status page."""
    page = render("status.html", **await everybody(site(request)))
    return web.Response(text=page, content_type="text/html")


async def get_panel(request: web.Request) -> web.Response:
    """/panel: what changes on the status page, which the page fetches again and again.

    The page and this come from one template, so nothing is formatted twice.
    """
    panel = render("panel.html", **await everybody(site(request)))
    return web.Response(text=panel, content_type="text/html")


async def everybody(here: Site) -> dict[str, Any]:
    """The status of every worker, all together, and who does not answer."""
    answers = await here.peers.ask_all(here.view.holders().values(), "/status")
    statuses, silent = [here.status()], []
    for url, found in answers.items():
        if isinstance(found, Unreachable) or found[0] != 200:
            silent.append(url)
        else:
            statuses.append(found[1])
    statuses.sort(key=lambda status: status["url"])
    return {"together": together(statuses), "workers": statuses, "silent": silent}
