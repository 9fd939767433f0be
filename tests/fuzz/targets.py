"""All targets, by the rules that the oracle goes by."""

from collections.abc import Sequence

from tests.fuzz.engine import Target
from tests.fuzz.files import Files
from tests.fuzz.headers import Headers
from tests.fuzz.http import Http
from tests.fuzz.messages import Messages
from tests.fuzz.oracle import Rules
from tests.fuzz.stored import Snapshots, Stored, WaitingKeys


def targets(rules: Rules) -> Sequence[Target]:
    """One of each kind."""
    return (
        Messages("transaction", rules),
        Messages("label", rules),
        Files(rules),
        Stored(),
        WaitingKeys(),
        Snapshots(),
        Headers(),
        Http(),
    )
