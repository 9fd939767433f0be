"""What the handlers share."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from app.core.domain import Application
from app.core.messages import Feedback
from app.core.partitioning import partition_of
from app.serving.view import View
from app.web.peers import Peers
from app.web.recorder import Recorder
from app.web.status import Quality, worker_status

# Writes a label, and gives partition and offset once the broker has it; TimeoutError when that
# takes longer than so many seconds.
Publish = Callable[[Feedback, float], Awaitable[tuple[int, int]]]


@dataclass(frozen=True)
class Site:
    """The parts behind the pages of one worker.

    `kinds` is what can be looked up by its id, events first. Everything is read through `view`;
    only `publish` writes.
    """

    view: View
    publish: Publish
    kinds: Sequence[str]
    peers: Peers
    recorder: Recorder
    quality: Quality

    @property
    def application(self) -> Application:
        """What the worker runs."""
        return self.view.application

    @property
    def url(self) -> str:
        """Where this worker answers."""
        return self.view.settings.url

    def partition(self, key: str) -> int:
        """The partition of a key."""
        return partition_of(key, self.view.settings.partitions)

    def status(self) -> dict[str, Any]:
        """How this worker is doing."""
        return worker_status(self.view, self.recorder, self.quality)


SITE = web.AppKey("site", Site)


def site(request: web.Request) -> Site:
    """The site that a request is for."""
    return request.app[SITE]
