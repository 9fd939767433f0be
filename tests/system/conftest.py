"""Everything in this folder needs the real broker."""

from pathlib import Path

import pytest

from app.apps import set_up
from app.broker.broker import Broker
from app.settings import Settings, read_settings


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("broker")


@pytest.fixture
def partitions() -> int:
    """Of the topics of `settings`; a module may say otherwise."""
    return 2


@pytest.fixture
async def settings(broker: Broker, fresh: str, partitions: int) -> Settings:
    """The defaults, on topics of the test's own."""
    made = read_settings(
        brokers=broker.bootstrap, topic_prefix=fresh, app_id=fresh + "weir", partitions=partitions
    )
    await set_up(made).create_topics()
    return made
