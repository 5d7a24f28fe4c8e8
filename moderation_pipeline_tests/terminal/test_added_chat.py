from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from moderation_pipeline.comments.chat_files import SameChatError, chat_files, chat_name, format_beside
from moderation_pipeline.comments.columns import ColumnsError, columns_beside
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.comments.log_spec import LogSpec, log_beside, log_path
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.terminal.added_chat import (
    ChatExistsError,
    NoSuchFileError,
    ReservedNameError,
    add_file,
    source_of,
)
from moderation_pipeline.warehouse.folder import DataFolder


def log(folder: Path, name: str, content: str = "text\nhello\n") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    return path


@pytest.mark.parametrize(
    ("file_name", "chat"),
    [
        ("stream.irc.gz", "stream"),
        ("My Log (2).csv", "my-log-2"),
        ("2026-01-02.txt", "2026-01-02"),
        ("Ünïcode.JSONL.zst", "unicode"),
        ("noending", "noending"),
        ("a|b[0].csv", "a-b-0"),
        ("...csv", "chat"),
    ],
)
def test_a_chat_is_named_after_its_file_as_a_slug(file_name: str, chat: str) -> None:
    assert chat_name(Path(file_name)) == chat


def test_a_file_is_copied_under_its_slug_and_the_change_of_name_is_known(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    added = add_file(folder, log(tmp_path, "My Log.csv"))
    assert (added.chat, added.wanted, added.is_renamed) == ("my-log", "My Log", True)
    assert chat_files(folder) == {"my-log": folder.chats / "my-log.csv"}
    assert added.path.read_text("utf-8") == "text\nhello\n"


def test_a_name_of_ones_own_is_a_slug_too(tmp_path: Path) -> None:
    added = add_file(DataFolder(tmp_path / "data"), log(tmp_path, "x.csv"), name="../Evil")
    assert added.path == tmp_path / "data" / "chats" / "evil.csv"


def test_the_columns_said_on_the_command_line_are_written_beside_the_copy(tmp_path: Path) -> None:
    columns = ["text=message", "label_is_violation={column: kind, true_for: [bad]}"]
    added = add_file(DataFolder(tmp_path / "data"), log(tmp_path, "x.csv"), columns=columns)
    spec = columns_beside(added.path)
    assert spec is not None
    assert spec.text is not None
    assert spec.text.column == "message"
    assert spec.label_is_violation is not None
    assert spec.label_is_violation.true_for == ("bad",)


def test_a_columns_file_beside_the_log_is_taken_along(tmp_path: Path) -> None:
    source = log(tmp_path, "x.csv")
    log(tmp_path, "x.csv.columns.yaml", "text: body\n")
    spec = columns_beside(add_file(DataFolder(tmp_path / "data"), source).path)
    assert spec is not None
    assert spec.text is not None
    assert spec.text.column == "body"


def test_a_format_is_remembered_beside_the_copy_and_is_no_chat(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    added = add_file(folder, log(tmp_path, "x.log"), format_name="irc")
    assert format_beside(added.path) == "irc"
    assert list(chat_files(folder)) == ["x"]


def test_another_file_of_the_same_name_is_refused_and_the_first_is_kept(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    add_file(folder, log(tmp_path / "one", "x.csv", "text\none\n"))
    with pytest.raises(ChatExistsError, match=r"'x' is .*x\.csv already, and .*two/x\.csv is another"):
        add_file(folder, log(tmp_path / "two", "x.csv", "text\ntwo\n"))
    assert chat_files(folder)["x"].read_text("utf-8") == "text\none\n"


def test_a_chat_is_replaced_when_that_is_asked_for_whatever_its_ending(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    add_file(folder, log(tmp_path, "x.csv"), columns=["text=text"])
    add_file(folder, log(tmp_path, "x.jsonl", '{"text": "other"}\n'), replace=True)
    assert [path.name for path in folder.chats.iterdir()] == ["x.jsonl"]


def test_the_same_file_once_more_is_no_clash(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    source = log(tmp_path, "x.csv")
    assert add_file(folder, source).path == add_file(folder, source).path


def test_a_file_that_lies_in_the_chats_already_is_not_taken_back(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    source = log(folder.chats, "x.csv")
    add_file(folder, source).take_back()
    assert source.exists()


def test_an_added_file_can_be_taken_back_with_all_that_lies_beside_it(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    add_file(folder, log(tmp_path, "x.csv"), columns=["text=text"]).take_back()
    assert list(folder.chats.iterdir()) == []


def test_the_generated_chats_name_is_reserved(tmp_path: Path) -> None:
    with pytest.raises(ReservedNameError, match="moderation synthesize"):
        add_file(DataFolder(tmp_path / "data"), log(tmp_path, "Synthetic.csv"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"format_name": "ircc"}, "There is no format 'ircc'"),
        ({"columns": ["message"]}, "--column 'message' is not of the form OURS=THEIRS"),
        ({"columns": ["txt=message", "text=m"]}, "Did you mean 'text'?"),
    ],
)
def test_nothing_is_copied_when_something_is_wrong(
    tmp_path: Path, arguments: dict[str, object], said: str
) -> None:
    folder = DataFolder(tmp_path / "data")
    with pytest.raises((ModerationError, ValueError), match=said.replace("?", r"\?")):
        add_file(folder, log(tmp_path, "x.csv"), **arguments)  # type: ignore[arg-type]
    assert not folder.chats.exists()


def test_two_files_of_one_slug_in_the_folder_are_an_error_that_names_both(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    log(folder.chats, "x.csv")
    log(folder.chats, "X.jsonl")
    with pytest.raises(SameChatError, match=r"X\.jsonl and .*x\.csv would both be the chat 'x'"):
        chat_files(folder)


def test_columns_that_are_not_understood_name_their_file(tmp_path: Path) -> None:
    log(tmp_path, "x.csv.columns.yaml", "txt: body\n")
    with pytest.raises(ColumnsError, match=r"x\.csv\.columns\.yaml: txt: no such key"):
        add_file(DataFolder(tmp_path / "data"), log(tmp_path, "x.csv"))


def test_the_day_in_a_logs_name_and_what_is_said_beside_it_are_taken_along(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    source = log(tmp_path, "room-2024-03-30.log", "[20:00:01] <ann> hi\n")
    log(tmp_path, "room-2024-03-30.log.log.yaml", "zone: Europe/Berlin\n")
    added = add_file(folder, source, name="mine")
    assert log_beside(added.path) == LogSpec(zone="Europe/Berlin", day=date(2024, 3, 30))
    assert ingest(added.path, "mine").comments["sent_at"][0].isoformat() == "2024-03-30T19:00:01+00:00"
    assert chat_files(folder) == {"mine": added.path}
    again = add_file(folder, source)
    assert again.files == (again.path, log_path(again.path))
    add_file(
        folder, log(tmp_path, "other.log", "[2024-04-01 20:00:01] <ann> ho\n"), name="mine", replace=True
    )
    assert log_beside(added.path) == LogSpec()


def test_the_old_chat_stays_where_the_one_that_is_to_replace_it_can_not_be_read(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    added = add_file(folder, log(tmp_path, "x.csv", "text\none\n"))
    with pytest.raises(ModerationError, match="nope"):
        add_file(folder, log(tmp_path, "x.tsv", "text\ntwo\n"), columns=["text=nope"], replace=True)
    assert added.path.read_text("utf-8") == "text\none\n"
    assert chat_files(folder) == {"x": added.path}


def test_what_is_said_on_the_command_goes_before_what_is_said_beside_the_log(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    source = log(tmp_path, "room.log", "[20:00:01] <ann> hi\n")
    log(tmp_path, "room.log.log.yaml", "zone: Europe/Berlin\nact_bound_minutes: 3\n")
    added = add_file(folder, source, said={"zone": "UTC", "day": "2024-03-30"})
    assert log_beside(added.path) == LogSpec(zone="UTC", day=date(2024, 3, 30), act_bound_minutes=3)
    with pytest.raises(ModerationError, match="The command: zone: no zone 'Nowhere' is known"):
        add_file(folder, source, said={"zone": "Nowhere"})


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("https://example.org/x.log", "is an address; fetch it first"),
        ("s3://bucket/x.log", "is an address; fetch it first"),
        (".", "is a folder; a chat is one file"),
        ("nowhere.log", "is no file that there is"),
    ],
)
def test_what_is_no_file_is_told_what_to_do(named: str, why: str) -> None:
    with pytest.raises(NoSuchFileError, match=why), source_of(named, None):
        pass
