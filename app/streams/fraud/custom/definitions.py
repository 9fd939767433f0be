"""The file that declares fields: which words and numbers of a transaction the models see."""

import tomllib
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from app.errors import SettingsError
from app.streams.fraud.features import BY_NAME
from app.streams.fraud.own_fields import COLUMNS, MOST_NUMBERS, MOST_WORDS, NAME, TAKEN
from app.streams.fraud.rules import RULES

# What is derived from a field, and how. Raised when the same file means other cells.
ALGORITHM = 1
PUBLIC = b"weir"  # the key of hashes where no secret one is set

WORD = ("", "_amount", "_rate", "_usual")  # suffixes of the features of a word
CUSTOMER = ("_first", "_count", "_ratio")  # and of those that ask what the customer used before

Phrase = Annotated[str, Meta(max_length=200)]


class Word(Struct, frozen=True, forbid_unknown_fields=True):
    """A field that holds a text: a category, a channel, a device.

    `phrase` is how a reason names it, with `{}` where the text goes. `customer` asks for what the
    customer's own earlier transactions say about the word as well.
    """

    name: str
    phrase: Phrase = ""
    customer: bool = False

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features that are derived from it."""
        return tuple(self.name + end for end in (*WORD, *(CUSTOMER if self.customer else ())))


class Number(Struct, frozen=True, forbid_unknown_fields=True):
    """A field that holds a number, with its unit as people read it."""

    name: str
    unit: Annotated[str, Meta(max_length=32)] = ""
    phrase: Phrase = ""

    @property
    def features(self) -> tuple[str, ...]:
        """The name of the feature that is derived from it."""
        return (self.name,)


class Fields(Struct, frozen=True):
    """The fields that a file declares, in its order, and the key with which words are hashed."""

    words: tuple[Word, ...] = ()
    numbers: tuple[Number, ...] = ()
    key: bytes = field(default=PUBLIC)

    def __repr__(self) -> str:
        """Without the key."""
        return f"Fields({self.words!r}, {self.numbers!r})"

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.words or self.numbers)

    @property
    def public(self) -> bool:
        """Whether words are hashed with a key that everybody knows."""
        return self.key == PUBLIC

    @property
    def kinds(self) -> dict[str, type]:
        """What each holds, by name: str or float."""
        words = dict.fromkeys((word.name for word in self.words), str)
        return {**words, **dict.fromkeys((number.name for number in self.numbers), float)}

    @property
    def digest(self) -> str:
        """8 hexadecimal digits of all that determines a feature's value; '' without a field.

        Names, kinds, what is derived and how, and the key; not how people read them.
        """
        if not self:
            return ""
        plain = [ALGORITHM, [one.features for one in self.words], [n.name for n in self.numbers]]
        return blake2b(msgspec.msgpack.encode(plain), key=self.key, digest_size=4).hexdigest()


NONE = Fields()


class _File(Struct, forbid_unknown_fields=True):
    word: list[Word] = []
    number: list[Number] = []


def read_fields(path: str | Path, secret: bytes = b"") -> Fields:
    """The fields that a file declares. `secret` is the key of the words' hashes, if there is one.

    Raises
    ------
    SettingsError
        Says in a sentence what is wrong with the file.
    """
    try:
        text = Path(path).read_bytes().decode()
        read = tomllib.loads(text)
        for kind in ("word", "number"):
            if kind in read and not isinstance(read[kind], list):
                raise ValueError(f"write [[{kind}]], with two brackets, before each {kind}")
        found = msgspec.convert(read, _File)
        return checked(found.word, found.number, secret)
    except OSError as error:
        raise SettingsError(f"WEIR_FIELDS: {path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"WEIR_FIELDS: {path} is not TOML: {error}") from None
    except (msgspec.ValidationError, ValueError) as error:
        raise SettingsError(f"WEIR_FIELDS: {path}: {error}") from None


def checked(words: list[Word], numbers: list[Number], secret: bytes = b"") -> Fields:
    """These as the fields of a process, with a phrase each. Raises ValueError, a sentence."""
    if not words and not numbers:
        raise ValueError("it declares no field: write [[word]] or [[number]] and a name")
    if len(words) > MOST_WORDS or len(numbers) > MOST_NUMBERS:
        raise ValueError(
            f"it declares {len(words)} words and {len(numbers)} numbers; "
            f"at most {MOST_WORDS} and {MOST_NUMBERS} are possible"
        )
    _check_names(words, numbers)
    return Fields(
        tuple(Word(one.name, _phrase(one), one.customer) for one in words),
        tuple(Number(one.name, one.unit, _phrase(one)) for one in numbers),
        key_of(secret),
    )


def key_of(secret: bytes) -> bytes:
    """The key of the words' hashes: 32 bytes of a secret of any length, or the public one."""
    return blake2b(secret, digest_size=32).digest() if secret else PUBLIC


def _check_names(words: list[Word], numbers: list[Number]) -> None:
    taken = dict.fromkeys(BY_NAME, "a feature's already")
    taken |= dict.fromkeys((rule.hit.__name__ for rule in RULES), "a rule's already")
    declared: list[Word | Number] = [*words, *numbers]
    for one in declared:
        _check_name(one)
        for name in one.features:
            if name in taken:
                raise ValueError(f"the name {name!r} is {taken[name]}; choose another name")
            taken[name] = "there twice" if name == one.name else f"that of a feature of {one.name}"


def _check_name(one: Word | Number) -> None:
    name, kind = one.name, "word" if isinstance(one, Word) else "number"
    if not NAME.fullmatch(name):
        raise ValueError(
            f"the name {name!r} of a {kind} has to be a small letter and then "
            "small letters, digits or _, 32 at most"
        )
    if kind == "number" and name in COLUMNS:
        raise ValueError(f"{name!r} is a word: declare it as [[word]]")
    if name in TAKEN:
        raise ValueError(
            f"the name {name!r} is a field that Weir reads itself; choose another name"
        )


def _phrase(one: Word | Number) -> str:
    """How reasons name a field: as the file says, or by its name."""
    phrase = one.phrase or f"{one.name.replace('_', ' ')} {{}}"
    rest = phrase.replace("{}", "", 1)
    if rest == phrase or "{" in rest or "}" in rest:
        raise ValueError(
            f"the phrase of {one.name!r} needs {{}} once, where the value goes, and no other braces"
        )
    return phrase
