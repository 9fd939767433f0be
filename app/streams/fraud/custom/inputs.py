"""What models see of fields: filled in when a transaction is judged, completed where it was not."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from app.streams.fraud.custom.amounts import STEPS, step_of
from app.streams.fraud.custom.definitions import WORD, Fields
from app.streams.fraud.custom.keys import bin_of, keys_of, remembered_of
from app.streams.fraud.custom.numbers import Numbers
from app.streams.fraud.custom.rates import Rates
from app.streams.fraud.history.habits import NONE, Asked, compared
from app.streams.fraud.messages import Example, Prediction, Transaction
from app.streams.fraud.own_fields import COLUMNS

PERSONAL = frozenset(("device", "ip"))  # columns that may say who somebody is


class Inputs:
    """The fields of a process: what is taken of transactions, predictions and examples.

    Predictions carry the words and numbers of a transaction whether they are declared or not, and
    examples carry the words' hashes, so that a file that declares them later learns the log again.
    Only `device` and `ip` are left out where they are neither declared nor hashed with a secret.
    """

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self._keys = keys_of(fields.key)
        self._words = tuple(word.features[: len(WORD)] for word in fields.words)
        # Of each word that asks for the customer's part: its place among those, its features.
        asked = [word for word in fields.words if word.customer]
        self._asked = {word.name: (n, word.features[len(WORD) :]) for n, word in enumerate(asked)}
        numbers = tuple(self._keys.number(word.name) for word in asked)
        self.asked = Asked(numbers, self._remembered)
        self._numbers = tuple(number.name for number in fields.numbers)
        declared = {word.name for word in fields.words}
        self._hidden = PERSONAL - declared if fields.public else frozenset[str]()
        self._shown = tuple(name for name in COLUMNS if name not in self._hidden)
        self._columns = attrgetter(*self._shown)

    def raw(self, tx: Transaction) -> dict[str, str | float]:
        """The words and numbers that a transaction's prediction carries, by name."""
        columns: tuple[str, ...] = self._columns(tx)
        raw: dict[str, str | float] = {
            name: word for name, word in zip(self._shown, columns, strict=True) if word
        }
        for name, value in tx.fields.items() if tx.fields else ():
            if value == value and name not in self._hidden:
                raw.setdefault(name, value)
        return raw

    def lesson(self, prediction: Prediction) -> dict[str, Any]:
        """What a prediction's examples carry: its `words` as hashes, and its `numbers`, if any."""
        raw, of = prediction.raw.items(), self._keys.of
        found: dict[str, Any] = {}
        if words := {name: of(name, value) for name, value in raw if type(value) is str}:
            found["words"] = words
        if len(words) < len(raw):
            found["numbers"] = {name: value for name, value in raw if type(value) is not str}
        return found

    def fill(
        self,
        x: dict[str, float],
        tx: Transaction,
        rates: Rates,
        quantiles: Numbers,
        base: float,
        habits: Sequence[bytes] = (),
    ) -> None:
        """Add to the features of a transaction what is derived from its fields.

        Parameters
        ----------
        x
            The features so far, by name.
        rates, quantiles
            What has been learned up to now.
        base
            The overall share of frauds.
        habits
            What the customer used before, of each field that `asked` names.
        """
        step = step_of(tx.amount)
        for name, with_amount, rate, usual in self._words:
            if word := word_of(tx, name):
                hash = self._keys.of(name, word)
                _fill_codes(x, name, with_amount, hash, step)
                x[rate] = rates.of_word(name, hash, step, base)
                if (ratio := rates.usual(name, hash, tx.amount)) is not None:
                    x[usual] = ratio
                if habits and name in self._asked:
                    nth, names = self._asked[name]
                    _fill_customer(x, names, habits[nth], hash, tx.amount)
        for name in self._numbers:
            value = tx.own.get(name)
            if not isinstance(value, float) or value != value:
                continue  # a text, or nan for what is neither: missing
            if (place := quantiles.place(name, value)) is not None:
                x[name] = place

    def words(self, example: Example) -> dict[str, int]:
        """The hashes of an example's declared words, without those of another key."""
        found, mine = example.words or {}, self._keys.mine
        return {
            name: found[name] for name, *_ in self._words if name in found and mine(found[name])
        }

    def completed(self, example: Example, quantiles: Numbers) -> dict[str, float] | None:
        """The features of an example as models learn them; None for as they were scored.

        An example that was scored with other fields may lack the code of a word that it carries:
        codes need nothing but the word, so they are filled in, and so is the place of a number.
        Rates and usual amounts are not: nobody knows what they were. A code whose word the example
        lacks, or has under another key, means something else here, and is left out.
        """
        words, numbers = self.words(example), example.numbers or {}
        x, amount = example.x, example.x.get("amount")
        changed = dict(x)
        for name, with_amount, *_ in self._words:
            if name not in words:
                changed.pop(name, None)
                changed.pop(with_amount, None)
            elif amount is not None and name not in x:
                _fill_codes(changed, name, with_amount, words[name], step_of(amount))
        for name in self._numbers:
            if name not in numbers:
                changed.pop(name, None)
            elif name not in x and (place := quantiles.place(name, numbers[name])) is not None:
                changed[name] = place
        return None if len(changed) == len(x) and changed.keys() == x.keys() else changed

    def unusable(self, tx: Transaction) -> Sequence[str]:
        """The declared fields whose value in a transaction is not of their kind."""
        own = tx.own
        if not own:
            return ()
        wrong = [
            name
            for name, *_ in self._words
            if isinstance(own.get(name), float) and not getattr(tx, name, "")
        ]
        for name in self._numbers:
            value = own.get(name, 0.0)
            if isinstance(value, str) or value != value:
                wrong.append(name)
        return wrong

    def _remembered(self, tx: Transaction) -> tuple[int, ...]:
        """The words of a transaction as its customer's record keeps them."""
        of = self._keys.of
        return tuple(
            remembered_of(of(name, word)) if (word := word_of(tx, name)) else NONE
            for name in self._asked
        )


def word_of(tx: Transaction, name: str) -> str:
    """The word that a transaction has in a field; '' for none, or for a number."""
    word = (getattr(tx, name) if name in COLUMNS else "") or tx.own.get(name)
    return word if isinstance(word, str) else ""


def _fill_customer(
    x: dict[str, float], names: Sequence[str], slots: bytes, hash: int, amount: float
) -> None:
    first, count, ratio = names
    x[first], x[count], log_ratio = compared(slots, remembered_of(hash), amount)
    if log_ratio is not None:
        x[ratio] = log_ratio


def _fill_codes(x: dict[str, float], name: str, with_amount: str, hash: int, step: int) -> None:
    code = bin_of(hash)
    x[name] = float(code)
    x[with_amount] = float(code * STEPS + step)
