"""A whole log into a learning state."""

from collections.abc import Iterable

from app.core.dump import Named, Resolve
from app.core.fold import LearningState
from app.core.folding import fold_entry
from app.core.messages import LogEntry


def none_stored(named: Named) -> Iterable[bytes]:
    """The `Resolve` of a log without restores."""
    raise AssertionError(f"restore {named.id} needs the snapshot {named.digest}")


def fold_log(
    state: LearningState,
    entries: Iterable[tuple[int, LogEntry]],
    through: int | None = None,
    resolve: Resolve = none_stored,
) -> LearningState:
    """Fold the entries (offset, entry) of a log up to and including offset `through`.

    Entries below the state's version are passed over, so the log may be given from its start.
    """
    for offset, entry in entries:
        if through is not None and offset > through:
            break
        if offset >= state.version:
            fold_entry(state, entry, offset, resolve)
    return state
