"""Two hidden layers and one output as arrays: what they return, and how they learn.

Layers are three arrays, each with its biases in the first row: (1 + inputs, first),
(1 + first, second) and (1 + second, 1). Products are summed by `einsum`'s own loops in a
fixed order, never by BLAS, so a row yields the same bits alone and among others.
"""

from collections.abc import Sequence
from math import sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.core.models.logit import sigmoid
from app.errors import StateError

Floats: TypeAlias = NDArray[np.float64]

SPREAD = 0.25  # of an input's first weights: He's rule for some thirty inputs


def fresh_layers(hidden: tuple[int, int], seed: int) -> list[Floats]:
    """Layers without an input, whose output is 0 until they learn.

    Weights start as in He, K., Zhang, X., Ren, S. and Sun, J., 2015. Delving deep into
    rectifiers. ICCV, pp. 1026-1034; only those of the output start at 0.
    """
    first, second = hidden
    middle = sqrt(2 / first) * np.random.default_rng(seed).standard_normal((1 + first, second))
    middle[0] = 0.0
    return [np.zeros((1, first)), middle, np.zeros((1 + second, 1))]


def fresh_input(units: int, seed: Sequence[int]) -> Floats:
    """First weights of one more input, (1, units)."""
    row: Floats = SPREAD * np.random.default_rng(seed).standard_normal((1, units))
    return row


def sums(rows: Floats, layer: Floats) -> Floats:
    """Weighted sums and biases of a layer, (n, inputs) -> (n, units)."""
    weighted: Floats = np.einsum("ni,iu->nu", rows, layer[1:])
    weighted += layer[0]
    return weighted


def relu(values: Floats) -> Floats:
    """The values above 0, and 0 for the others."""
    positive: Floats = np.maximum(values, 0.0)
    return positive


def outputs(first_sums: Floats, layers: Sequence[Floats]) -> Floats:
    """The output, from the sums of the first layer: (n, first) -> (n,)."""
    _, second, third = layers
    return sums(relu(sums(relu(first_sums), second)), third)[:, 0]


def gradients(
    inputs: Floats, logits: Floats, y: Floats, w: Floats, layers: Sequence[Floats]
) -> list[Floats]:
    """Gradients by layer of the log loss of n examples, each weighted, and summed.

    Parameters
    ----------
    inputs
        (n, inputs).
    logits
        (n,), to which the output is added.
    y, w
        (n,): classes, 0 or 1, and weights.
    layers
        The three arrays.
    """
    first, second, third = layers
    one = relu(sums(inputs, first))
    two = relu(sums(one, second))
    scores = logits + sums(two, third)[:, 0]
    chances = np.array([sigmoid(score) for score in scores.tolist()])
    error = (w * (chances - y))[:, np.newaxis]
    at_two = error * third[1:, 0] * (two > 0)
    at_one = np.einsum("nv,uv->nu", at_two, second[1:]) * (one > 0)
    return [_of_layer(inputs, at_one), _of_layer(one, at_two), _of_layer(two, error)]


def unpack_layers(packed: Sequence[bytes], inputs: int, hidden: tuple[int, int]) -> list[Floats]:
    """The layers whose bytes these are, in memory of their own; StateError when they are not."""
    first, second = hidden
    shapes = [(1 + inputs, first), (1 + first, second), (1 + second, 1)]
    if [len(layer) for layer in packed] != [8 * rows * units for rows, units in shapes]:
        raise StateError("the stored model is a net of another shape")
    return [
        np.frombuffer(layer, dtype="<f8").reshape(shape).copy()
        for layer, shape in zip(packed, shapes, strict=True)
    ]


def _of_layer(rows: Floats, at_sums: Floats) -> Floats:
    weights = np.einsum("ni,nu->iu", rows, at_sums)
    return np.vstack([at_sums.sum(axis=0), weights])
