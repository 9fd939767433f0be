"""Origins of examples: the highest of each feedback partition, and how far the next may leap.

The bounds are part of what learning is: see `app.core.fold.FOLD`. They did not raise it, because
every log that Weir has written folds as before.
"""

from collections.abc import Iterable

from app.core.messages import Origin
from app.errors import StateError

FAR = 1 << 20  # offsets by which an origin may be ahead of the highest of its partition
EPOCHS = 10  # epochs by which it may be ahead of the state's
LARGEST = (1 << 63) - 1  # of an epoch or an offset that a dump can hold


class Misfit(StateError):
    """An example that cannot be of this log. `ahead` is its origin where that is only too far."""

    def __init__(self, why: str, ahead: Origin | None = None) -> None:
        super().__init__(why)
        self.ahead = ahead


class Origins:
    """Where the examples came from that were folded.

    `highest` is the highest origin by partition, `ahead` one that leapt and counts once the next
    is close behind it. Folding reads and writes both itself.
    """

    def __init__(self, highest: Iterable[Origin] = (), ahead: Iterable[Origin] = ()) -> None:
        self.highest = {origin.partition: origin for origin in highest}
        self.ahead = {origin.partition: origin for origin in ahead}

    def far(self, origin: Origin, after: Origin | None) -> bool:
        """Whether an origin is so far ahead of one of its partition that it must be said twice.

        One forged entry would otherwise make its partition's examples look as if they came again.
        None stands for a partition without any.
        """
        if after is None:
            after = Origin(self._epoch(), origin.partition, 0)
        return origin.epoch > after.epoch + EPOCHS or origin.offset > after.offset + FAR

    def folded(self, origin: Origin) -> bool:
        """Whether the example of this origin, or a later one of its partition, was folded."""
        highest = self.highest.get(origin.partition)
        return highest is not None and origin <= highest

    def expect(self, ahead: Origin) -> None:
        """Let the next example of a partition come from so far ahead."""
        self.ahead[ahead.partition] = ahead

    def check(self, origin: Origin, offset: int) -> None:
        """Raise Misfit for the example at `offset` if its origin is none, or leaps."""
        if origin.epoch < 0 or origin.offset < 0:
            raise Misfit(f"example {offset} has the origin {origin.epoch}, {origin.offset}")
        if not self.far(origin, self.highest.get(origin.partition)):
            return
        said = self.ahead.get(origin.partition)
        if said is None or origin < said or self.far(origin, said):
            raise Misfit(
                f"example {offset} is far ahead of those before it: it comes from offset "
                f"{origin.offset} of epoch {origin.epoch}",
                ahead=origin if max(origin.epoch, origin.offset) <= LARGEST else None,
            )

    def dumped(self) -> tuple[list[Origin], list[Origin]]:
        """What the constructor takes, by partition: the highest ones, and those ahead."""
        highest, ahead = self.highest, self.ahead
        return [highest[n] for n in sorted(highest)], [ahead[n] for n in sorted(ahead)]

    def _epoch(self) -> int:
        return max((origin.epoch for origin in self.highest.values()), default=0)
