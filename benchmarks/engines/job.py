"""What the harness tells the process of an engine."""

import sys
from pathlib import Path

import msgspec


class Job(msgspec.Struct, frozen=True):
    """One run of one engine.

    Attributes
    ----------
    source, predictions, changelog
        Topics. The harness makes them; engines that make their own changelog ignore its name.
    group
        Consumer group or application id, new for each run.
    directory
        Where local state goes: an empty directory of this run's own.
    tuned
        Whether to use the settings that an engine's documentation advises, not its defaults.
    paced
        Whether transactions will come at a pace, so that latency counts; else all are there.
    """

    brokers: str
    source: str
    predictions: str
    changelog: str
    group: str
    directory: str
    partitions: int
    tuned: bool = False
    paced: bool = False

    @property
    def done(self) -> Path:
        """The file that says that all is worked off, of an engine that commits nothing to Kafka."""
        return Path(self.directory) / "done"

    @property
    def state(self) -> Path:
        """The directory of the local state."""
        return Path(self.directory) / "state"


def arguments(job: Job) -> list[str]:
    """A job as the argument of an engine's process."""
    return [msgspec.json.encode(job).decode()]


def given() -> Job:
    """The job that this process was given."""
    return msgspec.json.decode(sys.argv[1], type=Job)
