"""Settings: read from the environment, refused by the variable's name, frozen."""

import re

import pytest
from pydantic import ValidationError

from app import settings as module
from app.errors import SettingsError
from app.settings import Settings, read_settings, seconds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250ms", 0.25),
        ("1.5s", 1.5),
        ("5m", 300.0),
        ("12h", 43_200.0),
        ("7d", 604_800.0),
        ("90", 90.0),
        (" 2 m ", 120.0),
    ],
)
def test_a_duration_is_a_number_with_or_without_a_unit(monkeypatch, text, value):
    assert seconds(text) == value
    monkeypatch.setenv("WEIR_LABEL_WAIT", text)
    assert read_settings().label_wait == value


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("LABEL_WAIT", "7 weeks", id="an unknown unit"),
        pytest.param("LABEL_WAIT", "0s", id="no time at all"),
        pytest.param("LABEL_WAIT", "-5s", id="a negative time"),
        pytest.param("LABEL_WAIT", "inf", id="for ever"),
        pytest.param("HORIZON", "", id="an empty duration"),
        pytest.param("PARTITIONS", "0", id="too few"),
        pytest.param("PARTITIONS", "1025", id="too many"),
        pytest.param("PARTITIONS", "four", id="a word for a number"),
        pytest.param("PARTITIONS", "2.5", id="a fraction"),
        pytest.param("REVIEW_THRESHOLD", "nan", id="not a number"),
        pytest.param("BLOCK_THRESHOLD", "1.01", id="above one"),
        pytest.param("MODEL_SCOPE", "all", id="an unknown choice"),
        pytest.param("APP_ID", "", id="an empty id"),
        pytest.param("APP_ID", "a b", id="a space in an id"),
        pytest.param("TOPIC_PREFIX", "a/b", id="a slash in a topic"),
        pytest.param("MATURITY_SHARE", "0.3", id="a share whose weight is not exact"),
        pytest.param("MATURITY_SHARE", "0", id="no share"),
        pytest.param("MATURITY_SHARE", "0.0078125", id="too small a share"),
        pytest.param("MATURITY_RATE", "-1", id="a rate below zero"),
        pytest.param("WEB_PORT", "65536", id="no port"),
        pytest.param("ADVERTISED_URL", "weir-0:6066", id="a URL without a scheme"),
        pytest.param("ADVERTISED_URL", "http://weir:x", id="a URL with a word for a port"),
        pytest.param("ADVERTISED_URL", "http://[::1", id="a URL with half an address"),
        pytest.param("ADVERTISED_URL", "http://me@weir", id="a URL with a user"),
        pytest.param("WEB_NAMES", "weir.example:80", id="a name with a port"),
        pytest.param("WEB_NAMES", "weir,,x", id="a name that is empty"),
        pytest.param("WEB_NAMES", "https://weir", id="a URL for a name"),
        pytest.param("EPOCH", "0", id="epoch 0"),
        pytest.param("SNAPSHOT_KEYS", "too short", id="a short secret"),
        pytest.param("EPOCH", str(2**32), id="an epoch that no stored format holds"),
        pytest.param("SNAPSHOT_KEYS", f"{'a' * 16},", id="an empty second secret"),
        pytest.param("SNAPSHOT_KEYS", ",".join("abc" * 16), id="too many secrets"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_its_variable(monkeypatch, variable, value):
    monkeypatch.setenv(f"WEIR_{variable}", value)
    with pytest.raises(SettingsError, match=rf"^WEIR_{variable}: (?!Value error).*\w"):
        read_settings()


@pytest.mark.parametrize(
    ("brokers", "cause"),
    [
        ("kafka://b1:9092", "without a protocol"),
        ("b1:9092,PLAINTEXT://b2:9092", "without a protocol"),
        ("user:secret@b1:9092", "without a user or a password"),
        ("", "'' is not host:port"),
        ("b1:9092,", "'' is not host:port"),
        ("b1:", "'b1:' is not host:port"),
        ("b1:http", "'b1:http' is not host:port"),
        ("b1:9092/x", "'b1:9092/x' is not host:port"),
        ("b1 b2", "'b1 b2' is not host:port"),
        ("::1", "'::1' is not host:port"),
        ("b1:0", "0 is not a port"),
        ("b1:99999", "99999 is not a port"),
    ],
)
def test_brokers_that_are_no_addresses_are_refused_with_the_cause(brokers, cause):
    with pytest.raises(SettingsError, match=rf"^WEIR_BROKERS: .*{re.escape(cause)}") as refused:
        read_settings(brokers=brokers)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "brokers", ["b1", "b1:9092, b-2.example.org:9093", "10.0.0.1:1", "[::1]:9092"]
)
def test_brokers_are_hosts_with_or_without_a_port(brokers):
    assert read_settings(brokers=brokers).brokers == brokers


def test_every_variable_that_cannot_be_used_is_named(monkeypatch):
    monkeypatch.setenv("WEIR_EPOCH", "none")
    monkeypatch.setenv("WEIR_CHUNK", "0")
    with pytest.raises(SettingsError, match=r"WEIR_EPOCH: .*; WEIR_CHUNK: "):
        read_settings()


