"""The applications by name: one is chosen, and no more is loaded than it needs."""

import subprocess
import sys
from typing import get_type_hints

import pytest

from app import apps
from app.core.domain import Application
from app.core.labels import MATURITY
from app.core.messages import PlainExample, PlainPrediction
from app.errors import SettingsError
from app.settings import read_settings

LOADED = """
import sys
from app import apps
from app.settings import read_settings
apps.load(read_settings(app=sys.argv[1]))
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize("name", apps.APPS)
def test_an_application_is_chosen_by_its_name(name):
    application = apps.load(read_settings(app=name, partitions=3, epoch=2))
    assert isinstance(application, Application)
    assert (application.name, application.partitions, application.epoch) == (name, 3, 2)
    assert application.sentence.endswith(".")


@pytest.mark.parametrize("name", apps.APPS)
def test_the_words_of_an_application_are_whole(name):
    """Pages and commands send labels as the reviewer, and maturity says what is negative."""
    labels = apps.load(read_settings(app=name)).labels
    assert sorted(labels.teaches.values()) == [0, 1]
    assert {labels.reviewer, MATURITY} <= labels.ranks.keys()
    assert min(labels.ranks, key=labels.ranks.__getitem__) == MATURITY


def test_an_unknown_application_is_named_beside_those_that_there_are(monkeypatch):
    monkeypatch.setenv("WEIR_APP", "weather")
    with pytest.raises(SettingsError, match=r"^there is no application 'weather': .*\bfraud\b"):
        apps.load(read_settings())


def test_the_engine_of_decisions_is_that_of_this_process():
    made = apps.load(read_settings())
    assert made.engine == apps.fingerprint() == apps.load(read_settings()).engine
    assert made.engine.startswith(f"{apps.__version__}-")


def test_a_set_up_names_the_topics_of_its_application():
    setup = apps.set_up(read_settings(topic_prefix="eu-"))
    assert setup.topics.events == "eu-transactions"
    assert list(setup.topics.changelogs) == ["customers", "labels", "models"]


@pytest.mark.parametrize("name", apps.APPS)
def test_an_application_is_loaded_without_kafka_faust_or_pages(name):
    ran = subprocess.run(
        [sys.executable, "-c", LOADED, name], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert not set(ran.stdout.split()) & {"aiokafka", "faust", "mode", "rocksdict", "aiohttp"}


@pytest.mark.parametrize("name", apps.APPS)
@pytest.mark.parametrize("bounded", [PlainExample, PlainPrediction])
def test_an_application_keeps_the_bounds_of_what_is_folded(name, bounded):
    application = apps.load(read_settings(app=name))
    kind = application.example if bounded is PlainExample else application.prediction
    mine, wanted = (get_type_hints(one, include_extras=True) for one in (kind, bounded))
    assert {field: mine[field] for field in wanted} == wanted
