"""What every part of a process needs: its settings, its application, the names of its topics."""

from dataclasses import dataclass
from functools import cached_property

from app.core.domain import Application
from app.runtime.topics import check
from app.runtime.topics.shapes import Topics
from app.settings import Settings


@dataclass(frozen=True)
class Setup:
    """Plain values: the settings of a process, and the application that they choose."""

    settings: Settings
    application: Application

    @cached_property
    def topics(self) -> Topics:
        """The names of the topics."""
        return Topics.named(self.settings, self.application.events, self.application.records)

    async def create_topics(self, wait: float = 0.0) -> list[str]:
        """Create the topics that are missing; see `app.runtime.topics.check`."""
        return await check.create(self.settings, self.topics, wait)

    async def check_topics(self) -> dict[str, str]:
        """The ids of the topics, if they are as they should be; see `app.runtime.topics.check`."""
        return await check.check(self.settings, self.topics)

    async def wrong_settings(self) -> list[str]:
        """Settings of topics that do harm, each with the command that helps."""
        wrong = await check.wrong_settings(self.settings, self.topics)
        return [one.sentence(self.settings.brokers) for one in wrong]
