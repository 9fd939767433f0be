"""The page docs/settings.md, generated from the settings (make docs)."""

from typing import Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from app.settings import UNITS, Settings, seconds

PAGE = """# Settings

Weir reads its settings once, from the environment, when a process starts. A value that cannot be
used ends the process with a sentence that names the variable. Durations are a number of seconds,
or a number with a unit: `250ms`, `30s`, `5m`, `12h`, `7d`. Every worker of one application needs
the same values, except for `WEIR_DATA_DIR`, `WEIR_INSTANCE_ID` and the addresses of its web views.

This page is generated from `app/settings.py` by `make docs`.

{table}"""


def table() -> str:
    """All settings as a table in Markdown, one line each, in the order of app/settings.py."""
    lines = ["| variable | default | accepts | meaning |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        meaning = (field.description or "").replace("<", "\\<").replace("|", "\\|")
        cells = (f"`WEIR_{name.upper()}`", default(field), accepts(field), meaning)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The whole of docs/settings.md."""
    return PAGE.format(table=table())


def default(field: FieldInfo) -> str:
    """The value without a variable, as a user would write it.

    >>> default(Settings.model_fields["label_wait"]), default(Settings.model_fields["instance_id"])
    ('`7d`', '(empty)')
    """
    value = duration(field.default) if is_duration(field) else str(field.default)
    return f"`{value}`" if value else "(empty)"


def accepts(field: FieldInfo) -> str:
    """What a value may be, in few words.

    >>> accepts(Settings.model_fields["web_port"]), accepts(Settings.model_fields["model_scope"])
    ('1 to 65535', '`partition`, `shared`, `both`')
    """
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(field.annotation))
    if is_duration(field):
        return "a duration"
    low = next((rule.ge for rule in field.metadata if isinstance(rule, Ge)), None)
    high = next((rule.le for rule in field.metadata if isinstance(rule, Le)), None)
    above = next((rule.gt for rule in field.metadata if isinstance(rule, Gt)), None)
    if above is not None:
        return f"above {above}, up to {high}"
    if low is not None:
        return f"{low} to {high}" if high is not None else f"{low} or more"
    return "text"


def is_duration(field: FieldInfo) -> bool:
    """Whether a setting is read as a duration."""
    return any(
        isinstance(rule, BeforeValidator) and rule.func is seconds for rule in field.metadata
    )


def duration(value: float) -> str:
    """Seconds in the largest unit that gives a whole number.

    >>> duration(7 * 86400.0), duration(90.0), duration(0.25)
    ('7d', '90s', '250ms')
    """
    for unit in sorted(UNITS, key=UNITS.__getitem__, reverse=True):
        count = value / UNITS[unit]
        if count == int(count):
            return f"{int(count)}{unit}"
    return f"{value}s"
