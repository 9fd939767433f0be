"""Amounts of money as files write them: signs, symbols, thousands, a decimal point or comma.

Which of point and comma is the decimal one is told by an option, else by the file itself: in
1,234.50 and in 12.5 the point is. 1.234 alone may be either: it is refused unless another amount
of the column has shown it. Nothing is guessed.
"""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from math import isfinite
from typing import Any

from app.errors import Refused

SYMBOLS = "$€£¥₹₽₩₺₫₴₦₱฿₪₡₲₵₸₭₮¢﷼₾₿"
CODE = rf"(?:[A-Za-z]{{3}}|[A-Z]{{0,3}}[{SYMBOLS}][A-Z]{{0,3}}|kr\.?|Rs\.?|zł|Kč|Ft|lei)"
SIGN = "[+\u2212-]?"  # the second is a minus sign, as typeset
BLANKS = "'\u2019 \u00a0\u202f"  # what stands between thousands beside point and comma
SHAPE = re.compile(
    rf"(?P<sign>{SIGN})\s*(?P<before>{CODE})?\s*(?P<inner>{SIGN})\s*"
    rf"(?P<digits>[\d.,{BLANKS}]*\d[.,]?(?:[eE][+-]?\d+)?)\s*"
    rf"(?P<after>{CODE})?\s*(?P<behind>{SIGN})"
)
SPACES = re.compile(f"[{BLANKS}]")
AMBIGUOUS = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
GROUPED = {
    ",": re.compile(r"\d{1,3}(,\d{2,3})*,\d{3}"),
    ".": re.compile(r"\d{1,3}(\.\d{2,3})*\.\d{3}"),
}
SPACED = re.compile(rf"\d{{1,3}}(?:[{BLANKS}]\d{{3}})+(?:[.,]\d*)?")
LONGEST = 60  # characters of an amount
OTHER = {",": ".", ".": ","}
WHICH = "--decimal . or --decimal , says which of the two it is"


class Amounts:
    """Reads the amounts of one column, and remembers what they have shown of it.

    Parameters
    ----------
    decimal
        The decimal sign, "" where the column has to show it.

    Examples
    --------
    >>> read = Amounts("amount")
    >>> [read(text) for text in ("$12.50", "(3.20)", "1,234.5", "1.234")]
    [12.5, -3.2, 1234.5, 1.234]
    >>> Amounts("amount", ",")("1.234,50 €")
    1234.5
    >>> Amounts("amount")("1.234")
    Traceback (most recent call last):
    app.errors.Refused: `amount` may be 1.234 or 1234; --decimal . or --decimal , says which ...
    """

    def __init__(self, field: str, decimal: str = "") -> None:
        self.field, self.decimal = field, decimal
        self.symbol = ""

    def __call__(self, cell: Any) -> float | None:
        """A finite amount. Raises Refused."""
        if type(cell) is str:
            if self.decimal == ".":
                try:
                    value = float(cell)
                except ValueError:
                    return self._written(cell)
                if "_" not in cell and isfinite(value):
                    return value
            return self._written(cell)
        if type(cell) in (int, float) or isinstance(cell, Decimal):
            try:
                value = float(cell)
            except OverflowError:
                raise Refused(f"`{self.field}` is not an amount") from None
            if isfinite(value):
                return value
        raise Refused(f"`{self.field}` is not an amount")

    def learn(self, cells: Iterable[Any]) -> None:
        """See which sign is the decimal one, in the first amount that shows it."""
        for cell in cells:
            if self.decimal:
                return
            try:
                self(cell)
            except Refused:
                continue

    def _written(self, text: str) -> float | None:
        if text.isspace():
            return None
        text, bracketed = text.strip(), False
        if text.endswith(")") and text.count("(") == 1:  # as accountants write what is negative
            text, bracketed = text[:-1].replace("(", ""), True
        found = SHAPE.fullmatch(text) if len(text) <= LONGEST else None
        if found is None:
            raise Refused(f"`{self.field}` is not an amount")
        signs = found["sign"] + found["inner"] + found["behind"]
        if len(signs) + bracketed > 1:
            raise Refused(f"`{self.field}` is not an amount")
        value = self._digits(found["digits"])
        self._same_symbol(found["before"] or found["after"] or "")
        return -value if bracketed or signs not in ("", "+") else value

    def _digits(self, digits: str) -> float:
        """The number that digits and their separators are."""
        if SPACES.search(digits):
            if not SPACED.fullmatch(digits):
                raise Refused(f"`{self.field}` is not an amount")
            head, tail = re.match(r"([^.,]*)(.*)", digits).groups()  # type: ignore[union-attr]
            if tail:
                self._settle(tail[0], digits)
            return float(SPACES.sub("", head) + tail.replace(",", "."))
        decimal = self._shown(digits)
        if decimal is None:
            if not self.decimal:
                one, other = digits.replace(",", "."), re.sub("[.,]", "", digits)
                raise Refused(f"`{self.field}` may be {one} or {other}; {WHICH}")
            decimal = self.decimal
        if decimal:
            self._settle(decimal, digits)
        group = OTHER[self.decimal or "."]
        whole, _, fraction = digits.partition(OTHER[group])
        if group in whole:
            if not GROUPED[group].fullmatch(whole):
                raise Refused(
                    f"`{self.field}` is not an amount whose decimal sign is {self.decimal!r}, as "
                    "that of others of the column is; --decimal names it"
                )
            whole = whole.replace(group, "")
        try:
            return float(f"{whole or 0}.{fraction}" if fraction else whole)
        except ValueError:
            raise Refused(f"`{self.field}` is not an amount") from None

    def _shown(self, digits: str) -> str | None:
        """The decimal sign that digits show, "" for none needed, None where it may be either."""
        points, commas = digits.count("."), digits.count(",")
        if not points and not commas:
            return ""
        if points and commas:
            return "." if digits.rindex(".") > digits.rindex(",") else ","
        sign = "." if points else ","
        if points + commas > 1:
            return OTHER[sign]
        return None if AMBIGUOUS.fullmatch(digits) else sign

    def _settle(self, decimal: str, digits: str) -> None:
        if self.decimal and self.decimal != decimal:
            raise Refused(
                f"`{self.field}` is not an amount whose decimal sign is {self.decimal!r}, as that "
                "of others of the column is; --decimal names it"
            )
        self.decimal = decimal

    def _same_symbol(self, symbol: str) -> None:
        if symbol and self.symbol and symbol != self.symbol:
            raise Refused(
                f"`{self.field}` is in {symbol}, others of the column are in {self.symbol}; "
                "convert them to one currency"
            )
        self.symbol = symbol or self.symbol


def negative_reader(amounts: Callable[[Any], float | None], field: str, what: str) -> Any:
    """Amounts that are not negative, with what to do with the others: refuse, skip or absolute.

    A row to be left out raises Left.
    """

    def read(cell: Any) -> float | None:
        value = amounts(cell)
        if value is None or value >= 0:
            return value
        if what == "absolute":
            return -value
        if what == "skip":
            raise Left(f"`{field}` is negative")
        raise Refused(
            f"`{field}` is negative, as of a refund, which is no payment to judge; --negative "
            "skip leaves such rows out, --negative absolute takes them as payments of that size"
        )

    return read


class Left(Refused):
    """A row that is left out because somebody asked for it."""
