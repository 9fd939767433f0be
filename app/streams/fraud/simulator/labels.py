"""Who says what of simulated transactions: the people of `app.data.life`, as traffic sets them."""

from app.data.life.people import Case
from app.data.life.settings import Life
from app.data.rows import Labelled
from app.streams.fraud.simulator.traffic import Traffic

QUICKEST = 2000  # ms that an analyst takes at least
REASONS = {1: "counterfeit", 2: "stolen", 3: "card_testing"}


def life(traffic: Traffic) -> Life:
    """How people behave around simulated traffic.

    Analysts answer what comes up for review, all of it, so the team has nothing to choose. Frauds
    that were not stopped come back as chargebacks; what nobody has spoken of matures, all of it.
    """
    return Life(
        reviews=0,
        chargebacks=round(1000 * traffic.chargeback_delay),
        spread=0.5,
        missed=traffic.missed,
        maturity=round(1000 * traffic.maturity),
        share=1.0,
        actors=4,
        wrong=traffic.wrong,
        quickest=QUICKEST,
        slowest=round(1000 * traffic.answer_within),
        seed=traffic.seed,
    )


def case_of(row: Labelled) -> Case:
    """A transaction as people know it, with the reason that a chargeback gives."""
    event = row.event
    return Case(event.id, event.key, event.at, bool(row.positive), REASONS.get(row.kind, ""))
