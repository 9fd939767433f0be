"""What labels teach besides the models: merchants, and how far rules are still needed."""

from collections.abc import Iterable, Iterator

from app.core.dump import Scorer
from app.core.models.logit import sigmoid
from app.messages import Example
from app.streams.fraud.merchants import Merchants
from app.streams.fraud.rules import alert
from app.streams.fraud.rules_weight import Trial, grown


class Knowledge:
    """The statistics of a learning state of this domain, see `app.core.dump.Statistics`."""

    def __init__(self) -> None:
        self.merchants = Merchants()
        self.trial = Trial()

    def learn(self, example: Example, models: Scorer) -> None:
        """Take in one example. The trial begins when the shared model has grown."""
        self.merchants.learn(example)
        if example.y is None or not alert(example.x):
            return
        learned = models.learned_by(example.origin.partition, "shared")
        if grown(learned, "shared") == 1 and (logit := models.shared_logit(example.x)) < 0:
            self.trial.judge(example.y == 1, sigmoid(logit), example.w)

    def parts(self) -> Iterator[bytes]:
        """A dump: the trial, then the merchants."""
        yield self.trial.part()
        yield from self.merchants.parts()

    def load(self, parts: Iterable[bytes]) -> None:
        """Become what `parts` of another was dumped from. Raises SnapshotError if they are not."""
        parts = iter(parts)
        self.trial = Trial.of(parts)
        self.merchants.load(parts)
