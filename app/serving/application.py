"""The Faust application of a worker that predicts, then learns."""

from collections.abc import Collection

from app.runtime import application
from app.runtime.application import WeirApp
from app.serving.setup import Setup
from app.serving.worker import Worker


def create_app(setup: Setup, leave_out: Collection[str] = frozenset()) -> WeirApp[Worker]:
    """The application of this set-up, ready to run in this process, once.

    Parameters
    ----------
    leave_out
        Names of mends to leave out, for tests: see `app.runtime.mends.install`.

    Raises
    ------
    StateError
        Local state that is in doubt cannot be removed.
    """
    return application.create_app(setup.settings, lambda _, app: Worker(setup, app), leave_out)
