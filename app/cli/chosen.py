"""What the environment chooses, loaded once a command asks for it. All raise SettingsError."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from app.core.domain import Application
    from app.serving.setup import Setup
    from app.settings import Settings


def settings(fields: "Path | None" = None) -> "Settings":
    """The settings of this process; with another file that declares fields, where one is given."""
    from app import settings

    return settings.settings() if fields is None else settings.read_settings(fields=str(fields))


def application(fields: "Path | None" = None) -> "Application":
    """Their application, for what needs no Kafka."""
    from app.apps import load

    return load(settings(fields))


def setup(fields: "Path | None" = None) -> "Setup":
    """Settings and application, for what runs on Kafka."""
    from app.apps import set_up

    return set_up(settings(fields))
