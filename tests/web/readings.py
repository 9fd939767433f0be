"""The smallest application: readings of machines, faulty or sound. Nothing in it is of cards."""

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from aiohttp import web
from msgspec import field

from app.core import messages
from app.core.domain import Application, Feature, Gauge, Scoring, Verdict
from app.core.dump import Scorer
from app.core.labels import Labels
from app.core.messages import Example, ModelUsed, Source
from app.settings import Settings
from app.web.pages import answer
from app.web.site import site
from app.wire import Id

HOT = Feature("heat", "heat", "K", "How hot it was.", [300.0], "heat", "{:.0f} kelvins")


class Feedback(messages.Feedback, kw_only=True):
    """What somebody says of a reading."""

    key: Id = field(name="machine")


class Prediction(messages.PlainPrediction, kw_only=True):
    """The decision on a reading, and where it was taken."""

    hall: str = ""


class Reading(NamedTuple):
    id: str
    at: int
    key: str


class Seen:
    """How many examples there were."""

    count = 0

    def learn(self, example: Example, models: Scorer) -> None:
        self.count += 1

    def parts(self) -> Iterator[bytes]:
        yield json.dumps(self.count).encode()

    def load(self, parts: Iterable[bytes]) -> None:
        self.count = json.loads(next(iter(parts)))


async def get_machine(request: web.Request) -> web.Response:
    """/state/machines/{id}: as much as there is to say of a machine."""
    return answer(request, "error.html", {"status": request.match_info["id"], "error": "hums"})


async def get_halls(request: web.Request) -> web.Response:
    """/halls: a page of something that has no id."""
    return web.json_response({"worker": site(request).url})


ROUTES = (web.get("/state/machines/{id}", get_machine), web.get("/halls", get_halls))


def application(settings: Settings) -> Application:
    return Application(
        name="readings",
        sentence="Judges readings of machines.",
        events="readings",
        records="machines",
        key="machine",
        partitions=settings.partitions,
        read=lambda raw: Reading(**json.loads(raw or b"{}")),
        feedback=Feedback,
        prediction=Prediction,
        labels=Labels({"faulty": 1, "sound": 0}, {"analyst": 1, "maturity": 0}),
        features=[HOT],
        feature_set="heat",
        statistics=Seen,
        open=lambda raw: raw,
        look=lambda event, past, statistics: {"heat": 350.0},
        conclude=conclude,
        gauges=[Gauge("seen", "Examples seen.", lambda seen: seen.count)],
        routes="tests.web.readings:ROUTES",
    )


def conclude(x: dict[str, float], logit: float, scoring: Scoring) -> Verdict:
    return Verdict(0.7, "review", "model", [])


def prediction(id: str, machine: str, **features: float) -> Prediction:
    return Prediction(
        id=id,
        key=machine,
        at=0,
        score=0.7,
        decision="review",
        reasons=[],
        mode="model",
        model=ModelUsed("binned", "both", 3, "heat"),
        features={"heat": 350.0, **features},
        source=Source(0, 0),
        engine="",
        hall="north",
    )
