"""Every setting of Weir: one frozen object, read once, `WEIR_<NAME>` in the environment overrides."""

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.errors import SettingsError
from app.pan import CARD_FIELDS

ADDRESS = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,9}))?")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(value: object) -> object:
    """Read a duration: a number of seconds, or a number with the unit ms, s, m, h or d.

    >>> seconds("7d"), seconds("250ms"), seconds(5)
    (604800.0, 0.25, 5)
    """
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?\s*", value)
    if match is None:
        raise ValueError(f"{value!r} is not a duration; write for example 30s, 5m, 12h or 7d")
    return float(match[1]) * UNITS[match[2] or "s"]


def split_secrets(joined: SecretStr) -> list[str]:
    """The secrets of a comma separated list.

    >>> split_secrets(SecretStr("one, two")), split_secrets(SecretStr(""))
    (['one', 'two'], [])
    """
    text = joined.get_secret_value()
    return [secret.strip() for secret in text.split(",")] if text else []


def split_names(joined: str) -> list[str]:
    """The names of a comma separated list, in lower case.

    >>> split_names("Weir.example, weir"), split_names("")
    (['weir.example', 'weir'], [])
    """
    return [name.strip().lower() for name in joined.split(",")] if joined.strip() else []


Duration = Annotated[float, BeforeValidator(seconds), Field(gt=0)]
DurationOrOff = Annotated[float, BeforeValidator(seconds), Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
MATURITY = 30 * 86400.0  # seconds
GONE = {
    "WEIR_MATURITY_WEIGHT": "has no effect any more: what matures counts 1 / WEIR_MATURITY_SHARE times"
}
HALVINGS = tuple(0.5**n for n in range(7))  # whose inverse is an exact weight, at most 64


class Settings(BaseSettings):
    """How a process is configured. Each field's description ends up in docs/settings.md."""

    model_config = SettingsConfigDict(env_prefix="WEIR_", frozen=True, extra="forbid")

    app: str = Field("fraud", description="The application to run; fraud judges card transactions.")
    brokers: str = Field(
        "127.0.0.1:9092", description="Kafka bootstrap servers, host:port, comma separated."
    )
    app_id: str = Field(
        "weir",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Consumer group and prefix of the changelog topics. A new partition count needs a new one.",
    )
    topic_prefix: str = Field(
        "", pattern=r"^[A-Za-z0-9._-]{0,64}$", description="Prefix of every topic name."
    )
    partitions: int = Field(
        4, ge=1, le=1024, description="Partitions of the topics keyed by customer."
    )
    replication: int = Field(
        1, ge=1, description="Replication factor of topics that Weir creates; 3 in production."
    )
    epoch: int = Field(
        1,
        ge=1,
        le=2**32 - 1,  # what stored formats have room for
        description="Generation of the topics; raise it when they are recreated, because offsets then start again.",
    )
    data_dir: Path = Field(
        Path("weir-data"), description="Directory of the local state; one for each worker."
    )
    instance_id: str = Field(
        "", description="Static member id in the consumer group; empty for a dynamic member."
    )
    session_timeout: Duration = Field(
        10.0,
        description="Seconds without a heartbeat after which the group reassigns a worker's partitions.",
    )

    model: str = Field(
        "",
        description="Entry of the model zoo (weir model list); empty for the application's own: grove for fraud.",
    )
    model_scope: Literal["partition", "shared", "both"] = Field(
        "both",
        description="Which models score: the partition's own, the shared one, or both: the shared one, and beside it the own one with the weight that it has earned.",
    )
    features: str = Field(
        "",
        description="Feature set that is computed, learned and sent with decisions: fraud-full, which is the default of fraud, or fraud-small, which costs less (docs/features.md).",
    )
    fields: str = Field(
        "",
        description="File that declares fields of one's own, words and numbers of transactions that the models see; empty for none (docs/fields.md).",
    )
    fields_key: SecretStr = Field(
        SecretStr(""),
        description="Secret of 16 characters or more with which words are hashed in the examples log; the same on every worker. Empty: a public one, so whoever reads the log can try words out.",
    )
    review_threshold: Share = Field(
        0.5, description="Score from which a transaction goes to review."
    )
    review_budget: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="Alerts per hour of event time, over all partitions, that can be reviewed; 0 for no budget. With one, the threshold of each partition follows its share: it starts at WEIR_REVIEW_THRESHOLD and stays between 0.02, or WEIR_REVIEW_THRESHOLD if that is lower, and WEIR_BLOCK_THRESHOLD.",
    )
    block_threshold: Share = Field(0.9, description="Score from which a transaction is blocked.")
    history_events: int = Field(
        24, ge=1, le=512, description="Number of a customer's latest events that features use."
    )
    history_replay: int = Field(
        12,
        ge=0,
        le=512,
        description="Older events kept so that a replay of that many events sees the same history.",
    )
    history_labels: int = Field(
        16, ge=1, le=256, description="Number of recent fraud labels kept for a customer."
    )
    label_wait: Duration = Field(
        7 * 86400.0,
        description="How long a label waits for its transaction, in record time, before it becomes a dead letter.",
    )
    horizon: Duration = Field(
        120 * 86400.0,
        description="How long decisions stay available to labels: expiry of the store of decisions and retention of the predictions topic.",
    )
    maturity: DurationOrOff = Field(
        MATURITY,
        description="Age, in record time, at which a transaction without a label that holds is learned as legitimate; 0 for never. By default half of WEIR_HORIZON, where that is below 60d. It should be the time in which nearly all complaints come. A partition that has just begun learns earlier: at the age that it had itself, from 8h on, until this one is reached. What was blocked is never learned by its age, what went to review only at this one.",
    )
    maturity_share: Share = Field(
        0.25,
        description="Share of the matured transactions that is learned, chosen by a hash of the id: 1, 0.5, 0.25 and so on down to 0.015625. Each counts 1/share times, so scores stay where they are, and the log is shorter.",
    )
    maturity_rate: float = Field(
        20.0,
        ge=0,
        allow_inf_nan=False,
        description="Labels by maturity per second of record time, over all partitions, above which WEIR_MATURITY_SHARE is halved, for as long as it takes, down to 1/64; 0 for any number. They stay in the log of examples for good.",
    )
    future_limit: Duration = Field(
        86400.0, description="How far an event's time may be after its record's Kafka timestamp."
    )
    degraded_after: Duration = Field(
        5.0,
        description="Lag of the learning state behind its log above which decisions are marked degraded.",
    )
    card_number_fields: str = Field(
        ",".join(sorted(CARD_FIELDS)),
        description="Fields of transactions and labels in which card numbers are refused, comma separated; empty for none. Fields that hold numbers of machines, such as device (an IMEI) or id, are better left out: one in 30 numbers of 16 digits looks like a card number by chance.",
    )
    snapshot_every: int = Field(5000, ge=1, description="Examples folded between two snapshots.")
    snapshot_keys: SecretStr = Field(
        SecretStr(""),
        description="One or two secrets of 16 characters or more, comma separated: the first signs snapshots, each verifies them. Empty: they are neither signed nor checked.",
    )

    maven_url: str = Field(
        "",
        description="Maven repository that the development broker is fetched from; empty for Maven Central.",
    )

    chunk: int = Field(500, ge=1, le=10000, description="Maximum number of records in one step.")
    coalesce: DurationOrOff = Field(
        0.0,
        description="How long changes to customers' records are held back before they are written, so that many to one customer are written once, for example 1s; 0 writes them with each step.",
    )
    web_host: str = Field("127.0.0.1", description="Address the web views listen on.")
    web_port: int = Field(6066, ge=1, le=65535, description="Port of the web views.")
    advertised_url: str = Field(
        "",
        description="URL at which other workers reach this one; empty for http://<web_host>:<web_port>. Off loopback, requests that name another host are refused; probes and metrics may be asked for by address.",
    )
    web_names: str = Field(
        "",
        description="Further host names by which the web views may be asked for, comma separated: of a proxy, for example.",
    )

    @model_validator(mode="before")
    @classmethod
    def maturity_fits_a_short_horizon(cls, given: dict[str, object]) -> dict[str, object]:
        horizon = given.get("horizon")
        if "maturity" in given or horizon is None:
            return given
        with suppress(ValueError):  # which is said where the horizon is read
            long = seconds(horizon)
            if isinstance(long, int | float):
                return given | {"maturity": min(MATURITY, long / 2)}
        return given

    @field_validator("brokers")
    @classmethod
    def brokers_are_addresses(cls, brokers: str) -> str:
        for address in brokers.split(","):
            check_address(address.strip())
        return brokers

    @field_validator("maturity_share")
    @classmethod
    def share_is_halved(cls, share: float) -> float:
        if share not in HALVINGS:
            raise ValueError(
                "write 1, 0.5, 0.25, 0.125, 0.0625, 0.03125 or 0.015625: the weight, 1/share, is "
                "exact then. WEIR_MATURITY=0 turns maturity off"
            )
        return share

    @field_validator("snapshot_keys")
    @classmethod
    def keys_are_long_and_few(cls, keys: SecretStr) -> SecretStr:
        secrets = split_secrets(keys)
        if len(secrets) > 2:
            raise ValueError("give one or two secrets, separated by a comma")
        if any(len(secret) < 16 for secret in secrets):
            raise ValueError("a secret needs 16 characters or more")
        return keys

    @field_validator("fields_key")
    @classmethod
    def key_of_fields_is_long(cls, key: SecretStr) -> SecretStr:
        if 0 < len(key.get_secret_value()) < 16:
            raise ValueError("a secret needs 16 characters or more")
        return key

    @field_validator("advertised_url")
    @classmethod
    def advertised_url_is_one(cls, url: str) -> str:
        if url:
            try:
                parts = urlsplit(url)
                usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
            except ValueError:
                usable = False
            if not usable or "@" in parts.netloc:
                raise ValueError("write it as http://host:port")
        return url

    @field_validator("web_names")
    @classmethod
    def web_names_are_names(cls, names: str) -> str:
        for name in split_names(names):
            if not re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:.]+", name):
                raise ValueError(f"{name!r} is not a host name; write names without a port")
        return names

    @model_validator(mode="after")
    def settings_fit_together(self) -> "Settings":
        if self.block_threshold < self.review_threshold:
            raise ValueError("WEIR_BLOCK_THRESHOLD must not be below WEIR_REVIEW_THRESHOLD")
        if self.review_budget and not self.review_threshold:
            raise ValueError(
                "WEIR_REVIEW_BUDGET needs a WEIR_REVIEW_THRESHOLD above 0 to start from"
            )
        if self.label_wait > self.horizon:
            raise ValueError("WEIR_LABEL_WAIT must not be longer than WEIR_HORIZON")
        if self.maturity >= self.horizon:
            raise ValueError(
                "WEIR_MATURITY must be shorter than WEIR_HORIZON; WEIR_MATURITY=0 turns it off"
            )
        return self

    @property
    def signing_keys(self) -> tuple[bytes, ...]:
        """The secrets of snapshots; the first one signs."""
        return tuple(secret.encode() for secret in split_secrets(self.snapshot_keys))

    @property
    def card_fields(self) -> frozenset[str]:
        """The fields in which card numbers are refused."""
        return frozenset(filter(None, map(str.strip, self.card_number_fields.split(","))))

    @property
    def names(self) -> tuple[str, ...]:
        """Further host names of the web views, in lower case."""
        return tuple(split_names(self.web_names))

    @property
    def url(self) -> str:
        """URL at which other workers reach this one's web views."""
        return self.advertised_url or f"http://{self.web_host}:{self.web_port}"


