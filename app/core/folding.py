"""How entries of the examples log are folded: by all who read it, so that all agree."""

from collections.abc import Callable, Iterable, Sequence

from app.core.dump import Named, Resolve
from app.core.entries import Foreign, Found, Unknown
from app.core.fold import LearningState
from app.core.messages import Example, Restore
from app.core.origins import Misfit
from app.errors import StateError


def _unresolved(named: Named) -> Iterable[bytes]:
    raise StateError(f"restore {named.id} needs its snapshot")


def _unheard(offset: int, why: str) -> None:
    pass


def fold_example(
    state: LearningState,
    example: Example,
    offset: int,
    cells: Sequence[int] | None = None,
    foreign: Callable[[int, str], None] = _unheard,
) -> bool:
    """Fold one example of the log, or pass over one that cannot be of it; as `fold_entry`."""
    try:
        return state.fold(example, offset, cells)
    except Misfit as misfit:
        state.pass_over(offset, misfit.ahead)
        foreign(offset, str(misfit))
        return False


def fold_entry(
    state: LearningState,
    entry: Found,
    offset: int,
    resolve: Resolve = _unresolved,
    cells: Sequence[int] | None = None,
    foreign: Callable[[int, str], None] = _unheard,
) -> bool:
    """Fold one entry of the log, whatever it is; False when it has no effect on the models.

    Whoever folds a log does it here, so that all come to the same state. `foreign` is called with
    the offset of a record that is passed over, and why. `cells` is as for `LearningState.fold`.

    Raises
    ------
    StateError
        When the offset was folded before, the snapshot that a restore names cannot be used, or the
        kind is unknown and no skip was found that names the entry.
    """
    if isinstance(entry, Example):
        return fold_example(state, entry, offset, cells, foreign)
    if isinstance(entry, Restore):
        return state.restore(entry, offset, resolve(entry) if state.wants(entry) else ())
    if isinstance(entry, Unknown):
        raise StateError(f"example {offset} is of the kind {entry.kind!r}, which is unknown")
    state.pass_over(offset)
    if isinstance(entry, Foreign):
        foreign(offset, entry.why)
    return False
