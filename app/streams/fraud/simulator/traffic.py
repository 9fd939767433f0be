"""The settings of simulated traffic."""

from dataclasses import dataclass, fields

from app.errors import SettingsError
from app.streams.fraud.simulator.places import CITIES
from app.units import DAY_MS

SHARES = ("compromised", "stolen", "testing", "missed", "wrong")


@dataclass(frozen=True)
class Traffic:
    """What to simulate. The same settings give the same bytes in any process.

    The three fraud settings are frauds for each legitimate transaction. Durations are
    seconds of event time. Defaults give about 500 transactions a day with 1.2 % fraud, so
    that 20,000 of them hold forty days: campaigns begin and end, chargebacks arrive.

    Raises
    ------
    SettingsError
        Names the setting that cannot be used.
    """

    seed: int = 1
    start: int = 1_767_225_600_000  # epoch ms of the first hour: 2026-01-01T00:00Z
    customers: int = 500
    merchants: int = 200
    rate: float = 1.0  # legitimate transactions of a customer a day, on average
    compromised: float = 0.006  # at merchants in a fraudster's hands for weeks
    stolen: float = 0.0035  # with cards stolen for days, spent in other ways
    testing: float = 0.003  # small amounts within minutes, to find cards that work
    drift: bool = False  # habits and the mix of frauds move over the weeks
    answer_within: float = 60.0  # longest time an analyst takes over a review item
    wrong: float = 0.02  # share of analysts' answers that are not the truth
    chargeback_delay: float = 2 * DAY_MS / 1000  # mean; each takes half to one and a half of it
    missed: float = 0.05  # share of frauds that nobody reports
    maturity: float = 4 * DAY_MS / 1000  # unreported until then counts as legitimate

    def __post_init__(self) -> None:
        for name in SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise SettingsError(f"{name} must be a share between 0 and 1")
        for field in fields(self):
            if not getattr(self, field.name) >= 0:
                raise SettingsError(f"{field.name} must not be negative")
        if self.customers < len(CITIES):
            raise SettingsError(f"customers must be at least {len(CITIES)}, one for each city")
        if self.merchants < 2 * len(CITIES):
            raise SettingsError(f"merchants must be at least {2 * len(CITIES)}, two for each city")
        if self.rate == 0:
            raise SettingsError(
                "rate must be above 0: without transactions event time stands still"
            )
