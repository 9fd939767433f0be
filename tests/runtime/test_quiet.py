"""A broker that is away does not fill the log."""

import logging
import subprocess
import sys

from app.runtime.quiet import OncePer

LATER = """
import logging, sys
from app.runtime.quiet import limit_connection_errors
logging.basicConfig(stream=sys.stdout, format="%(message)s")
limit_connection_errors()
later = logging.getLogger("aiokafka.made.later")
for n in range(3):
    later.error("no broker at %s", n)
    logging.getLogger("app").error("others speak")
"""


def record(text: str, *arguments: object, name: str = "aiokafka.client") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "f.py", 1, text, arguments, None)


def test_a_logger_says_the_same_thing_once_in_a_while():
    now = 0.0
    limit = OncePer(10.0, clock=lambda: now)
    assert limit.filter(record("no broker at %s", 1))
    assert not limit.filter(record("no broker at %s", 2))
    assert limit.filter(record("another thing"))
    assert limit.filter(record("no broker at %s", 3, name="aiokafka.conn"))
    now = 9.9
    assert not limit.filter(record("no broker at %s", 4))
    now = 10.0
    assert limit.filter(record("no broker at %s", 5))
    assert not limit.filter(record("no broker at %s", 6))


def test_loggers_that_are_made_later_are_limited_as_well():
    said = subprocess.run([sys.executable, "-c", LATER], capture_output=True, text=True, timeout=30)
    assert said.stdout.splitlines() == ["no broker at 0"] + 3 * ["others speak"]