def test_a_label_does_not_wait_for_longer_than_decisions_are_kept():
    with pytest.raises(SettingsError, match="WEIR_LABEL_WAIT must not be longer than WEIR_HORIZON"):
        read_settings(label_wait="8d", horizon="7d")


def test_transactions_mature_before_they_are_forgotten_or_never(monkeypatch):
    with pytest.raises(SettingsError, match="WEIR_MATURITY must be shorter than WEIR_HORIZON"):
        read_settings(maturity="120d")
    with pytest.raises(SettingsError, match="WEIR_MATURITY=0 turns it off"):
        read_settings(horizon="29d", maturity="30d")
    assert read_settings().maturity == 30 * 86400.0
    assert read_settings(horizon="90d").maturity == 30 * 86400.0
    assert read_settings(horizon="14d").maturity == 7 * 86400.0
    with pytest.raises(SettingsError, match=r"WEIR_HORIZON: .*'soon' is not a duration"):
        read_settings(horizon="soon")
    monkeypatch.setenv("WEIR_MATURITY", "14d")
    assert read_settings().maturity == 14 * 86400.0
    assert read_settings(maturity=0).maturity == 0.0


def test_thresholds_must_be_in_order(monkeypatch):
    monkeypatch.setenv("WEIR_REVIEW_THRESHOLD", "0.8")
    monkeypatch.setenv("WEIR_BLOCK_THRESHOLD", "0.7")
    with pytest.raises(
        SettingsError, match="WEIR_BLOCK_THRESHOLD must not be below WEIR_REVIEW_THRESHOLD"
    ):
        read_settings()
    monkeypatch.setenv("WEIR_BLOCK_THRESHOLD", "0.8")
    assert read_settings().block_threshold == 0.8


def test_a_review_budget_is_off_or_a_number_with_a_threshold_to_begin_at(monkeypatch):
    assert read_settings().review_budget == 0
    monkeypatch.setenv("WEIR_REVIEW_THRESHOLD", "0")
    assert read_settings().review_threshold == 0
    with pytest.raises(
        SettingsError, match="WEIR_REVIEW_BUDGET needs a WEIR_REVIEW_THRESHOLD above 0"
    ):
        read_settings(review_budget=5)
    assert read_settings(review_budget=2.5, review_threshold=0.4).review_budget == 2.5


@pytest.mark.parametrize("value", ["-1", "inf", "nan", "5/h"])
def test_a_review_budget_that_is_no_number_of_alerts_is_refused(monkeypatch, value):
    monkeypatch.setenv("WEIR_REVIEW_BUDGET", value)
    with pytest.raises(SettingsError, match="WEIR_REVIEW_BUDGET: "):
        read_settings()


def test_what_is_given_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("WEIR_PARTITIONS", "8")
    assert read_settings().partitions == 8
    assert read_settings(partitions=2).partitions == 2


def test_an_unknown_setting_is_refused():
    with pytest.raises(SettingsError, match="WEIR_PARTITION: "):
        read_settings(partition=4)


def test_settings_do_not_change():
    settings = read_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.epoch = 2


def test_a_process_reads_its_settings_once(monkeypatch):
    module.settings.cache_clear()
    monkeypatch.setenv("WEIR_EPOCH", "3")
    first = module.settings()
    monkeypatch.setenv("WEIR_EPOCH", "4")
    assert module.settings() is first
    module.settings.cache_clear()


def test_other_workers_reach_this_one_where_it_listens_or_says_so():
    here = read_settings(web_host="10.0.0.7", web_port=7000)
    assert here.url == "http://10.0.0.7:7000"
    assert here.model_copy(update={"advertised_url": "http://w0/"}).url == "http://w0/"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_sentence(name):
    description = Settings.model_fields[name].description or ""
    assert description[0].isupper()
    assert description.endswith(".")


def test_secrets_are_read_in_order_and_never_shown(monkeypatch):
    monkeypatch.setenv("WEIR_SNAPSHOT_KEYS", "the first secret, the second secret")
    chosen = read_settings()
    assert chosen.signing_keys == (b"the first secret", b"the second secret")
    assert "secret" not in f"{chosen!r} {chosen.model_dump()}"
    monkeypatch.setenv("WEIR_SNAPSHOT_KEYS", "hush")
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert "hush" not in str(refused.value)
    monkeypatch.delenv("WEIR_SNAPSHOT_KEYS")
    assert read_settings().signing_keys == ()


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("customer", {"customer"}),
        (" customer , note ", {"customer", "note"}),
        ("", set()),
        (None, {"actor", "customer", "fields", "merchant", "note", "reason"}),
    ],
)
def test_the_fields_with_card_numbers_are_a_list_of_names(monkeypatch, text, fields):
    if text is not None:
        monkeypatch.setenv("WEIR_CARD_NUMBER_FIELDS", text)
    assert read_settings().card_fields == fields