def check_address(address: str) -> None:
    """Raise ValueError, which names the cause, unless this is host, host:port or [IPv6]:port.

    >>> check_address("kafka://b1:9092")
    Traceback (most recent call last):
    ValueError: write host:port, without a protocol such as kafka://
    """
    if "://" in address:
        raise ValueError("write host:port, without a protocol such as kafka://")
    if "@" in address:
        raise ValueError("write host:port, without a user or a password")
    found = ADDRESS.fullmatch(address)
    if found is None:
        raise ValueError(f"{address!r} is not host:port, such as b1:9092 or [::1]:9092")
    if found[1] and not 0 < int(found[1]) < 65536:
        raise ValueError(f"{found[1]} is not a port: ports are 1 to 65535")


def read_settings(**overrides: object) -> Settings:
    """Read the settings from the environment; keyword arguments win.

    Raises
    ------
    SettingsError
        Names every setting that cannot be used, as the environment variable the user sets.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(explain(error)) from None


def gone(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that was a setting of an earlier release, and still stands.

    >>> gone({"WEIR_MATURITY_WEIGHT": "0.5", "HOME": "/"})[0][:39]
    'WEIR_MATURITY_WEIGHT has no effect any '
    """
    return [f"{name} {why}" for name, why in GONE.items() if name in environment]


def explain(error: ValidationError) -> str:
    """One line per unusable setting, without the values of others."""
    lines = []
    for problem in error.errors():
        name = "_".join(str(part) for part in problem["loc"])
        said = problem["msg"].removeprefix("Value error, ")
        lines.append(f"WEIR_{name.upper()}: {said}" if name else said)
    return "; ".join(lines)


@cache
def settings() -> Settings:
    """The process's settings, read once."""
    return read_settings()
