"""Card fraud as tests use it: the application for some settings, on an engine of their own."""

from dataclasses import replace

from app import apps
from app.core.batch import Batch, Decided, Stored
from app.core.domain import Application
from app.core.fold import LearningState
from app.core.messages import Source
from app.core.threshold import Threshold
from app.settings import read_settings
from app.streams.fraud.messages import Transaction

ENGINE = "e1"
# Features of a payment with a phrase for each of them.
TELLING = {
    "amount": 412.0,
    "amount_log_ratio": 2.0668,
    "count_30d": 9.0,
    "amount_zscore": 6.0,
    "count_5m": 5.0,
    "km_from_home": 12345.6,
    "first_at_merchant": 1.0,
    "merchant_risk_7d": 0.25,
    "customer_frauds_14d": 2.0,
}


def cards(**settings: object) -> Application:
    """The application of cards; settings by name, the others are the defaults."""
    return replace(apps.load(read_settings(**settings)), engine=ENGINE)


def decide(
    application: Application,
    state: LearningState,
    tx: Transaction,
    source: Source,
    record: bytes | None,
    stored: Stored | None = None,
    degraded: bool = False,
    threshold: Threshold | None = None,
) -> tuple[Decided, bytes]:
    """Decide one transaction by itself; what that is, and its customer's record to write back."""
    opened, batch = application.open(record), Batch(application, state, degraded)
    batch.add(tx, source, opened, stored, threshold)
    (decided,) = batch.decide()
    return decided, opened.encode()


def threshold_of(application: Application, stored: bytes | None) -> Threshold | None:
    """A partition's threshold as stored, None for a new one; None without a budget."""
    budget = application.budget
    return None if budget is None else Threshold.decode(stored, budget, application.epoch)
