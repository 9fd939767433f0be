"""Features derived from fields: how they are cut, and put into words."""

import pytest

from app.core.grids import Codes
from app.streams.fraud.custom.definitions import Fields, checked
from app.streams.fraud.custom.definitions import Number as N
from app.streams.fraud.custom.definitions import Word as W
from app.streams.fraud.custom.derived import features_of
from app.web.state import feature_rows
from tests.cards import cards

FIELDS: Fields = checked(
    [W("shop", "the shop {}", customer=True), W("kind")],
    [N("age", "d", "an account of {}"), N("share", "{%}")],
)
BY_NAME = {feature.name: feature for feature in features_of(FIELDS)}


@pytest.mark.parametrize(
    ("name", "value", "raw", "text"),
    [
        ("shop", 7.0, "A&B", "the shop A&B"),
        ("shop_amount", 70.0, "{0}", "such an amount with the shop {0}"),
        ("shop_rate", 0.25, "x", "fraud rate of the shop x at such amounts is 25.0%"),
        ("shop_usual", 1.5, "x", "amount is 4.5 times the usual one with the shop x"),
        ("kind", 7.0, "x", "kind x"),
        ("age", 3.0, 12.5, "an account of 12.5 d"),
        ("age", 3.0, 12345678.0, "an account of 12345678 d"),
        ("share", 3.0, 1.0, "share 1 {%}"),
    ],
)
def test_a_phrase_names_the_value_as_it_came(name, value, raw, text):
    feature = BY_NAME[name]
    assert feature.words(value, {feature.field: raw}) == text
    assert "(not known)" in feature.words(value)


def test_codes_have_no_order_and_all_others_do():
    codes = {name for name, feature in BY_NAME.items() if isinstance(feature.grid, Codes)}
    assert codes == {"shop", "shop_amount", "kind", "kind_amount"}
    for feature in BY_NAME.values():
        assert list(feature.grid) == sorted(set(feature.grid)), feature.name
        assert feature.sentence.endswith("."), feature.name


def test_one_reason_says_what_labels_say_of_a_word_and_one_what_the_customer_does():
    themes = {feature.theme for name, feature in BY_NAME.items() if name.startswith("shop")}
    assert themes == {"field shop", "use of shop"}


def test_the_rows_of_a_page_name_the_fields_of_the_decision(tmp_path):
    path = tmp_path / "fields.toml"
    path.write_text('[[word]]\nname = "shop"\nphrase = "the shop {}"\n')
    shown = {"features": {"amount": 5.0, "shop": 7.0}, "fields": {"shop": "here"}}
    rows = feature_rows(cards(fields=str(path)), shown)
    assert [row["words"] for row in rows] == ["amount 5.00", "the shop here"]
    (_, foreign) = feature_rows(cards(), shown)
    assert foreign["words"] == ""
