"""Which reader reads a file: by the name of its format, or by what the file begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from moderation_pipeline.comments.columns import ColumnsError, ColumnsSpec
from moderation_pipeline.comments.log_spec import LogSpec
from moderation_pipeline.comments.readers.chat_downloader import ChatDownloaderReader
from moderation_pipeline.comments.readers.chat_downloader_text import ChatDownloaderTextReader
from moderation_pipeline.comments.readers.chatterino import ChatterinoReader
from moderation_pipeline.comments.readers.chatty import ChattyReader
from moderation_pipeline.comments.readers.columnar import ArrowReader, ParquetReader
from moderation_pipeline.comments.readers.csv_table import CsvReader
from moderation_pipeline.comments.readers.jsonl import JsonlReader
from moderation_pipeline.comments.readers.line_patterns import (
    IrcTextReader,
    JustlogTextReader,
    TwitchDownloaderTextReader,
)
from moderation_pipeline.comments.readers.live_chat import LiveChatReader
from moderation_pipeline.comments.readers.messengers.discord import DiscordReader
from moderation_pipeline.comments.readers.messengers.slack import SlackReader
from moderation_pipeline.comments.readers.messengers.telegram import TelegramReader
from moderation_pipeline.comments.readers.messengers.whatsapp import WhatsAppReader
from moderation_pipeline.comments.readers.own_lines import OwnLinesReader
from moderation_pipeline.comments.readers.reader import LogReader, Reader
from moderation_pipeline.comments.readers.table import TableReader
from moderation_pipeline.comments.readers.twitch.eventsub import EventSubReader
from moderation_pipeline.comments.readers.twitch.gql_comments import GqlCommentsReader
from moderation_pipeline.comments.readers.twitch.irc import IrcReader
from moderation_pipeline.comments.readers.twitch.justlog import JustlogReader
from moderation_pipeline.comments.readers.twitch.recent_messages import RecentMessagesReader
from moderation_pipeline.comments.readers.twitch.twitchdownloader import TwitchDownloaderReader
from moderation_pipeline.comments.readers.workbook import WorkbookReader
from moderation_pipeline.comments.unread_formats import is_no_text, seems_to_be
from moderation_pipeline.errors import ModerationError, closest

READERS: Sequence[type[Reader]] = (
    ParquetReader,
    ArrowReader,
    WorkbookReader,
    EventSubReader,
    RecentMessagesReader,
    LiveChatReader,
    GqlCommentsReader,
    DiscordReader,
    TelegramReader,
    SlackReader,
    JustlogReader,
    TwitchDownloaderReader,
    ChatDownloaderReader,
    IrcReader,
    ChattyReader,
    IrcTextReader,
    ChatterinoReader,
    JustlogTextReader,
    ChatDownloaderTextReader,
    TwitchDownloaderTextReader,
    WhatsAppReader,
    OwnLinesReader,
    JsonlReader,
    CsvReader,
)
"""In the order in which they are asked: the most particular first, tables of anything last."""

FORMATS = tuple(sorted(reader.name for reader in READERS))
"""What `--format` may be."""


class UnknownFormatError(ModerationError):
    """A format's name that is none."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no format {name!r}.{closest(name, FORMATS)} Formats are: {', '.join(FORMATS)}."
        )


class UnreadableFileError(ModerationError):
    """A file in which no record could be read; it names the formats that were tried."""

    def __init__(self, path: Path, tried: Sequence[type[Reader]], reason: str, head: bytes = b"") -> None:
        if is_no_text(head):
            super().__init__(f"{path} can't be read as a chat. {seems_to_be(head).strip()}")
            return
        each = "; ".join(f"{reader.name} ({reader.describes})" for reader in tried)
        formats = each if len(tried) < len(READERS) else f"every format ({', '.join(FORMATS)})"
        super().__init__(
            f"No line of {path} could be read: {reason}. {seems_to_be(head)}Tried: {formats}. If you know its format, "
            "name it with --format (moderation add --help lists them); the columns of a table are named with --column "
            "text=NAME."
        )


class NoCommentsError(ModerationError):
    """A file that can be read and has no comment: most likely it is something else than it was taken for."""

    def __init__(self, path: Path, reader: type[Reader], found: Mapping[str, int]) -> None:
        what = ", ".join(f"{count:,} {kind}" for kind, count in found.items())
        super().__init__(
            f"{path} was taken for {reader.name} ({reader.describes}), and no comment was found in it, only: "
            f"{what}. If it is something else, name its format: --format {'|'.join(FORMATS)}. {reader.hint}"
        )


class NoSheetsError(ColumnsError):
    """A sheet that is said of a file which is no workbook."""

    def __init__(self, path: Path, sheet: str) -> None:
        super().__init__(f"{path} is no workbook (.xlsx), so it has no sheet {sheet!r}. Leave the sheet out.")


def reader_named(name: str) -> type[Reader]:
    """Return the reader of that format.

    Raises:
        UnknownFormatError: there is none of that name.
    """
    for reader in READERS:
        if reader.name == name:
            return reader
    raise UnknownFormatError(name)


def readers_for(head: bytes, columns: ColumnsSpec | None) -> list[type[Reader]]:
    """Return the readers that may read a file beginning so, the most likely first.

    Columns are said of tables alone, so where they are said, only tables are looked for, and a file that is
    neither columns nor JSON is CSV whatever its header, unless it is no text at all.
    """
    if is_no_text(head):
        return []
    if columns is not None and ChatDownloaderReader.has_acts(head):
        return [ChatDownloaderReader]
    if columns is None:
        return [reader for reader in READERS if reader.recognises(head)]
    tables = [reader for reader in READERS if issubclass(reader, TableReader) and reader.may_hold(head)]
    return [*(tables or [CsvReader])]


def made(reader: type[Reader], columns: ColumnsSpec | None, log: LogSpec, path: Path) -> Reader:
    """Return a reader for the file at `path`, told its columns if it is one of tables, else what a log's is.

    Raises:
        ColumnsError: columns are said of a file that is no table, or a sheet of one that has none.
    """
    if columns is not None and columns.sheet is not None and not issubclass(reader, WorkbookReader):
        raise NoSheetsError(path, columns.sheet)
    if issubclass(reader, TableReader):
        return reader(columns)
    if columns is not None:
        raise ColumnsError(
            f"Columns were given for {path}, but its format is {reader.name}, which is no table. Leave them "
            f"out, or name a table's format: jsonl, csv, parquet, arrow or xlsx."
        )
    assert issubclass(reader, LogReader)
    return reader(log)
