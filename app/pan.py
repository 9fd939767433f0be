"""Card numbers (PANs), told from other long numbers by issuer, length and check digit.

Ranges and lengths are those that the schemes publish, as collected under "Issuer
identification number" in https://en.wikipedia.org/wiki/Payment_card_number; of the lengths
that a scheme's rules allow only those in circulation. So Diners Club has 14 digits and Visa 16:
none of 19 is known to have been issued, and of the 13 that once were, numbers with 43 and 49
are left out, which are phone numbers of Austria and Germany. UATP (15 digits with 1) is left
out: so begin the times and ids of machines.
"""

import re
from bisect import bisect_right

# Fields that people and systems put card numbers into, with `fields`, a transaction's own; ids of
# payments, devices and addresses are made by machines, and a number of 16 digits among them may
# look like one by chance.
CARD_FIELDS = frozenset(("customer", "merchant", "actor", "reason", "note", "fields"))

# Scheme, first and last prefix, lengths in circulation.
ISSUERS = (
    ("Visa", "4", "4", (16,)),
    ("Visa, no longer issued", "40", "42", (13,)),
    ("Visa, no longer issued", "44", "48", (13,)),
    ("Mastercard", "51", "55", (16,)),
    ("Mastercard", "2221", "2720", (16,)),
    ("American Express", "34", "34", (15,)),
    ("American Express", "37", "37", (15,)),
    ("Diners Club", "300", "305", (14,)),
    ("Diners Club", "3095", "3095", (14,)),
    ("Diners Club", "36", "36", (14,)),
    ("Diners Club", "38", "39", (14,)),
    ("Discover", "6011", "6011", (16,)),
    ("Discover", "644", "659", (16,)),
    ("JCB", "3528", "3589", (16,)),
    ("UnionPay", "62", "62", (16, 17, 18, 19)),
    ("UnionPay", "8100", "8171", (16, 17, 18, 19)),
    ("Maestro", "5018", "5018", (16, 18, 19)),
    ("Maestro", "5020", "5020", (16, 18, 19)),
    ("Maestro", "5038", "5038", (16, 18, 19)),
    ("Maestro", "5893", "5893", (16, 18, 19)),
    ("Maestro", "6304", "6304", (16, 18, 19)),
    ("Maestro and Bancontact", "67", "67", (16, 17, 18, 19)),
    ("Mir", "2200", "2204", (16, 17, 18, 19)),
    ("Borica", "2205", "2205", (16,)),
    ("RuPay", "60", "60", (16,)),
    ("RuPay", "508", "508", (16,)),
    ("RuPay", "8172", "829", (16,)),
    ("Dankort", "5019", "5019", (16,)),
    ("Elo", "506699", "506778", (16,)),
    ("Elo", "509", "509", (16,)),
    ("Verve", "506099", "506198", (16, 18, 19)),
    ("Verve", "507865", "507964", (16, 18, 19)),
    ("Meeza", "507803", "507810", (16,)),
    ("Naranja", "589562", "589562", (16,)),
    ("Shetab", "502229", "502938", (16,)),
    ("Shetab", "504172", "505809", (16,)),
    ("Shetab", "585983", "589463", (16,)),
    ("Shetab", "6104", "6104", (16,)),
    ("InterPayment", "636", "636", (16,)),
    ("InstaPayment and Hipercard", "637", "639", (16,)),
    ("UzCard", "5614", "5614", (16,)),
    ("UzCard", "8600", "8600", (16,)),
    ("mada", "968201", "968211", (16,)),
    ("Napas", "9704", "9704", (16, 19)),
    ("Troy", "9792", "9792", (16,)),
    ("Humo", "9860", "9860", (16,)),
)
PREFIX = 6  # digits that tell issuers apart
GROUPED = re.compile(r"[0-9][0-9\s./_\u2010-\u2015-]+").fullmatch
GROUPING = re.compile(r"[^0-9]+").sub


def _edges(length: int) -> list[int]:
    """Where the prefixes of a length begin and end, in turn: sorted, apart from each other."""
    ranges = sorted(
        (int(first.ljust(PREFIX, "0")), int(last.ljust(PREFIX, "9")) + 1)
        for _, first, last, lengths in ISSUERS
        if length in lengths
    )
    edges: list[int] = []
    for begin, end in ranges:
        if edges and begin <= edges[-1]:
            edges[-1] = max(edges[-1], end)
        else:
            edges += [begin, end]
    return edges


EDGES = {length: _edges(length) for length in range(13, 20)}


def is_card_number(text: str) -> bool:
    """Whether a text is a card number, grouped or not, and nothing else.

    >>> is_card_number("4111 1111 1111 1111"), is_card_number("4111111111111112")
    (True, False)
    >>> is_card_number("490154203237518")  # an IMEI, whose last digit is Luhn's too
    False
    """
    if len(text) < 13:
        return False
    if not (text.isdecimal() and text.isascii()):
        text = text.strip()
        if GROUPED(text) is None:
            return False
        text = GROUPING("", text)
    edges = EDGES.get(len(text))
    # An odd number of edges at or below the prefix: it is within a range.
    if edges is None or not bisect_right(edges, int(text[:PREFIX])) % 2:
        return False
    total = sum(map(int, text[-1::-2]))
    total += sum(sum(divmod(2 * int(digit), 10)) for digit in text[-2::-2])
    return total % 10 == 0
