"""What labels teach besides the models: merchants, and how far rules are still needed."""

from collections.abc import Iterable, Iterator

from app.core.dump import Scorer
from app.core.models.logit import sigmoid
from app.streams.fraud.merchants import Merchants
from app.streams.fraud.messages import Example
from app.streams.fraud.rules import alert
from app.streams.fraud.rules_weight import RulesWeight, on_trial


class Knowledge:
    """The statistics in a learning state of this application, see `app.core.dump.Statistics`."""

    def __init__(self) -> None:
        self.merchants = Merchants()
        self.rules_weight = RulesWeight()

    def learn(self, example: Example, models: Scorer) -> None:
        """Take in one example. The rules keep their weight until the shared model is seasoned."""
        self.merchants.learn(example)
        if example.y is None or not alert(example.x):
            return
        learned = models.learned_by(example.origin.partition, "shared")
        if on_trial(learned) and (logit := models.shared_logit(example.x)) < 0:
            self.rules_weight.update(example.y == 1, sigmoid(logit))

    def parts(self) -> Iterator[bytes]:
        """A dump: the rules' weight, then the merchants. Each has a format of its own."""
        yield self.rules_weight.part()
        yield from self.merchants.parts()

    def load(self, parts: Iterable[bytes]) -> None:
        """Load what `parts` of another one dumped. Raises SnapshotError if they are not that."""
        parts = iter(parts)
        self.rules_weight = RulesWeight.of(parts)
        self.merchants.load(parts)
