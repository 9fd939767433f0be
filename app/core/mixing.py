"""How much of a partition's own model is mixed into the shared one, learned from log losses."""

from math import exp, floor, log1p, sqrt, tanh
from operator import mul
from typing import NamedTuple

from msgspec import Struct

from app.core.models.logit import sigmoid
from app.core.models.surprise import Surprise

WEIGHTS = (0.25, 0.5, 0.75, 1.0)  # of the own model, to be compared with none of it
SURE = 0.2  # error, in probability, from which every example counts
RAREST = 0.02  # least probability to count, so that no loss is scaled up beyond 50 times
MEMORY = 4096  # examples that count, after which a loss counts e times less
# What a mixture has to gain: so many nats, and so many standard errors of its gain. Labels of a
# burst come together, so the model that adapts faster looks better here than it is when it scores:
# of nine small simulations with partitions alike, 4 nats let three lose .002 to .033 of average
# precision, 8 none; where partitions differ 8 costs little.
MARGIN, ERRORS = 8.0, 1.5
FINEST = 64  # weights are multiples of 1 / FINEST

Sums = tuple[float, float, float, float]  # by WEIGHTS
NO_SUMS: Sums = (0.0, 0.0, 0.0, 0.0)


class Mixed(Struct, array_like=True):
    """What a `Mixing` has learned: the header of a dump holds it.

    Losses are sums over examples, in nats, each times the example's weight. Older examples count
    less in them, see MEMORY.
    """

    own: float = 0.0  # the weight of the own model
    examples: float = 0.0  # their weight
    owed: float = 0.0  # see Surprise
    shared: float = 0.0  # log loss of the shared model alone
    mixed: float = 0.0  # log loss of both with the weight as it was
    losses: Sums = NO_SUMS  # log losses of mixtures
    squares: Sums = NO_SUMS  # of what each mixture gained on each example


class LogLosses(NamedTuple):
    """Mean log losses lately, in nats an example: of the models alone, and as they were mixed."""

    shared: float
    own: float
    mixed: float


class Mixing:
    """The weight of a partition's own model beside the shared one, in logits.

    As a rule partitions are random parts of the keys. What an own model knows the shared one
    knows better then, and its part in the mean costs, so it has to show that its partition
    differs. A few mixtures are compared by the log loss that each would have had on every example
    just before it is learned. None counts until one gains more than chance over the shared model
    alone; from then on the weight is their Bayesian average, at first only a part of it.

    Most examples are foreseen by both models and say little. They count by surprise: fewer of
    them, at a higher weight, so that the sums are right on average.

    References
    ----------
    [^1]: Raftery, A. E., Karny, M. and Ettler, P., 2010. Online prediction under model uncertainty
    via dynamic model averaging. Technometrics 52(1), pp. 52-66.
    [^2]: Zhao, P. and Zhang, T., 2015. Stochastic optimization with importance sampling for
    regularized loss minimization. ICML, pp. 1-9.

    Examples
    --------
    A shared model that knows nothing, and an own one that is right nine times out of ten:

    >>> mixing = Mixing()
    >>> for number in range(200):
    ...     if share := mixing.share(0.0, 2.2, number % 10 > 0, 1.0):
    ...         mixing.learn(0.0, 2.2, number % 10 > 0, 1.0 / share)
    >>> mixing.own
    0.984375
    >>> [round(loss, 2) for loss in mixing.log_losses()]
    [0.69, 0.32, 0.41]
    """

    __slots__ = ("_chosen", "_is")

    def __init__(self, mixed: Mixed | None = None) -> None:
        self._is = Mixed() if mixed is None else mixed
        self._chosen = Surprise(SURE, RAREST)
        self._chosen.owed = self._is.owed

    @property
    def own(self) -> float:
        """The weight of the own model, in 0..1; the shared one has the rest."""
        return self._is.own

    def share(self, shared: float, own: float, positive: bool, w: float) -> float:
        """The probability with which an example of weight `w` counts; 0 when it does not.

        The models' logits decide nothing but that: they may be rough.
        """
        now = self._is
        now.examples += w
        error = sigmoid(-min(shared, own) if positive else max(shared, own))
        share = self._chosen.share(w * error)
        now.owed = self._chosen.owed
        return share

    def learn(self, shared: float, own: float, positive: bool, w: float) -> None:
        """Take in the models' logits for an example that counts, which they have yet to learn.

        `w` is its weight, divided by the probability with which it counts.
        """
        now, keep = self._is, 1.0 - 1.0 / MEMORY
        right, gap = (shared, own - shared) if positive else (-shared, shared - own)
        alone = w * log_loss(right)
        losses = [w * log_loss(right + weight * gap) for weight in WEIGHTS]
        now.examples *= keep
        now.mixed = now.mixed * keep + w * log_loss(right + now.own * gap)
        now.shared = now.shared * keep + alone
        now.losses = _later(now.losses, keep, losses)
        now.squares = _later(now.squares, keep, [(alone - loss) ** 2 for loss in losses])
        now.own = _weight([now.shared - loss for loss in now.losses], now.squares)

    def log_losses(self) -> LogLosses | None:
        """How good the models have been lately; None before the first example."""
        now = self._is
        if not now.examples:
            return None
        sums = now.shared, now.losses[-1], now.mixed
        return LogLosses._make(each / now.examples for each in sums)

    def dump(self) -> Mixed:
        """All state; it is changed as more is learned."""
        return self._is


def log_loss(logit: float) -> float:
    """The log loss, in nats, of a logit that should be high.

    >>> round(log_loss(0.0), 3), log_loss(1000.0), log_loss(-1000.0)
    (0.693, 0.0, 1000.0)
    """
    return max(-logit, 0.0) + log1p(exp(-abs(logit)))


def _later(sums: Sums, keep: float, more: list[float]) -> Sums:
    first, second, third, fourth = sums
    return (
        first * keep + more[0],
        second * keep + more[1],
        third * keep + more[2],
        fourth * keep + more[3],
    )


def _weight(gains: list[float], squares: Sums) -> float:
    """The own model's weight by what the mixtures gained over none of it, in nats.

    A mixture is as likely as its gain says, none of it as much as no gain. Their mean is taken
    in the part that the surest gain is sure.
    """
    sure = max(gain - ERRORS * sqrt(square) for gain, square in zip(gains, squares, strict=True))
    if sure <= MARGIN:
        return 0.0
    best = max(gains)
    odds = [exp(gain - best) for gain in gains]
    mean: float = sum(map(mul, WEIGHTS, odds)) / (sum(odds) + exp(-best))
    return floor(FINEST * mean * tanh((sure - MARGIN) / 2)) / FINEST
