"""/features: the features of this worker's models, and what they were worth lately."""

import asyncio

from aiohttp import web

from app.core.worth import Weighing
from app.web.pages import answer
from app.web.site import site


async def get_features(request: web.Request) -> web.Response:
    """/features: each feature with its use and worth in this worker's latest decisions.

    Between two decisions that are weighed the worker goes on with its own work.
    """
    here = site(request)
    view, application = here.view, here.application
    weighing = Weighing(feature.name for feature in application.features)
    for raw in view.newest():
        weighing.add(application.read_prediction(raw), view.state, application.scope)
        await asyncio.sleep(0)
    found = {
        "worker": here.url,
        "features": application.feature_set,
        "model": application.model,
        "decisions": weighing.decisions,
        "table": weighing.table(application.features),
    }
    return answer(request, "features.html", found)
