"""The features that are derived from fields: their names, bin edges and phrases for reasons."""

from collections.abc import Iterator

from app.core import grids
from app.core.domain import Feature
from app.core.phrases import either, times
from app.streams.fraud.custom.amounts import STEPS
from app.streams.fraud.custom.definitions import Fields, Number, Word
from app.streams.fraud.custom.keys import BINS
from app.streams.fraud.custom.numbers import MOST

CODES = grids.Codes.of(BINS)
AMOUNT_CODES = grids.Codes.of(BINS * STEPS)
PLACES = grids.evenly(0.5, MOST - 0.5, MOST - 1)  # between the places 0 to 8 of `Numbers`

# In a phrase: the field's own value, then that of the feature.
RAW, VALUE = "{0}", "{1:.1%}"


def features_of(fields: Fields) -> tuple[Feature, ...]:
    """The features derived from fields, in the order of the file: words, then numbers."""
    words = (feature for word in fields.words for feature in of_word(word))
    return (*words, *map(of_number, fields.numbers))


def of_word(word: Word) -> Iterator[Feature]:
    """The features of a word."""
    name, theme, phrase = word.name, f"field {word.name}", word.phrase.replace("{}", RAW)
    yield Feature(
        name,
        "words",
        "code",
        f"Bin of {name}, of {BINS} by a keyed hash.",
        CODES,
        theme,
        phrase,
        field=name,
    )
    yield Feature(
        f"{name}_amount",
        "words",
        "code",
        f"Bin of {name} with the amount's half-octave, of {STEPS}.",
        AMOUNT_CODES,
        theme,
        f"such an amount with {phrase}",
        field=name,
    )
    yield Feature(
        f"{name}_rate",
        "words",
        "share",
        f"Smoothed share of fraud in all labels of this {name} at such amounts.",
        grids.SHARES,
        theme,
        f"fraud rate of {phrase} at such amounts is {VALUE}",
        field=name,
    )
    yield Feature(
        f"{name}_usual",
        "words",
        "ln",
        f"Log of the amount over the usual one of all labels of this {name}.",
        grids.RATIOS,
        theme,
        f"amount is {{1}} times the usual one with {phrase}",
        times,
        field=name,
    )
    if word.customer:
        yield from of_customer(word)


def of_customer(word: Word) -> Iterator[Feature]:
    """The features of a word that compare with what the customer used before."""
    name, theme, phrase = word.name, f"use of {word.name}", word.phrase.replace("{}", RAW)
    yield Feature(
        f"{name}_first",
        "words",
        "0/1",
        f"1 when the customer is not known to have used this {name} before.",
        grids.YES,
        theme,
        f"{{1}} {phrase}",
        either("known of this customer:", "new for this customer:"),
        field=name,
    )
    yield Feature(
        f"{name}_count",
        "words",
        "1",
        f"How often the customer used this {name} before.",
        grids.COUNTS,
        theme,
        f"times this customer used {phrase} before: {{1:.0f}}",
        field=name,
    )
    yield Feature(
        f"{name}_ratio",
        "words",
        "ln",
        f"Log of the amount over the customer's usual amount with this {name}.",
        grids.RATIOS,
        theme,
        f"amount is {{1}} times this customer's usual one with {phrase}",
        times,
        field=name,
    )


def of_number(number: Number) -> Feature:
    """The feature of a number."""
    unit = f" {number.unit}" if number.unit else ""
    unit = unit.replace("{", "{{").replace("}", "}}")
    return Feature(
        number.name,
        "numbers",
        "bin",
        f"Place of {number.name} among {MOST} quantiles of the first examples that had it.",
        PLACES,
        f"field {number.name}",
        number.phrase.replace("{}", RAW + unit),
        field=number.name,
    )
