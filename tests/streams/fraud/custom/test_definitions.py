"""The file of fields: what it may declare, and in which sentence it is refused."""

import pytest
from pydantic import SecretStr

from app.errors import SettingsError
from app.streams.fraud.custom.definitions import NONE, Fields, Number, Word, read_fields
from tests.cards import cards

GOOD = """
[[word]]
name = "category"
phrase = "a purchase of {}"
customer = true

[[word]]
name = "shop_kind"

[[number]]
name = "account_age"
unit = "d"
phrase = "an account of {}"
"""
MANY_WORDS = "".join(f'[[word]]\nname = "w{n}"\n' for n in range(17))
MANY_NUMBERS = "".join(f'[[number]]\nname = "n{n}"\n' for n in range(33))

BAD = [
    ("", "it declares no field: write \\[\\[word\\]\\] or \\[\\[number\\]\\]"),
    ("[[word", "is not TOML: "),
    ("[[words]]\nname = 'a'", "unknown field `words`"),
    ("[[word]]\nname = 'a'\ncolour = 'red'", "unknown field `colour`"),
    ("[[word]]\nphrase = 'a {}'", "missing required field `name`"),
    ("[[word]]\nname = 7", "Expected `str`, got `int`"),
    ("[[word]]\nname = 'Shop-Kind'", "the name 'Shop-Kind' of a word has to be a small letter"),
    (f"[[number]]\nname = '{'a' * 33}'", "of a number has to be a small letter"),
    ("[[word]]\nname = 'a'\n[[word]]\nname = 'a'", "the name 'a' is there twice"),
    ("[[word]]\nname = 'a'\n[[number]]\nname = 'a'", "the name 'a' is there twice"),
    ("[[word]]\nname = 'a'\n[[number]]\nname = 'a_rate'", "'a_rate' is that of a feature of a"),
    ("[[word]]\nname = 'hour'", "the name 'hour' is a feature's already"),
    ("[[number]]\nname = 'amount'", "the name 'amount' is a field that Weir reads itself"),
    ("[[word]]\nname = 'merchant'", "the name 'merchant' is a field that Weir reads itself"),
    ("[word]\nname = 'a'", r"write \[\[word\]\], with two brackets"),
    ("[[word]]\nname = 'burst'", "the name 'burst' is a rule's already"),
    ("[[number]]\nname = 'device'", "'device' is a word: declare it as"),
    ("[[word]]\nname = 'a'\nphrase = 'of a kind'", "the phrase of 'a' needs {} once"),
    ("[[word]]\nname = 'a'\nphrase = '{} and {}'", "the phrase of 'a' needs {} once"),
    ("[[word]]\nname = 'a'\nphrase = '{0} {}'", "the phrase of 'a' needs {} once"),
    (MANY_WORDS, "it declares 17 words and 0 numbers; at most 16 and 32 are possible"),
    (MANY_NUMBERS, "it declares 0 words and 33 numbers; at most 16 and 32 are possible"),
]


def read(tmp_path, text: str, secret: bytes = b"") -> Fields:
    path = tmp_path / "fields.toml"
    path.write_text(text)
    return read_fields(path, secret)


def test_a_file_declares_words_and_numbers_in_its_order(tmp_path):
    fields = read(tmp_path, GOOD)
    assert fields.words == (
        Word("category", "a purchase of {}", customer=True),
        Word("shop_kind", "shop kind {}"),
    )
    assert fields.numbers == (Number("account_age", "d", "an account of {}"),)
    assert fields.public


@pytest.mark.parametrize(("text", "why"), BAD)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(tmp_path, text, why):
    with pytest.raises(SettingsError, match=why) as refused:
        read(tmp_path, text)
    assert str(refused.value).startswith("WEIR_FIELDS: ")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"none.toml cannot be read: No such file"):
        read_fields(tmp_path / "none.toml")
    with pytest.raises(SettingsError, match=r"is not TOML"):
        (tmp_path / "latin.toml").write_bytes(b"\xff")
        read_fields(tmp_path / "latin.toml")


def test_a_digest_is_of_all_that_determines_a_value_and_of_no_phrase(tmp_path):
    first = read(tmp_path, GOOD)
    assert len(first.digest) == 8
    for same in (GOOD.replace("a purchase", "something"), GOOD.replace('unit = "d"', "")):
        assert read(tmp_path, same).digest == first.digest
    others = [
        read(tmp_path, GOOD.replace("shop_kind", "shop")).digest,
        read(tmp_path, GOOD.replace("customer = true", "")).digest,
        read(tmp_path, GOOD.replace("[[number]]", "[[word]]").replace('unit = "d"', "")).digest,
        read(tmp_path, GOOD, b"a secret of this test").digest,
        first.digest,
    ]
    assert len(set(others)) == len(others)
    assert NONE.digest == ""


def test_a_key_is_shown_nowhere(tmp_path):
    fields = read(tmp_path, GOOD, b"a secret of this test")
    assert not fields.public
    assert "secret" not in repr(fields) and fields.key.hex() not in repr(fields)
    assert str(fields.key) not in repr(fields)


def test_an_application_computes_names_and_identifies_what_its_file_declares(tmp_path):
    path = tmp_path / "fields.toml"
    path.write_text(GOOD)
    plain, custom = cards(), cards(fields=str(path))
    derived = [feature.name for feature in custom.features[len(plain.features) :]]
    assert [name for name in derived if not name.endswith(("_first", "_count", "_ratio"))] == [
        *("category", "category_amount", "category_rate", "category_usual"),
        *("shop_kind", "shop_kind_amount", "shop_kind_rate", "shop_kind_usual"),
        "account_age",
    ]
    assert custom.features[: len(plain.features)] == plain.features
    assert plain.feature_set == "fraud-full"
    assert custom.feature_set == f"fraud-full+{read_fields(path).digest}"
    path.write_text(GOOD.replace("a purchase", "something"))
    assert cards(fields=str(path)).identity == custom.identity != plain.identity
    assert custom.new_state().features == custom.identity.features
    secret = cards(fields=str(path), fields_key=SecretStr("a secret of this test"))
    assert secret.identity != custom.identity
    assert (len(custom.warnings), len(secret.warnings), len(plain.warnings)) == (1, 0, 0)
