"""The applications by name: WEIR_APP chooses one, and no other is loaded."""

import platform
from dataclasses import replace
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy

from app import __version__
from app.core.domain import Application
from app.core.fingerprint import cpu_features, engine
from app.core.fold import FOLD
from app.errors import SettingsError
from app.settings import Settings

if TYPE_CHECKING:
    from app.serving.setup import Setup

# By name: the module whose `application` creates it for some settings.
APPS = {"fraud": "app.streams.fraud.app"}


def load(settings: Settings) -> Application:
    """The application that these settings choose; loads neither Kafka nor Faust.

    Raises
    ------
    SettingsError
        There is none of that name, or it cannot be created with these settings.
    """
    if settings.app not in APPS:
        raise SettingsError(f"there is no application {settings.app!r}: {', '.join(APPS)}")
    made: Application = import_module(APPS[settings.app]).application(settings)
    return replace(made, engine=fingerprint())


def set_up(settings: Settings) -> "Setup":
    """These settings with their application, for what runs on Kafka. Raises as `load` does."""
    from app.serving.setup import Setup

    return Setup(settings, load(settings))


def fingerprint() -> str:
    """The engine: code, learning and processor features that determine the last bit of a score."""
    libc, river = "-".join(platform.libc_ver()), version("river")
    return engine(__version__, numpy.__version__, river, cpu_features(), libc, FOLD)
