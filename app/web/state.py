"""What is known of an event, as plain values for JSON."""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.core.domain import Application, Feature
from app.core.fold import LearningState
from app.core.labels import UNSURE, LabelEntry, Labels, Revision
from app.core.messages import PlainPrediction, Prediction
from app.web.address import singular


def event_state(
    application: Application,
    id: str,
    prediction: Prediction | None,
    entry: LabelEntry | None,
    state: LearningState,
) -> dict[str, Any]:
    """An event: its decision, all that was said of it, and where it was learned.

    Its id and its key go by the application's own names, as `transaction` and `customer`.
    """
    known = entry if prediction is None else prediction
    lessons = [] if entry is None else taught(application, entry, state)
    return {
        singular(application.events): id,
        application.key: "" if known is None else known.key,
        "prediction": None if prediction is None else prediction_state(prediction),
        "labels": [] if entry is None else label_states(application, entry),
        "taught": lessons,
        "learned": lessons[-1] if lessons else None,
    }


def prediction_state(prediction: Prediction) -> dict[str, Any]:
    """A prediction as on the wire, its source spelled out."""
    plain: dict[str, Any] = msgspec.to_builtins(prediction)
    return plain | {"source": msgspec.structs.asdict(prediction.source)}


def fact_names(application: Application) -> list[str]:
    """What an application's predictions say besides what all predictions do, by name in JSON."""
    kind, common = application.prediction, PlainPrediction.__struct_fields__
    names = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    return [in_json for field, in_json in names if field not in common]


def facts(application: Application, prediction: Prediction) -> dict[str, Any]:
    """The facts of a prediction's event, by name."""
    plain: dict[str, Any] = msgspec.to_builtins(prediction)
    return {name: plain[name] for name in fact_names(application) if name in plain}


def label_states(application: Application, entry: LabelEntry) -> list[dict[str, Any]]:
    """Everything said, in the order it was read, and how it stands to the label that holds."""
    return [
        {**said(application.key, each), **stands(application.labels, entry, each)}
        for each in entry.revisions
    ]


def said(key: str, revision: Revision) -> dict[str, Any]:
    """One revision, without the example it gave, what its record carried along and what left."""
    plain = msgspec.structs.asdict(revision)
    del plain["example"], plain["history"], plain["evicted"]
    plain[key] = plain.pop("key")
    return plain | {"origin": msgspec.structs.asdict(revision.origin)}


def stands(labels: Labels, entry: LabelEntry, revision: Revision) -> dict[str, Any]:
    """How one revision stands: `standing` says it in a word, the other two are its yes and no.

    A label that counts holds, agrees with the one that does, disagrees (of the same rank) or
    is outranked. One that does not was withdrawn, waits, has expired, is an opinion (unsure)
    or takes back (withdrawal).
    """
    disagrees = any(revision is other for other in labels.disagreements(entry))
    word = "disagrees" if disagrees else standing(labels, entry, revision)
    return {"standing": word, "holds": word == "holds", "disagrees": disagrees}


def standing(labels: Labels, entry: LabelEntry, revision: Revision) -> str:
    """How a revision that does not disagree stands, in a word."""
    if revision.outcome in ("waiting", "expired"):
        return revision.outcome
    if revision.label not in labels.teaches:
        return "unsure" if revision.label == UNSURE else "withdrawal"
    if all(revision is not other for other in labels.standing(entry)):
        return "withdrawn"
    holds = labels.holds(entry)
    if revision is holds:
        return "holds"
    return "agrees" if holds and revision.label == holds.label else "outranked"


def taught(
    application: Application, entry: LabelEntry, state: LearningState
) -> list[dict[str, Any]]:
    """All examples that the labels gave, oldest first: what was learned, corrected, taken back."""
    given = sorted((r for r in entry.revisions if r.example), key=lambda r: r.origin)
    return [lesson(application, revision, state) for revision in given]


def lesson(application: Application, revision: Revision, state: LearningState) -> dict[str, Any]:
    """One example, who said what gave it, and whether this worker's models have it."""
    example, word = application.read_example(revision.example), application.labels.word
    before = None if example.previous is None else word(example.previous.label)
    now = word(example.y)
    words = f"learned as {now}" if before is None else f"corrected from {before} to {now}"
    return {
        "label": now,
        "replaces": before,
        "words": words if example.y is not None else f"{before} taken back",
        "said": revision.label,
        "source": revision.source,
        "actor": revision.actor,
        "weight": example.w,
        "known": example.known,
        "origin": msgspec.structs.asdict(example.origin),
        "models": ["shared", f"partition {example.origin.partition}"],
        "folded": state.origins.folded(example.origin),
        "version_when_scored": example.version,
    }


def feature_rows(application: Application, prediction: dict[str, Any]) -> list[dict[str, Any]]:
    """Features as scored, for a page: in the order of the table, with their unit and in words.

    Those of a feature set that this worker does not use come last and without words.
    """
    features, named = prediction["features"], prediction.get("fields") or {}
    rows = [
        feature_row(feature, features[feature.name], named)
        for feature in application.features
        if feature.name in features
    ]
    foreign = {"unit": "", "words": "", "sentence": "Not in this worker's feature set."}
    rows += [
        {"name": name, "value": value, **foreign}
        for name, value in features.items()
        if name not in application.grids
    ]
    return rows


def feature_row(feature: Feature, value: float, named: Mapping[str, str | float]) -> dict[str, Any]:
    """One feature and its value, in words too; `named` are the fields of its event."""
    return {
        "name": feature.name,
        "value": value,
        "unit": feature.unit,
        "words": feature.words(value, named),
        "sentence": feature.sentence,
    }
