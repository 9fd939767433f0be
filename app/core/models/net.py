"""A small neural net in plain numpy that corrects an additive model, learned in batches."""

from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

import msgspec
import numpy as np

from app.core.models.binned import BinnedLogistic
from app.core.models.classifier import LogitClassifier
from app.core.models.layers import (
    Floats,
    fresh_input,
    fresh_layers,
    gradients,
    outputs,
    sums,
    unpack_layers,
)
from app.core.models.logit import sigmoid
from app.core.models.plain import Plain, pack_floats, unpack_floats
from app.core.models.surprise import Surprise
from app.errors import StateError

RAREST = 0.01  # least probability of a step, so that no gradient is scaled up beyond 100 times


class Stored(msgspec.Struct):
    """A dump; `open` has, for each open example, its inputs, logit, class and weight."""

    below: Any
    features: list[str]
    layers: list[bytes]
    squares: list[bytes]
    open: bytes
    owed: float


class Net(LogitClassifier):
    """A net of two ReLU layers that learns interactions of features.

    The inputs are the contributions of a model below, in logits and centred, and the net's
    output is added to that model's logit. So inputs need no scaling and none of them can
    blow up; a feature that is missing from `x` counts as average; and as the last layer
    starts at 0, a fresh net changes no score. What contributes nothing on its own is invisible
    to the net.

    The model below learns every example at once. An example enters the net's open batch with
    a probability in proportion to that model's gradient, and its own gradient is scaled up
    in return. The batch is learned, in one step of AdaGrad on its summed log loss, when it is
    full or the step of the log ends. AdaGrad, because its quality did not depend on where
    steps end; Adam's did.

    Parameters
    ----------
    below
        An additive model as `app.core.models.zoo.Model` describes it.
    hidden
        Units of the two hidden layers.
    learning_rate
        Size of the steps.
    initial
        Where the sum of squared gradients starts for each weight, above 0.
    surprise
        Gradient of the model below, in probability, at and above which every example enters a
        batch.
    batch
        Examples after which a batch is full.
    seed
        Of the weights at the start.

    References
    ----------
    [^1]: Duchi, J., Hazan, E. and Singer, Y., 2011. Adaptive subgradient methods for online
    learning and stochastic optimization. JMLR 12, pp. 2121-2159.
    [^2]: Zhao, P. and Zhang, T., 2015. Stochastic optimization with importance sampling for
    regularized loss minimization. ICML, pp. 1-9.

    Examples
    --------
    One mark alone is positive, both are not: no sum of contributions can express that.

    >>> model = Net(BinnedLogistic({"a": [0.5], "b": [0.5]}))
    >>> for a, b in [(0.0, 0.0), (1.0, 0.0), (0.0, 0.0), (0.0, 1.0), (1.0, 1.0)] * 1000:
    ...     model.learn_one({"a": a, "b": b}, a != b)
    >>> def guesses(model):
    ...     marks = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
    ...     return [round(model.predict_proba_one({"a": a, "b": b})[True]) for a, b in marks]
    >>> guesses(model), guesses(model.below)
    ([0, 1, 1, 0], [0, 0, 0, 1])
    """

    additive = False  # what features mean together is in the share of each

    def __init__(
        self,
        below: Any,
        hidden: tuple[int, int] = (32, 16),
        learning_rate: float = 0.03,
        initial: float = 0.01,
        surprise: float = 0.05,
        batch: int = 32,
        seed: int = 1,
    ) -> None:
        self.below = below
        self.hidden = hidden
        self.learning_rate = learning_rate
        self.initial = initial
        self.surprise = surprise
        self.batch = batch
        self.seed = seed
        self._places: dict[str, int] = {}
        self._layers = fresh_layers(hidden, seed)
        self._squares = [np.full_like(layer, initial) for layer in self._layers]
        self._open: list[list[float]] = []
        self._chosen = Surprise(surprise, RAREST)

    def logit_one(self, x: Mapping[str, float]) -> float:
        """The score before the sigmoid: always finite."""
        return float(self.logit_many([x])[0])

    def rough_one(self, x: Mapping[str, float]) -> float:
        """The logit of the model below."""
        logit: float = self.below.rough_one(x)
        return logit

    def logit_many(self, rows: Sequence[Mapping[str, float]]) -> Floats:
        """The scores of n rows, shape (n,), each with the bits of `logit_one`."""
        below: Floats = self.below.logit_many(rows)
        inputs = [self._inputs(self.below.contributions_one(x)) for x in rows]
        return below + self._outputs(np.array(inputs).reshape(len(rows), len(self._places)))

    def _learn(self, x: Mapping[str, float], y: bool, w: float) -> None:
        """Let the model below learn (x, y) with weight `w`, and perhaps the net's open batch."""
        logit = self.below.logit_one(x)
        if share := self._chosen.share(abs(w * (sigmoid(logit) - y))):
            shares = self.below.contributions_one(x)
            self._add_places(x)
            self._open.append([*self._inputs(shares), logit, float(y), w / share])
        self.below.learn_one(x, y, w)
        if len(self._open) >= self.batch:
            self._learn_open()

    def end_step(self) -> None:
        """Learn the open batch, where the log says that a step ends."""
        self.below.end_step()
        if self._open:
            self._learn_open()

    def contributions_one(self, x: Mapping[str, float]) -> dict[str, float]:
        """Each feature's share of the logit: what it adds in the model below and through the net.

        Through the net it adds what the output would lose if this feature alone were average.
        Shares need not sum to the logit: an interaction is in the share of each of its features.
        """
        shares: dict[str, float] = self.below.contributions_one(x)
        values, first = np.array(self._inputs(shares)), self._layers[0]
        whole = sums(values[np.newaxis], first)
        without = whole - values[:, np.newaxis] * first[1:]
        output, *outputs_without = outputs(np.vstack([whole, without]), self._layers).tolist()
        lost = dict(zip(self._places, outputs_without, strict=True))
        return {
            name: share + (output - lost[name] if name in lost else 0.0)
            for name, share in shares.items()
        }

    def dump(self) -> Plain:
        """All state as plain values, a copy."""
        return {
            "below": self.below.dump(),
            "features": list(self._places),
            "layers": [layer.tobytes() for layer in self._layers],
            "squares": [layer.tobytes() for layer in self._squares],
            "open": pack_floats(value for row in self._open for value in row),
            "owed": self._chosen.owed,
        }

    def load(self, plain: Any) -> None:
        """Restore what `dump` gave: later scores and steps have the same bits.

        Raises
        ------
        StateError
            When the dump is of a net of another shape or over another model.
        """
        stored = msgspec.convert(plain, Stored)
        inputs = len(stored.features)
        layers = unpack_layers(stored.layers, inputs, self.hidden)
        squares = unpack_layers(stored.squares, inputs, self.hidden)
        values, width = unpack_floats(stored.open), inputs + 3
        if len(values) % width:
            raise StateError("the stored net's open batch is cut")
        self.below.load(stored.below)
        self._places = {name: place for place, name in enumerate(stored.features)}
        self._layers, self._squares = layers, squares
        self._open = [values[at : at + width] for at in range(0, len(values), width)]
        self._chosen.owed = stored.owed

    def _outputs(self, inputs: Floats) -> Floats:
        """What the net adds to the logits of the model below, (n, inputs) -> (n,)."""
        return outputs(sums(inputs, self._layers[0]), self._layers)

    def _gradients(self, inputs: Floats, logits: Floats, y: Floats, w: Floats) -> list[Floats]:
        return gradients(inputs, logits, y, w, self._layers)

    def _learn_open(self) -> None:
        rows = np.array(self._open)
        self._open = []
        steps = self._gradients(rows[:, :-3], *rows[:, -3:].T)
        for layer, squares, gradient in zip(self._layers, self._squares, steps, strict=True):
            squares += gradient * gradient
            layer -= self.learning_rate * gradient / np.sqrt(squares)

    def _inputs(self, shares: Mapping[str, float]) -> list[float]:
        """The contributions in the net's order: 0 where a feature is missing."""
        return [shares.get(name, 0.0) for name in self._places]

    def _add_places(self, x: Mapping[str, float]) -> None:
        """Make room for features that were never in a batch, whatever their order in `x`."""
        for name in sorted(x.keys() - self._places.keys()):
            self._places[name] = len(self._places)
            row = fresh_input(self.hidden[0], [self.seed, crc32(name.encode())])
            self._layers[0] = np.vstack([self._layers[0], row])
            self._squares[0] = np.vstack([self._squares[0], np.full_like(row, self.initial)])
            for example in self._open:
                example.insert(-3, 0.0)

    @classmethod
    def _unit_test_params(cls) -> Any:
        yield {"below": BinnedLogistic()}
