"""What the handlers share."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from app.serving.view import View
from app.web.peers import Peers
from app.web.recorder import Recorder
from app.web.status import Quality, worker_status


@dataclass(frozen=True)
class Site:
    """The parts behind the pages of one worker."""

    view: View
    peers: Peers
    recorder: Recorder
    quality: Quality

    def status(self) -> dict[str, Any]:
        """How this worker is doing."""
        return worker_status(self.view, self.recorder, self.quality)


SITE = web.AppKey("site", Site)


def site(request: web.Request) -> Site:
    """The site that a request is for."""
    return request.app[SITE]
