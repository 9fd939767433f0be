"""The net's arithmetic: exact gradients, and the same bits in company as alone."""

import numpy as np
import pytest

from app.core.models.layers import Floats, fresh_layers, gradients, outputs, sums, unpack_layers
from app.core.models.logit import sigmoid
from app.errors import StateError

HIDDEN = (8, 4)
INPUTS = 5


def layers(chance: np.random.Generator, inputs: int = INPUTS, hidden=HIDDEN) -> list[Floats]:
    shapes = [(1 + inputs, hidden[0]), (1 + hidden[0], hidden[1]), (1 + hidden[1], 1)]
    return [chance.normal(0.0, 0.7, shape) for shape in shapes]


def score(inputs: Floats, net: list[Floats]) -> Floats:
    return outputs(sums(inputs, net[0]), net)


def loss(inputs: Floats, logits: Floats, y: Floats, w: Floats, net: list[Floats]) -> float:
    scores = logits + score(inputs, net)
    chances = [sigmoid(value if label else -value) for value, label in zip(scores, y, strict=True)]
    return float(-(w * np.log(chances)).sum())


def batch(chance: np.random.Generator, n: int) -> tuple[Floats, Floats, Floats, Floats]:
    y = chance.integers(0, 2, n).astype(np.float64)
    return chance.normal(size=(n, INPUTS)), chance.normal(size=n), y, chance.uniform(0.1, 3.0, n)


def test_gradients_are_the_slopes_of_the_loss(seed: int):
    chance = np.random.default_rng(seed)
    net, examples = layers(chance), batch(chance, 20)
    step = 1e-6
    for layer, gradient in zip(net, gradients(*examples, net), strict=True):
        for place in np.ndindex(layer.shape):
            at = layer[place]
            layer[place] = at + step
            above = loss(*examples, net)
            layer[place] = at - step
            slope = (above - loss(*examples, net)) / (2 * step)
            layer[place] = at
            assert gradient[place] == pytest.approx(slope, abs=2e-3, rel=1e-4)


def test_an_example_of_weight_three_counts_as_three(seed: int):
    chance = np.random.default_rng(seed)
    net, (inputs, logits, y, _) = layers(chance), batch(chance, 4)
    once = np.ones(4)
    heavy = gradients(inputs, logits, y, 3 * once, net)
    thrice = gradients(*(np.concatenate([part] * 3) for part in (inputs, logits, y, once)), net)
    for one, other in zip(heavy, thrice, strict=True):
        assert one == pytest.approx(other)


@pytest.mark.parametrize("inputs", [1, 2, 7, 36, 130])
@pytest.mark.parametrize("hidden", [(32, 16), (8, 1), (1, 5)], ids=str)
def test_a_row_gives_the_same_bits_alone_and_among_others(seed: int, inputs: int, hidden):
    chance = np.random.default_rng(seed)
    net, rows = layers(chance, inputs, hidden), chance.normal(size=(130, inputs))
    alone = np.concatenate([score(row[np.newaxis], net) for row in rows])
    for size in (1, 2, 3, 8, 31, 32, 33, 64, 130):
        chunks = [score(rows[at : at + size], net) for at in range(0, len(rows), size)]
        assert np.concatenate(chunks).tobytes() == alone.tobytes()


def test_fresh_layers_answer_zero():
    net = fresh_layers(HIDDEN, seed=1)
    assert score(np.zeros((3, 0)), net).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("damage", [lambda packed: packed[:2], lambda packed: [*packed[:2], b""]])
def test_layers_of_another_shape_are_refused(damage):
    packed = [layer.tobytes() for layer in layers(np.random.default_rng(1))]
    assert len(unpack_layers(packed, INPUTS, HIDDEN)) == 3
    with pytest.raises(StateError, match="another shape"):
        unpack_layers(damage(packed), INPUTS, HIDDEN)
