"""What a file that no reader reads seems to be, and what its owner can do: another export, another tool.

Which reader reads a file is decided in `formats.py`.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Seeming(NamedTuple):
    """How a kind of file begins, what it is, and what to do with it."""

    begins: re.Pattern[bytes]
    what: str
    instead: str


def _seeming(begins: bytes, what: str, instead: str) -> Seeming:
    return Seeming(re.compile(begins, re.DOTALL | re.IGNORECASE), what, instead)


CLOCK = rb"\d{1,2}:\d\d(?::\d\d)?(?:[ \xe2\x80\xaf]{0,3}[ap]\.?m\.?)?"
NO_TEXT = (
    _seeming(
        rb"PK\x03\x04",
        "a ZIP archive, a document or a workbook of another kind (.ods)",
        "Unpack it, or save its table as .xlsx",
    ),
    _seeming(
        rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "a workbook of an old Excel (.xls), or one that has a password",
        "Save it as .xlsx, without a password",
    ),
    _seeming(rb"%PDF", "a PDF", "Export the chat as text, CSV or JSON"),
    _seeming(rb"SQLite format 3\x00", "a SQLite database", "Export its table as CSV"),
    _seeming(
        rb"7z\xbc\xaf|Rar!\x1a|BZh[1-9]1AY|\xfd7zXZ",
        "a compressed file",
        "Unpack it; gzip and zstd are read as they are",
    ),
    _seeming(rb"\x1f\x8b\x08|\x28\xb5\x2f\xfd", "compressed twice", "Unpack it once"),
    _seeming(
        rb"FEA1",
        "Feather as it was before 2020",
        "Write it anew: pandas.read_feather('old.feather').to_parquet('new.parquet')",
    ),
    _seeming(
        rb"\x80[\x02-\x05](?:\x95|[}\](cK])",
        "a pickle, and none is read, for a pickle can run any program",
        "If you trust it, write its table as Parquet: pandas.read_pickle('old.pkl').to_parquet('new.parquet')",
    ),
    _seeming(
        rb"\x93NUMPY|\x89HDF\r\n|Obj\x01|ORC(?=.{0,200}\x00)|(?:RDX[23]\n)?X\n\x00\x00\x00",
        "a file of NumPy, HDF5, Avro, ORC or R",
        "Write its table as CSV or Parquet",
    ),
    _seeming(
        rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|\x7fELF", "a picture or a program", "Name a file of texts"
    ),
)
"""What is no text, whatever a program that looks for columns would find in it."""

SEEMINGS = (
    *NO_TEXT,
    _seeming(
        rb"\s*(?:<!doctype html|<html)",
        "a web page",
        "TwitchDownloader and DiscordChatExporter export JSON too, justlog and rustlog serve it at ?json",
    ),
    _seeming(rb"\s*<\?xml|\s*<", "XML", "Export the chat as text, CSV or JSON"),
    _seeming(
        rb"\s*(?:WEBVTT|\[Script Info\]|1\r?\n\d\d:\d\d:\d\d,\d)",
        "subtitles",
        "yt-dlp --skip-download --write-subs --sub-langs live_chat writes the chat itself",
    ),
    _seeming(
        rb"\s*={20,}\r?\nGuild: ",
        "DiscordChatExporter's plain text",
        "Export the channel again as JSON, which has ids and whole messages",
    ),
    _seeming(
        rb"\s*\{",
        "one JSON document",
        "Its records must lie in an array, or one a line; turn them into JSONL and name the columns",
    ),
    _seeming(
        rb"[^\n]{0,200}" + CLOCK + rb"[^\n]{0,80}[:>] ",
        "a log of lines in a form of its own",
        "Say where what is in a line: --line '[{time:%H:%M:%S}] <{user_name}> {text}', with --day where no line has "
        "a date",
    ),
    _seeming(
        rb"(?:[^\s:,;|][^:\n,;|]{0,39}: [^\n]*\n){2}",
        "lines of a name and a text",
        "Read them with --line '{user_name}: {text}'; TwitchDownloader writes times too if it is told to",
    ),
)


ZIP_MAGIC = b"PK\x03\x04"
PART_OF_A_ZIP = re.compile(re.escape(ZIP_MAGIC) + rb".{22}(..)(..)", re.DOTALL)
OF_OFFICE = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"customXml/", b"xl/")
"""How the parts of a workbook are called; a document has word/ among them, and no other archive begins with them."""


def is_workbook(head: bytes) -> bool:
    """Return whether a file that begins so is an Excel workbook: a ZIP whose parts are under `xl/`."""
    if not head.startswith(ZIP_MAGIC):
        return False
    for at, found in enumerate(PART_OF_A_ZIP.finditer(head)):
        name = head[found.end() : found.end() + int.from_bytes(found[1], "little")]
        if name.startswith(b"xl/"):
            return True
        if name.startswith((b"word/", b"ppt/")) or (at == 0 and not name.startswith(OF_OFFICE)):
            return False
    return False


def is_no_text(head: bytes) -> bool:
    """Return whether a file that begins so is an archive, a document or a database, and no workbook that is read."""
    return not is_workbook(head) and any(seeming.begins.match(head[:4_096]) for seeming in NO_TEXT)


def seems_to_be(head: bytes) -> str:
    """Return in a sentence or two what a file that begins so seems to be, and what to do; nothing if unknown."""
    for seeming in SEEMINGS:
        if seeming.begins.match(head[:4_096]):
            return f"It seems to be {seeming.what}. {seeming.instead}. "
    return ""
