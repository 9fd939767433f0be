"""The status page and its facts."""

from typing import Any

from aiohttp import web

from app.web.pages import page
from app.web.peers import Unreachable, was_asked
from app.web.site import Site, site
from app.web.together import together


async def get_status(request: web.Request) -> web.Response:
    """/status: this worker; /status?workers=all: every worker, and the sums."""
    here = site(request)
    if request.query.get("workers") != "all" or was_asked(request):
        return web.json_response(here.status())
    return web.json_response(await everybody(here))


async def get_page(request: web.Request) -> web.Response:
    """/: the status page."""
    return page(request, "status.html", **await everybody(site(request)))


async def get_panel(request: web.Request) -> web.Response:
    """/panel: the part of the status page that changes; the page fetches it again and again.

    Both come from one template, so nothing is formatted in two places.
    """
    return page(request, "panel.html", **await everybody(site(request)))


async def everybody(here: Site) -> dict[str, Any]:
    """The status of every worker and of all together, and which ones do not answer.

    While workers are upgraded, one of another release may tell other figures: it counts as one
    that does not answer.
    """
    answers = await here.peers.ask_all(here.view.holders().values(), "/status")
    own = here.status()
    statuses, silent = [own], []
    for url, found in answers.items():
        if isinstance(found, Unreachable) or found[0] != 200 or not _has(found[1], own):
            silent.append(url)
        else:
            statuses.append(found[1])
    statuses.sort(key=lambda status: status["url"])
    return {"together": together(statuses), "workers": statuses, "silent": silent}


def _has(status: dict[str, Any], own: dict[str, Any]) -> bool:
    """Whether a status tells all that this worker's own does."""
    learning = status.get("learning", {})
    return own.keys() <= status.keys() and own["learning"].keys() <= learning.keys()
