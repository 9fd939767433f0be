"""What the environment chooses, loaded once a command asks for it. All raise SettingsError."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.core.domain import Application
    from app.serving.setup import Setup
    from app.settings import Settings


def settings() -> "Settings":
    """The settings of this process."""
    from app import settings

    return settings.settings()


def application() -> "Application":
    """Their application, for what needs no Kafka."""
    from app.apps import load

    return load(settings())


def setup() -> "Setup":
    """Settings and application, for what runs on Kafka."""
    from app.apps import set_up

    return set_up(settings())
