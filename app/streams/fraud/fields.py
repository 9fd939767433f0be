"""The fields of a transaction that files may have, and what is special about each."""

from app.streams.fraud.messages import Transaction

FIELDS = tuple(n for n in Transaction.__struct_fields__ if n not in ("fields", "label"))
REQUIRED = ("id", "at", "customer", "merchant", "amount")
NUMBERS = ("amount", "lat", "lon")
TEXTS = tuple(name for name in FIELDS if name not in ("at", *NUMBERS))
OWN = ("id", "customer")  # may have a value of each row's own
NAMED = (*FIELDS, "label", "scenario")  # what options may name
