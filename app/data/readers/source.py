"""The bytes and the lines of a file, whatever it is compressed with, in bounded memory."""

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from app.errors import DataError

LONGEST = 1 << 20  # characters of a line, or bytes of a line of JSON

# The first bytes of what a codec wrote: the ending of a name may lie.
MAGIC = {
    "gzip": b"\x1f\x8b",
    "zstd": b"\x28\xb5\x2f\xfd",
    "zip": b"PK\x03\x04",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\0",
}
CODECS = {".gz": "gzip", ".zst": "zstd", ".zip": "zip", ".bz2": "bzip2", ".xz": "xz"}
BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError)


def codec_of(path: Path) -> str:
    """What a file is compressed with, by its first bytes; "" for nothing.

    Raises
    ------
    DataError
        There is no such file, or it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    return next((codec for codec, magic in MAGIC.items() if start.startswith(magic)), "")


def inner_name(path: Path, codec: str) -> str:
    """The name of the file inside, whose ending says its format.

    >>> inner_name(Path("payments.csv.gz"), "gzip"), inner_name(Path("payments.csv"), "")
    ('payments.csv', 'payments.csv')
    """
    name = path.name
    if path.suffix.lower() in CODECS:
        name = path.stem
    if codec == "zip" and "." not in name:
        with _readable(path), zipfile.ZipFile(path) as archive:
            name = _only_member(archive, path).filename.rpartition("/")[2]
    return name


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, decompressed as they are read. Raises DataError where it is damaged."""
    codec = codec_of(path)
    with ExitStack() as stack, _readable(path):
        yield _reader(path, codec, stack)


def _reader(path: Path, codec: str, stack: ExitStack) -> IO[bytes]:
    file: Any
    if codec == "zip":
        archive = stack.enter_context(zipfile.ZipFile(path))
        file = archive.open(_only_member(archive, path))
    elif codec == "zstd":
        file = _zstd(path)
    else:
        openers: dict[str, Any] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
        file = openers.get(codec, open)(path, "rb")
    stack.callback(file.close)
    buffered: IO[bytes] = file
    return buffered


def _zstd(path: Path) -> Any:
    try:
        from pyarrow import CompressedInputStream, OSFile
    except ImportError:
        raise DataError("zstd needs pyarrow; install it with: pip install 'weir[data]'") from None
    return io.BufferedReader(CompressedInputStream(OSFile(str(path)), "zstd"), 1 << 16)


def _only_member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    members = [one for one in archive.infolist() if not one.is_dir()]
    members = [one for one in members if not one.filename.startswith("__MACOSX/")]
    if len(members) != 1:
        names = ", ".join(one.filename for one in members[:5])
        raise DataError(
            f"{path} has {len(members)} files in it ({names}); unpack it and name one of them"
        )
    return members[0]


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except DAMAGE as error:
        raise DataError(f"{path} is damaged or cannot be read: {error}") from None


@contextmanager
def opened_text(path: Path, encoding: str) -> Iterator[io.TextIOWrapper]:
    """Text with its line ends. Bytes that are no text of the encoding become lone surrogates.

    Without an encoding it is that of the byte order mark, else UTF-8.
    """
    with opened(path) as binary:
        file = binary if hasattr(binary, "peek") else io.BufferedReader(binary)  # type: ignore[type-var]
        chosen = encoding_of(file.peek(4)[:4], encoding)
        with io.TextIOWrapper(file, chosen, "surrogateescape", newline="") as text:
            try:
                yield text
            except UnicodeError as error:
                raise DataError(
                    f"{path} cannot be read as {chosen}: {error.__class__.__name__}; --encoding "
                    "names another encoding, such as latin-1"
                ) from None


def encoding_of(start: bytes, given: str = "") -> str:
    """The encoding that was given, else that of a byte order mark, else UTF-8."""
    marked = next((name for mark, name in BOMS.items() if start.startswith(mark)), "utf-8")
    return given or marked


def check_encoding(name: str) -> None:
    """Refuse what is no encoding of texts. Raises DataError."""
    try:
        " ".encode(name)
    except LookupError:
        raise DataError(
            f"--encoding {name!r} is none that is known; write for example latin-1 or cp1252"
        ) from None


def lines(file: Any, path: Path) -> Iterator[Any]:
    """The lines of text or bytes, with their ends. Raises DataError at one that never ends."""
    number, read = 0, file.readline
    while line := read(LONGEST):
        number += 1
        if len(line) == LONGEST:
            raise DataError(
                f"line {number} of {path} is longer than {LONGEST:,} characters: this is no file "
                "of lines, or a quote is open"
            )
        yield line
