"""/state/<events>/{id}: what was decided on an event, what was said of it, what was learned."""

from typing import Any

from aiohttp import web

from app.web.address import read_id, singular
from app.web.forwarding import ask_everybody, ask_holder, not_known
from app.web.pages import answer
from app.web.site import Site, site
from app.web.state import event_state, feature_rows


async def get_event(request: web.Request) -> web.Response:
    """/state/<events>/{id}?<key>=...: an event, as JSON or as a page.

    An event's id does not say which partition holds it; its key does. Without the key every
    worker is asked.
    """
    here, id = site(request), read_id(request.match_info["id"])
    application = here.application
    key = request.query.get(application.key)
    if key is None:
        state = own_event(here, id, here.view.assigned())
        state = state or await ask_everybody(request, application.events, id)
    else:
        state = await event_of(request, id, here.partition(read_id(key)))
    shown = {"id": state[singular(application.events)], "key": state[application.key]}
    if prediction := state["prediction"]:
        shown["features"] = feature_rows(application, prediction)
    return answer(request, "event.html", state, **shown)


async def event_of(request: web.Request, id: str, partition: int) -> dict[str, Any]:
    """An event of a partition, from the worker that holds it."""
    here = site(request)
    if not here.view.opened(partition):
        return await ask_holder(request, partition)
    state = own_event(here, id, [partition])
    if state is None:
        raise not_known(here.application.events, id)
    return state


def own_event(here: Site, id: str, partitions: list[int]) -> dict[str, Any] | None:
    """What this worker knows of an event in some of its partitions."""
    view = here.view
    for number in filter(view.opened, partitions):
        prediction, entry = view.prediction(id, number), view.labels(id, number)
        if prediction is not None or entry is not None:
            state = event_state(here.application, id, prediction, entry, view.state)
            return state | {"partition": number, "worker": here.url}
    return None
