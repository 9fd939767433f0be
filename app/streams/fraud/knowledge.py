"""What labels teach besides the models: merchants, rates by amount, how far rules are needed."""

from collections.abc import Iterable, Iterator, Mapping

from app.core.dump import Scorer
from app.core.hashing import hash64
from app.core.models.logit import sigmoid
from app.streams.fraud.custom.definitions import NONE, Fields
from app.streams.fraud.custom.inputs import Inputs
from app.streams.fraud.custom.numbers import Numbers
from app.streams.fraud.custom.rates import Rates
from app.streams.fraud.merchants import Merchants
from app.streams.fraud.messages import Example
from app.streams.fraud.rules import alert
from app.streams.fraud.rules_weight import RulesWeight, on_trial

NO_WORDS: Mapping[str, int] = {}


class Knowledge:
    """The statistics in a learning state of this application, see `app.core.dump.Statistics`.

    Parameters
    ----------
    fields
        The fields of the process.
    """

    def __init__(self, fields: Fields = NONE) -> None:
        self.inputs = Inputs(fields) if fields else None
        self.merchants = Merchants()
        self.rates = Rates([word.name for word in fields.words])
        self.quantiles = Numbers([number.name for number in fields.numbers])
        self.rules_weight = RulesWeight()

    def learn(self, example: Example, models: Scorer) -> dict[str, float] | None:
        """Take in one example; returns what models learn instead of its features, if anything.

        The rules keep their weight until the shared model is seasoned.
        """
        inputs, x, words = self.inputs, None, NO_WORDS
        if inputs is not None:
            words, x = inputs.words(example), inputs.completed(example, self.quantiles)
            if example.numbers:
                self.quantiles.learn(hash64(example.id), example.numbers)
        self.merchants.learn(example)
        self.rates.learn(example, words, self.merchants.clock)
        if example.y is not None and alert(example.x):
            self._weigh_rules(example, example.x if x is None else x, models)
        return x

    def parts(self) -> Iterator[bytes]:
        """A dump: the rules' weight, rates, numbers, merchants. Each has a format of its own."""
        yield self.rules_weight.part()
        yield from self.rates.parts()
        yield from self.quantiles.parts()
        yield from self.merchants.parts()

    def load(self, parts: Iterable[bytes]) -> None:
        """Load what `parts` of another one dumped. Raises SnapshotError if they are not that."""
        parts = iter(parts)
        self.rules_weight = RulesWeight.of(parts)
        self.rates.load(parts)
        self.quantiles.load(parts)
        self.merchants.load(parts)

    def _weigh_rules(self, example: Example, x: dict[str, float], models: Scorer) -> None:
        """Count an alert of the rules that the shared model does not raise, once it is seasoned."""
        learned = models.learned_by(example.origin.partition, "shared")
        if on_trial(learned) and (logit := models.shared_logit(x)) < 0:
            self.rules_weight.update(example.y == 1, sigmoid(logit))
