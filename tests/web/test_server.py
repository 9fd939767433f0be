"""The server as a worker has it: every route is documented, and none is Faust's."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.apps import APPS, set_up
from app.runtime.application import WeirApp, faust_settings
from app.serving.worker import Worker
from app.settings import read_settings
from app.web.server import mount

DOCUMENT = Path(__file__).parents[2] / "docs" / "architecture.md"
Route = tuple[str, str]  # method and path


async def routes(name: str, place: Path) -> set[Route]:
    """What a worker of an application answers, once Faust has set up its web server.

    The address of an event is the same for all, but for the name of events.
    """
    setup = set_up(read_settings(app=name, data_dir=place))
    app = WeirApp(setup.settings.app_id, **faust_settings(setup.settings))
    app.weir = Worker(setup, app)
    mount(app).web.init_server()
    found = app.web.web_app.router.routes()
    event = f"/state/{setup.application.events}/"
    return {
        (route.method, route.resource.canonical.replace(event, "/state/<events>/"))
        for route in found
        if route.method != "HEAD"
    }


def documented() -> Iterator[Route]:
    """The rows of the table under the heading HTTP: a path (a query may follow), and a method."""
    section = re.search(r"^#+ HTTP$(.*?)(?=^#|\Z)", DOCUMENT.read_text(), re.M | re.S)
    assert section is not None, f"{DOCUMENT} has no heading HTTP"
    for path, method in re.findall(r"^\| `([^`?]+)[^|]*\| ([A-Z]+) \|", section[1], re.M):
        yield method, path


@pytest.mark.parametrize("name", APPS)
async def test_every_route_is_documented(name: str, tmp_path: Path) -> None:
    assert await routes(name, tmp_path) <= set(documented())


async def test_every_route_that_is_documented_is_there(tmp_path: Path) -> None:
    found = [await routes(name, tmp_path / name) for name in APPS]
    assert set(documented()) <= set().union(*found)
