"""All targets."""

from collections.abc import Sequence

from tests.fuzz.engine import Target
from tests.fuzz.files import Files
from tests.fuzz.headers import Headers
from tests.fuzz.http import Http
from tests.fuzz.messages import Messages
from tests.fuzz.predictions import Predictions
from tests.fuzz.stored import Snapshots, Stored, WaitingKeys


def targets() -> Sequence[Target]:
    """One of each kind."""
    return (
        Messages("transaction"),
        Messages("label"),
        Files(),
        Stored(),
        WaitingKeys(),
        Snapshots(),
        Headers(),
        Predictions(),
        Http(),
    )
