"""Who says what of a simulated transaction, and when: analysts, card holders, time.

Every draw comes from the seed and the transaction's id, so the answers are the same in
whatever order the transactions are asked about.
"""

from collections.abc import Iterator

from app.core.labels import MATURITY
from app.core.messages import label_id
from app.data.chances import chances
from app.data.rows import Due, Labelled
from app.streams.fraud.messages import Feedback, Label
from app.streams.fraud.simulator.traffic import Traffic

QUICKEST = 2.0  # seconds that an analyst takes at least
REASONS = {1: "counterfeit", 2: "stolen", 3: "card_testing"}


def labels(traffic: Traffic, row: Labelled, flagged: bool) -> list[Due]:
    """All labels that a transaction gets, by due time.

    An analyst answers what was flagged. Frauds that were not stopped come back as
    chargebacks, unless nobody reports them; what nobody has reported counts as legitimate
    at maturity.
    """
    answer = analyst(traffic, row) if flagged else None
    if answer and (answer.feedback.label == "fraud" or not row.positive):
        return [answer]
    return ([answer] if answer else []) + list(outcome(traffic, row, answered=answer is not None))


def analyst(traffic: Traffic, row: Labelled) -> Due:
    """The answer to a review item: within seconds, and sometimes wrong."""
    mistaken, took, _, _ = chances(traffic.seed, row.event.id)
    fraud = bool(row.positive) != (mistaken < traffic.wrong)
    longest = max(QUICKEST, traffic.answer_within)
    due = row.event.at + round(1000 * (QUICKEST + took * (longest - QUICKEST)))
    actor = f"analyst-{1 + int(took * 1e6) % 4}"
    return label(row, due, "analyst", "fraud" if fraud else "legit", actor)


def outcome(traffic: Traffic, row: Labelled, answered: bool = False) -> Iterator[Due]:
    """What becomes known without a review, by due time: a chargeback days later, or maturity.

    A chargeback that comes after maturity corrects it. Something `answered` never matures.
    """
    _, _, unseen, took = chances(traffic.seed, row.event.id)
    matures = row.event.at + round(1000 * traffic.maturity)
    reported = row.event.at + round(1000 * traffic.chargeback_delay * (0.5 + took))
    reports = bool(row.positive) and unseen >= traffic.missed
    if not answered and not (reports and reported <= matures):
        yield label(row, matures, MATURITY, "legit")
    if reports:
        yield label(row, reported, "chargeback", "fraud")


def label(row: Labelled, at: int, source: str, says: Label, actor: str = "") -> Due:
    """A label with its id, due at the time it was given."""
    reason = REASONS[row.kind] if says == "fraud" and row.kind else ""
    feedback = Feedback(
        id=row.event.id,
        key=row.event.key,
        label=says,
        source=source,
        actor=actor,
        at=at,
        reason=reason,
    )
    feedback.label_id = label_id(feedback)
    return Due(at, feedback)
