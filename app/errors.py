"""The errors Weir raises on purpose. Everything else is a bug and ends the process.

WeirError
├── Refused            one record cannot be used: it becomes a dead letter with this reason
├── SettingsError      a setting is missing, malformed or contradicts another
├── BrokerError        the development broker cannot be fetched, started or reached
├── WorkerError        a worker that Weir started has exited, or makes no progress
├── TopicsError        topics are missing or do not have the shape that the settings require
├── StateError         stored state does not fit the logs, the epoch or this version
│   └── SnapshotError  a snapshot is damaged, foreign, too large or below the log's start
├── LetterError        there is no dead letter at a place
└── DataError          a file cannot be read as events, or there is no room for it
"""


class WeirError(Exception):
    """Base of all errors whose text is a sentence for the user."""


class Refused(WeirError):
    """A record cannot be used. The text is the reason that its dead letter carries."""


class SettingsError(WeirError):
    """A setting is missing, malformed or contradicts another."""


class BrokerError(WeirError):
    """The broker cannot be fetched, started or reached."""


class WorkerError(WeirError):
    """A worker that Weir started has exited, or makes no progress."""


class TopicsError(WeirError):
    """Topics are missing or do not have the shape that the settings require."""


class StateError(WeirError):
    """Stored state does not fit the logs, the epoch or this version of Weir."""


class SnapshotError(StateError):
    """A snapshot is damaged, foreign, too large or below the start of the log."""


class LetterError(WeirError):
    """There is no dead letter at a place."""


class DataError(WeirError):
    """A file cannot be read as events, or there is no room for what it needs."""
