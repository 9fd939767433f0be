"""The logistic link, and the check on what may enter a model."""

from collections.abc import Mapping
from math import exp, hypot, log1p

LARGEST = 1e15  # its square still leaves a running variance all of its digits


def sigmoid(logit: float) -> float:
    """Probability of a logit, without overflow for any finite one.

    >>> sigmoid(0.0), sigmoid(-1000.0), sigmoid(1000.0)
    (0.5, 0.0, 1.0)
    """
    if logit >= 0:
        return 1.0 / (1.0 + exp(-logit))
    odds = exp(logit)
    return odds / (1.0 + odds)


def add_odds(one: float, other: float) -> float:
    """The logit of the sum of two logits' odds.

    >>> round(add_odds(0.0, 0.0), 3), add_odds(-1000.0, 2.0)
    (0.693, 2.0)
    """
    return max(one, other) + log1p(exp(-abs(one - other)))


def probabilities(logit: float) -> dict[bool, float]:
    """The answer of River's `predict_proba_one` for a logit."""
    positive = sigmoid(logit)
    return {False: 1.0 - positive, True: positive}


def check_features(x: Mapping[str, float]) -> None:
    """Refuse features that would poison a running mean forever.

    Raises
    ------
    ValueError
        When a value is not a number, infinite or above 1e15 in size.

    Examples
    --------
    >>> check_features({"amount": float("nan")})
    Traceback (most recent call last):
    ValueError: not finite or above 1e+15: amount
    """
    if not hypot(*x.values()) <= LARGEST:
        names = [name for name, value in x.items() if not abs(value) <= LARGEST]
        raise ValueError(f"not finite or above {LARGEST:g}: {', '.join(names) or 'all together'}")
