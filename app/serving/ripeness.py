"""How far maturity has come in a partition, as it is kept with the labels."""

from collections.abc import Callable
from typing import NamedTuple

from app.core.label_keys import GROWING, GROWTH, MATURED, POSITION

Get = Callable[[bytes], bytes | None]


class Ripeness(NamedTuple):
    """Two positions in the predictions of an epoch, and when the first one ever was written.

    `through` and `reviewed` are the offsets of the first prediction that each of the two walks
    has yet to look at, see `app.serving.walks`: all before it that matures was published, or, for
    the walk of reviews, all of that which was sent to review while the age grew. `start` is epoch
    ms, None until it is known, and outlives epochs. `raised` says that all this was kept in an
    earlier epoch, whose positions mean nothing any more.

    It is kept under two keys. The first is that of releases that know one position: they go on
    from there, and leave the other as it is.
    """

    through: int = 0
    reviewed: int = 0
    start: int | None = None
    raised: bool = False

    def changes(self, epoch: int) -> dict[bytes, bytes]:
        """What is kept of it, by key."""
        if self.start is None:
            return {}
        growth = GROWTH.pack(epoch, self.reviewed, self.start)
        return {MATURED: POSITION.pack(epoch, self.through), GROWING: growth}


def read_ripeness(get: Get, epoch: int) -> Ripeness:
    """What was kept; in a new epoch the positions begin again.

    What has another size was left by a release that took any value from the changelog: then
    labels are published again, and have no effect.

    >>> kept = Ripeness(7, 3, 99).changes(2)
    >>> read_ripeness(kept.get, 2)
    Ripeness(through=7, reviewed=3, start=99, raised=False)
    >>> read_ripeness(kept.get, 3)
    Ripeness(through=0, reviewed=0, start=99, raised=True)
    >>> read_ripeness({MATURED: kept[MATURED]}.get, 2)  # as an earlier release has kept it
    Ripeness(through=7, reviewed=7, start=None, raised=False)
    """
    position, growth = get(MATURED), get(GROWING)
    through = reviewed = 0
    if position is not None and len(position) == POSITION.size:
        stored, offset = POSITION.unpack(position)
        through = reviewed = offset if stored == epoch else 0
    if growth is None or len(growth) != GROWTH.size:
        return Ripeness(through, reviewed)
    stored, reviewed, start = GROWTH.unpack(growth)
    raised = stored != epoch
    return Ripeness(through, 0 if raised else reviewed, start, raised)
