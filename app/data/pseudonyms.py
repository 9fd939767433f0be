"""Pseudonyms of ids that must not be known, such as card numbers: keyed, so nobody can try them.

A pseudonym is `h` and the first 32 hex digits of the HMAC-SHA256 of the text's UTF-8 bytes under
a secret: 33 characters, within the limit of ids, and never a card number, which has no letters.
At 128 bits two of a billion ids are the same with a chance of 1e-21.

The secret is a file of one line, whose end does not count. A live producer gets the same value
in Python with

    secret = Path("secret").read_bytes().rstrip(b"\\r\\n")
    pseudonym = "h" + hmac.new(secret, text.encode(), "sha256").hexdigest()[:32]

and in a shell, where other users of the machine may see the secret in the list of processes, with

    printf h; printf %s "$TEXT" | openssl dgst -sha256 -r \\
        -hmac "$(tr -d '\\r\\n' < "$PATH_OF_SECRET")" | cut -c 1-32
"""

import hmac
from collections.abc import Callable
from pathlib import Path

from app.errors import DataError

LEAST = 16  # bytes of a secret
DIGITS = 32  # hex digits of a pseudonym


def read_secret(path: Path) -> bytes:
    """The secret in a file, without the end of its line.

    Raises
    ------
    DataError
        There is no such file, or it holds no secret of one line and 16 bytes or more.
    """
    advice = "make one with: openssl rand -hex 32"
    try:
        secret = path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise DataError(f"the secret {path} cannot be read: {error.strerror}; {advice}") from None
    if not secret:
        raise DataError(f"the secret {path} is empty; {advice}")
    if any(byte in secret for byte in b"\r\n\0"):
        raise DataError(f"the secret {path} is not one line of text; {advice}")
    if len(secret) < LEAST:
        raise DataError(f"the secret {path} has fewer than {LEAST} bytes; {advice}")
    return secret


def pseudonymizer(secret: bytes) -> Callable[[str], str]:
    """What makes pseudonyms under a secret: the same text has the same one everywhere.

    >>> pseudonymizer(b"0123456789abcdef")("4111111111111111")
    'h6ab68ca2a9a5093ababdf00856c5692b'
    """

    def pseudonym(text: str) -> str:
        return "h" + hmac.digest(secret, text.encode(), "sha256").hex()[:DIGITS]

    return pseudonym
