"""Card numbers: found however they are written, and not where any other long number is."""

import random

import pytest

from app.pan import ISSUERS, is_card_number

# Test numbers that issuers and payment providers publish.
CARDS = [
    *("4111111111111111", "4242424242424242", "4012888888881881", "4222222222222"),
    *("5555555555554444", "5105105105105100", "2223003122003222", "2720990000000007"),
    *("378282246310005", "371449635398431", "6011111111111117", "6011000990139424"),
    *("3530111333300000", "3566002020360505", "30569309025904", "38520000023237"),
    *("6200000000000005", "6250941006528599", "6759649826438453", "5018000000000009"),
    *("2200000000000004", "6062826786276634", "5019555544445555", "8600000000000007"),
]
NUMBERS = {
    "an IMEI": "490154203237518",
    "another IMEI": "352099001761481",
    "a German phone number": "4915112345676",
    "an Austrian phone number": "4366412345674",
    "a snowflake of Twitter": "1541815603606036485",
    "a snowflake of Discord": "175928847299117063",
    "epoch milliseconds": "1760000000009",
    "epoch microseconds": "1760000000000004",
    "epoch nanoseconds": "1760000000000000008",
    "a GTIN": "4006381333931",
    "19 digits of Visa": "4111111111111111110",
    "a wrong check digit": "4111111111111112",
    "12 digits": "411111111111",
    "20 digits": "4" * 20,
    "digits of another script": "٤١١١١١١١١١١١١١١١",
    "a UUID": "41111111-1111-1111-1111-111111111111",
    "digits within words": "card 4111111111111111",
}


def luhn(digits: str) -> bool:
    """The check digit, computed in another way than the module does."""
    doubled = "0246813579"
    return (
        sum(int(doubled[int(d)]) if n % 2 else int(d) for n, d in enumerate(digits[::-1])) % 10 == 0
    )


def with_check_digit(digits: str) -> str:
    return next(digits + end for end in "0123456789" if luhn(digits + end))


@pytest.mark.parametrize("number", CARDS)
def test_a_card_number_of_any_issuer_is_found(number):
    assert luhn(number)
    assert is_card_number(number)
    assert not is_card_number(number[:-1] + str((int(number[-1]) + 1) % 10))


@pytest.mark.parametrize("between", [" ", "-", ".", "_", "/", "\u00a0", "\u2013", "  "])
def test_a_card_number_is_found_however_it_is_grouped(between):
    for number in CARDS:
        assert is_card_number(between.join(number[n : n + 4] for n in range(0, len(number), 4)))
        assert is_card_number(between.join((number[:4], number[4:10], number[10:])))
    assert is_card_number(between.join("4242424242424242"))
    assert is_card_number(f" {CARDS[0]}\n")


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
def test_other_numbers_are_no_card_numbers(number):
    assert not is_card_number(number)


@pytest.mark.parametrize(("scheme", "first", "last", "lengths"), ISSUERS)
def test_each_range_is_known_to_its_ends(scheme, first, last, lengths):
    for length in lengths:
        for begin in (first.ljust(length - 1, "0"), last.ljust(length - 1, "9")):
            assert is_card_number(with_check_digit(begin))


def test_hardly_any_number_of_64_bits_is_taken_for_a_card_number():
    dice = random.Random(7)
    wide = [str(dice.randrange(10**14, 2**63)) for _ in range(20_000)]
    assert sum(map(is_card_number, wide)) / len(wide) < 0.004
    even = [str(dice.randrange(10 ** (n - 1), 10**n)) for n in range(15, 20) for _ in range(5_000)]
    assert sum(map(is_card_number, even)) / len(even) < 0.01
