"""What a run was asked for: data, weeks, and where plays are kept."""

from pathlib import Path
from typing import NamedTuple

from benchmarks.life.played import Play, Way, plays
from benchmarks.life.streams import Stream, Weeks, handbook


class Chosen(NamedTuple):
    """The options of the command line that parts read."""

    data: Path
    weeks: Weeks
    cache: Path
    before: str  # a revision to compare costs with, '' for none
    cores: int  # how many plays go on at a time

    def stream(self, part: str) -> Stream:
        """Part of the Handbook's stream, up to the end of the weeks."""
        return handbook(self.data, part, self.weeks.end, self.cache)

    @property
    def validation(self) -> bool:
        """Whether the weeks are those on which settings are chosen."""
        return self.weeks.name == "validation"

    def plays(self, *pairs: tuple[Stream, Way]) -> list[Play]:
        """What is decided on streams, each in its way."""
        return plays(pairs, self.cache, self.cores)

    def aim(self, validation: float, test: float) -> float:
        """The one of these weeks."""
        return validation if self.validation else test
