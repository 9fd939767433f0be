"""Steps by surprise: which examples are learned, so that those foreseen cost little."""


class Surprise:
    """Chooses examples with a probability in proportion to their gradient.

    The gradient of one that is chosen is to be divided by that probability, so that the sum over
    all examples is right on average. Systematic sampling decides, from a running sum: there is no
    randomness, and what is `owed` is the whole state.

    Parameters
    ----------
    certain
        Gradient, in probability, at and above which every example is chosen. 0: all are.
    rarest
        Least probability, so that no gradient is scaled up by more than its inverse.

    References
    ----------
    [^1]: Zhao, P. and Zhang, T., 2015. Stochastic optimization with importance sampling for
    regularized loss minimization. ICML, pp. 1-9.

    Examples
    --------
    >>> surprise = Surprise(certain=0.5)
    >>> [surprise.share(gradient) for gradient in (0.7, 0.25, 0.25, 0.25, 0.25)]
    [1.0, 0.0, 0.5, 0.0, 0.5]
    """

    __slots__ = ("certain", "owed", "rarest")

    def __init__(self, certain: float, rarest: float = 0.0) -> None:
        self.certain, self.rarest = certain, rarest
        self.owed = 0.0  # examples that are due, less those that were chosen

    def share(self, gradient: float) -> float:
        """The probability with which an example of this gradient is chosen; 0 when it is not."""
        if gradient >= self.certain:
            return 1.0
        share = gradient / self.certain
        if share < self.rarest:
            share = self.rarest
        self.owed += share
        if self.owed < 1:
            return 0.0
        self.owed -= 1
        return share
