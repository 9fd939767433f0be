"""What every part of a process needs: its settings, its application, the names of its topics."""

from dataclasses import dataclass
from functools import cached_property

from app.core.domain import Application
from app.runtime import topics
from app.runtime.topics import Topics
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
        """Create the topics that are missing; see `app.runtime.topics.create`."""
        return await topics.create(self.settings, self.topics, wait)

    async def check_topics(self) -> None:
        """Raise TopicsError unless every topic exists with the partitions of the settings."""
        await topics.check(self.settings, self.topics)
