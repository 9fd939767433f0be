"""Pseudonyms: the same everywhere under one secret, and never what they stand for."""

import hmac
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.data.pseudonyms import pseudonymizer, read_secret
from app.errors import DataError
from app.pan import is_card_number
from app.wire import MAX_ID_BYTES

SECRET = b"correct horse battery staple"
CARD = "4111111111111111"


@given(st.text(), st.binary(min_size=16))
def test_a_pseudonym_is_an_id_and_no_card_number(text, secret):
    pseudonym = pseudonymizer(secret)(text)
    assert pseudonym == pseudonymizer(secret)(text)
    assert pseudonym.isascii() and len(pseudonym) == 33 <= MAX_ID_BYTES
    assert not pseudonym.isdigit() and not is_card_number(pseudonym)


def test_other_texts_and_other_secrets_have_other_pseudonyms():
    pseudonym = pseudonymizer(SECRET)
    found = {pseudonym(text) for text in (CARD, CARD + " ", "4111 1111 1111 1111", "")}
    assert len(found | {pseudonymizer(SECRET + b"!")(CARD)}) == 5


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n"])
def test_the_end_of_the_line_is_no_part_of_the_secret(tmp_path, end):
    (tmp_path / "secret").write_bytes(SECRET + end)
    assert read_secret(tmp_path / "secret") == SECRET


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\r\n", "is empty"),
        (b"fifteen bytes..\n", "fewer than 16 bytes"),
        (b"two lines of text\nare no secret\n", "is not one line"),
        (b"a NUL in the midst\0 of it", "is not one line"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused_with_advice_but_not_shown(tmp_path, content, says):
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=says) as refused:
        read_secret(path)
    assert "openssl rand -hex 32" in str(refused.value)
    assert "fifteen" not in str(refused.value) and "lines of" not in str(refused.value)


@pytest.mark.parametrize("text", [CARD, "c-17", "Zoë", "a b%s"])
def test_the_documented_recipe_of_python_gives_the_same(tmp_path, text):
    path = tmp_path / "secret"
    path.write_bytes(SECRET + b"\n")
    secret = path.read_bytes().rstrip(b"\r\n")
    pseudonym = "h" + hmac.new(secret, text.encode(), "sha256").hexdigest()[:32]
    assert pseudonymizer(read_secret(path))(text) == pseudonym


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("text", [CARD, "c-17", "Zoë", "a b%s"])
def test_the_documented_recipe_of_the_shell_gives_the_same(tmp_path, text):
    path = tmp_path / "secret"
    path.write_bytes(SECRET + b"\r\n")
    recipe = (
        'printf h; printf %s "$TEXT" | openssl dgst -sha256 -r '
        '-hmac "$(tr -d \'\\r\\n\' < "$PATH_OF_SECRET")" | cut -c 1-32'
    )
    environment = {"TEXT": text, "PATH_OF_SECRET": str(path), "PATH": "/usr/bin:/bin"}
    said = subprocess.run(
        ["sh", "-c", recipe], env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == pseudonymizer(read_secret(path))(text)
