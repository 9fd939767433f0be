"""/state/merchants/{id}: a merchant as its labels show it."""

from typing import Any

from aiohttp import web

from app.core.fold import LearningState
from app.web.address import read_id, read_time
from app.web.pages import answer
from app.web.site import site


async def get_merchant(request: web.Request) -> web.Response:
    """/state/merchants/{id}?location=&at=: what labels say, the same on every worker."""
    merchant, here = read_id(request.match_info["id"]), site(request)
    location = request.query.get("location", "")
    at = read_time(request.query.get("at"))
    state = merchant_state(merchant, location, at, here.view.state)
    return answer(request, "merchant.html", state | {"worker": here.url})


def merchant_state(
    merchant: str, location: str, at: int | None, state: LearningState
) -> dict[str, Any]:
    """A merchant at a time in epoch milliseconds; None stands for the time of the latest label."""
    merchants = state.statistics.merchants
    at = merchants.clock if at is None else at
    view = merchants.view(merchant, location, at)
    return {
        "merchant": merchant,
        "location": location,
        "at": at,
        "version": state.version,
        "labels": view.labels,
        "risk": {"1d": view.risk_1d, "7d": view.risk_7d, "30d": view.risk_30d},
        "run": {"length": view.run, "days": view.run_days},
        "unexplained_run": {"length": view.unexplained_run, "days": view.unexplained_days},
        "location_frauds": view.location_frauds,
    }
