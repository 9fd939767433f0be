"""Card fraud as an application: what Weir's parts need to know of transactions."""

from functools import partial

from app.core.domain import Application, Gauge
from app.core.hashing import hash64
from app.core.threshold import Budget
from app.errors import SettingsError
from app.settings import Settings
from app.streams.fraud.custom.definitions import Fields, key_of, read_fields
from app.streams.fraud.custom.derived import features_of
from app.streams.fraud.custom.inputs import Inputs
from app.streams.fraud.decision import Policy
from app.streams.fraud.extract import look
from app.streams.fraud.features import FEATURES, FULL, feature_set
from app.streams.fraud.history.record import History, Limits
from app.streams.fraud.knowledge import Knowledge
from app.streams.fraud.messages import (
    LABELS,
    TEXTS,
    Example,
    Feedback,
    Prediction,
    Transaction,
    read_transaction,
)

PUBLIC_KEY = (
    "WEIR_FIELDS_KEY is not set: words are hashed with a public key, so whoever reads the examples "
    "log can try out what they were"
)


def application(settings: Settings) -> Application:
    """Card fraud with these settings.

    Raises
    ------
    SettingsError
        There is no feature set of that name, or no field in which to look for card numbers.
    """
    card_fields = card_fields_of(settings)
    features = feature_set(settings.features or FULL.name)
    fields = fields_of(settings)
    inputs, derived = Inputs(fields), features_of(fields)
    by_name = {feature.name: feature for feature in (*FEATURES, *derived)}
    policy = Policy(settings.model_scope, settings.block_threshold, by_name)
    kept = settings.history_events, settings.history_replay, settings.history_labels
    limits = Limits(*kept, inputs.asked)
    return Application(
        name="fraud",
        sentence="Judges card transactions and learns from every analyst's answer.",
        events="transactions",
        records="customers",
        key="customer",
        partitions=settings.partitions,
        epoch=settings.epoch,
        read=partial(read_transaction, card_fields=card_fields),
        feedback=Feedback,
        prediction=Prediction,
        facts=partial(facts, inputs),
        example=Example,
        lesson_facts=partial(lesson_facts, inputs),
        own_label=own_label,
        labels=LABELS,
        card_fields=card_fields,
        features=(*features.features, *derived),
        feature_set=f"{features.name}+{fields.digest}" if fields else features.name,
        fields=fields.digest,
        model=settings.model or "grove",
        scope=policy.scope,
        statistics=partial(Knowledge, fields),
        open=lambda raw: History.decode(raw, settings.epoch, limits),
        note=note,
        look=look(features),
        trust=policy.trust,
        conclude=policy.conclude,
        unusable=inputs.unusable if fields else None,
        declared=fields.kinds,
        warnings=(PUBLIC_KEY,) if fields.words and fields.public else (),
        review=settings.review_threshold,
        block=policy.block,
        budget=Budget.shared(
            settings.review_budget,
            settings.partitions,
            settings.review_threshold,
            settings.block_threshold,
        ),
        gauges=(
            Gauge("rules_weight", "What the rules add to the model, 0 to 1.", rules_weight),
            Gauge("rules_precision", "Share of frauds in the rules' own alerts.", rules_precision),
        ),
        stake=amount,
        routes="app.streams.fraud.pages.routes:ROUTES",
        tables="app.streams.fraud.tables:TABLES",
        traffic="app.streams.fraud.simulator.simulation:simulated",
        files="app.streams.fraud.files:open_dataset",
    )


def card_fields_of(settings: Settings) -> frozenset[str]:
    """The fields in which card numbers are refused. Raises SettingsError."""
    if unknown := sorted(settings.card_fields - TEXTS):
        raise SettingsError(
            f"WEIR_CARD_NUMBER_FIELDS: {', '.join(unknown)} is no text of a transaction or "
            f"label; those are {', '.join(sorted(TEXTS))}"
        )
    return settings.card_fields


def fields_of(settings: Settings) -> Fields:
    """The fields that the settings' file declares. Raises SettingsError."""
    secret = settings.fields_key.get_secret_value().encode()
    return read_fields(settings.fields, secret) if settings.fields else Fields(key=key_of(secret))


def facts(inputs: Inputs, tx: Transaction) -> dict[str, object]:
    """What a prediction says about its transaction beyond what all predictions say."""
    found: dict[str, object] = {
        "merchant": tx.merchant,
        "location": tx.location,
        "amount": tx.amount,
    }
    if raw := inputs.raw(tx):
        found["fields"] = raw
    return found


def lesson_facts(inputs: Inputs, prediction: Prediction) -> dict[str, object]:
    """What statistics need of an example: merchants', and those of fields."""
    found = inputs.lesson(prediction) if prediction.fields else {}
    found["merchant"], found["location"] = prediction.merchant, prediction.location
    return found


def own_label(tx: Transaction) -> str | None:
    """The label that came with a transaction."""
    return tx.label


def amount(prediction: Prediction) -> float:
    """What is at stake."""
    return prediction.amount


def note(history: History, example: Example) -> None:
    """Note a fraud, or that it was not one, in the customer's record."""
    history.learn_label(hash64(example.id), example.origin, example.known, example.y == 1)


def rules_weight(knowledge: Knowledge) -> float:
    """How far the rules count."""
    return knowledge.rules_weight.weight


def rules_precision(knowledge: Knowledge) -> float:
    """How many of the alerts that the rules alone raise are frauds."""
    return knowledge.rules_weight.precision
