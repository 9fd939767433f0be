"""The map of the simulated world: where people live and what merchants sell."""

from typing import NamedTuple


class City(NamedTuple):
    """A city centre, degrees, with its country (ISO 3166) and currency (ISO 4217)."""

    lat: float
    lon: float
    country: str
    currency: str


class Trade(NamedTuple):
    """A merchant category: its usual amount against a customer's mean, and whether it is online."""

    name: str
    factor: float
    online: bool


CITIES = (
    City(52.52, 13.40, "DE", "EUR"),
    City(48.14, 11.58, "DE", "EUR"),
    City(48.86, 2.35, "FR", "EUR"),
    City(40.42, -3.70, "ES", "EUR"),
    City(52.37, 4.90, "NL", "EUR"),
    City(51.51, -0.13, "GB", "GBP"),
    City(53.48, -2.24, "GB", "GBP"),
    City(40.71, -74.01, "US", "USD"),
)
SHOPS = (
    Trade("grocery", 0.7, False),
    Trade("restaurant", 0.8, False),
    Trade("fuel", 1.0, False),
    Trade("pharmacy", 0.6, False),
    Trade("clothing", 1.2, False),
    Trade("electronics", 1.6, False),
)
WEB = (Trade("digital", 0.6, True), Trade("retail", 1.2, True), Trade("travel", 1.8, True))
