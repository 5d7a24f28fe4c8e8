from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from moderation_pipeline.comments.chat_files import (
    SameChatError,
    chat_file,
    chat_files,
    chat_name,
    format_beside,
    log_files,
)
from moderation_pipeline.comments.columns import ColumnsError, columns_beside
from moderation_pipeline.comments.files.file_reading import MixedFormatsError
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.comments.keeping.chat_states import chat_states
from moderation_pipeline.comments.log_spec import LogSpec, log_beside
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.terminal.added_chat import (
    ChatExistsError,
    ReservedNameError,
    SeveralDaysError,
    add_files,
)
from moderation_pipeline.terminal.named_files import NoSuchFileError, common_name, named_files
from moderation_pipeline.terminal.running.staged_chat import ROOMS, clear_up, waiting_room
from moderation_pipeline.warehouse.folder import DataFolder


def add(folder: DataFolder, *named: Path, **how: object) -> Path:
    """Add files, as if they had been read whole, and return where the chat lies."""
    with waiting_room(folder) as room:
        added = add_files(folder, room, [str(each) for each in named], **how)  # type: ignore[arg-type]
        added.staged.was_read(added.chat)
    return chat_files(folder)[added.chat]


def names(path: Path) -> list[str]:
    return sorted(each.name for each in path.iterdir())


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


def test_a_file_is_copied_under_its_slug_and_the_change_of_name_is_said(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with waiting_room(folder) as room:
        added = add_files(folder, room, [str(log(tmp_path, "My Log.csv"))])
        assert added.says.endswith("My Log.csv as the chat 'my-log' (from 'My Log').")
        assert chat_files(folder) == {}
        added.staged.was_read("my-log")
    assert chat_files(folder) == {"my-log": folder.chats / "my-log.csv"}
    assert (folder.chats / "my-log.csv").read_text("utf-8") == "text\nhello\n"


def test_a_name_of_ones_own_is_a_slug_too(tmp_path: Path) -> None:
    path = add(DataFolder(tmp_path / "data"), log(tmp_path, "x.csv"), name="../Evil")
    assert path == tmp_path / "data" / "chats" / "evil.csv"


def test_the_columns_said_on_the_command_line_are_written_beside_the_copy(tmp_path: Path) -> None:
    columns = ["text=message", "label_is_violation={column: kind, true_for: [bad]}"]
    spec = columns_beside(add(DataFolder(tmp_path / "data"), log(tmp_path, "x.csv"), columns=columns))
    assert spec is not None
    assert spec.text is not None
    assert spec.text.column == "message"
    assert spec.label_is_violation is not None
    assert spec.label_is_violation.true_for == ("bad",)


def test_a_columns_file_beside_the_log_is_taken_along(tmp_path: Path) -> None:
    source = log(tmp_path, "x.csv")
    log(tmp_path, "x.csv.columns.yaml", "text: body\n")
    spec = columns_beside(add(DataFolder(tmp_path / "data"), source))
    assert spec is not None
    assert spec.text is not None
    assert spec.text.column == "body"


def test_a_format_is_remembered_beside_the_copy_and_is_no_chat(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    assert format_beside(add(folder, log(tmp_path, "x.log"), format_name="irc")) == "irc"
    assert list(chat_files(folder)) == ["x"]


def test_another_file_of_the_same_name_is_refused_and_the_first_is_kept(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    add(folder, log(tmp_path / "one", "x.csv", "text\none\n"))
    with pytest.raises(ChatExistsError, match=r"'x' is .*x\.csv already, and .*two/x\.csv is another"):
        add(folder, log(tmp_path / "two", "x.csv", "text\ntwo\n"))
    assert chat_files(folder)["x"].read_text("utf-8") == "text\none\n"


def test_a_chat_is_replaced_when_that_is_asked_for_whatever_its_ending(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    add(folder, log(tmp_path, "x.csv"), columns=["text=text"])
    add(folder, log(tmp_path, "x.jsonl", '{"text": "other"}\n'), replace=True)
    assert names(folder.chats) == ["x.jsonl"]
    add(
        folder,
        log(tmp_path / "x", "a.csv"),
        tmp_path / "x" / "a.csv",
        log(tmp_path, "b.csv", "text\nb\n"),
        name="x",
        replace=True,
    )
    assert names(folder.chats) == ["x"]
    assert names(folder.chats / "x") == ["a.csv", "b.csv"]


def test_the_same_file_once_more_is_no_clash_and_keeps_what_was_said_of_it(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    source = log(tmp_path, "x.csv")
    assert add(folder, source, columns=["text=text"]) == add(folder, source)
    assert names(folder.chats) == ["x.csv", "x.csv.columns.yaml"]


def test_a_file_that_lies_in_the_chats_already_stays_there(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    source = log(folder.chats, "x.csv")
    assert add(folder, source) == source
    assert names(folder.chats) == ["x.csv"]


def test_what_was_not_read_whole_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with waiting_room(folder) as room:
        add_files(folder, room, [str(log(tmp_path, "x.csv"))], columns=["text=text"])
    assert not folder.root.exists()


def test_a_chat_that_is_to_be_replaced_stays_where_its_successor_was_not_read_whole(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    add(folder, log(tmp_path / "one", "x.csv", "text\none\n"))
    with waiting_room(folder) as room:
        other = log(tmp_path / "two", "x.csv", "text\ntwo\n")
        add_files(folder, room, [str(other)], columns=["text=nope"], replace=True)
    assert names(folder.chats) == ["x.csv"]
    assert chat_files(folder)["x"].read_text("utf-8") == "text\none\n"


def test_the_generated_chats_name_is_reserved(tmp_path: Path) -> None:
    with pytest.raises(ReservedNameError, match="moderation synthesize"):
        add(DataFolder(tmp_path / "data"), log(tmp_path, "Synthetic.csv"))


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
        add(folder, log(tmp_path, "x.csv"), **arguments)
    assert not folder.chats.exists()


def test_two_files_of_one_slug_in_the_folder_are_an_error_that_names_both_and_stops_no_other_chat(
    tmp_path: Path,
) -> None:
    folder = DataFolder(tmp_path)
    for name in ("x.csv", "X.jsonl", "y.csv"):
        log(folder.chats, name)
    assert list(chat_files(folder)) == ["y"]
    with pytest.raises(SameChatError, match=r"X\.jsonl and .*x\.csv would both be the chat 'x'"):
        chat_file(folder, "x")
    states = chat_states(folder)
    assert (states["x"].state, states["y"].state) == ("unreadable", "unread")
    assert "Rename or remove one of them" in states["x"].why


def test_columns_that_are_not_understood_name_their_file(tmp_path: Path) -> None:
    log(tmp_path, "x.csv.columns.yaml", "txt: body\n")
    with pytest.raises(ColumnsError, match=r"x\.csv\.columns\.yaml: txt: no such key"):
        add(DataFolder(tmp_path / "data"), log(tmp_path, "x.csv"))


def test_the_day_in_a_logs_name_and_what_is_said_beside_it_are_taken_along(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    source = log(tmp_path, "room-2024-03-30.log", "[20:00:01] <ann> hi\n")
    log(tmp_path, "room-2024-03-30.log.log.yaml", "zone: Europe/Berlin\n")
    path = add(folder, source, name="mine")
    assert log_beside(path) == LogSpec(zone="Europe/Berlin", day=date(2024, 3, 30))
    assert ingest(path, "mine").comments["sent_at"][0].isoformat() == "2024-03-30T19:00:01+00:00"
    assert chat_files(folder) == {"mine": path}
    other = log(tmp_path, "other.log", "[2024-04-01 20:00:01] <ann> ho\n")
    assert log_beside(add(folder, other, name="mine", replace=True)) == LogSpec()


def test_what_is_said_on_the_command_goes_before_what_is_said_beside_the_log(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    source = log(tmp_path, "room.log", "[20:00:01] <ann> hi\n")
    log(tmp_path, "room.log.log.yaml", "zone: Europe/Berlin\nact_bound_minutes: 3\n")
    path = add(folder, source, said={"zone": "UTC", "day": "2024-03-30"})
    assert log_beside(path) == LogSpec(zone="UTC", day=date(2024, 3, 30), act_bound_minutes=3)
    with pytest.raises(ModerationError, match="The command: zone: no zone 'Nowhere' is known"):
        add(folder, source, said={"zone": "Nowhere"})


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("https://example.org/x.log", "is an address; fetch it first"),
        ("s3://bucket/x.log", "is an address; fetch it first"),
        (".", "is a folder without a file that could be a log"),
        ("nowhere.log", "is no file that there is"),
        ("/dev/null", "is a pipe or a device, and no file"),
    ],
)
def test_what_is_no_file_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoSuchFileError, match=why):
        named_files([named], tmp_path, name=None)


@pytest.mark.parametrize(
    ("named", "chat"),
    [
        (["room-2024-03-30.log", "room-2024-03-31.log"], "room"),
        (["a.log", "b.log"], "a"),
        (["day1.irc.gz"], "day1"),
        (["2024-03-30.txt", "2024-03-31.txt"], "2024-03-30"),
    ],
)
def test_several_files_are_called_by_what_their_names_have_in_common(named: list[str], chat: str) -> None:
    assert common_name(named) == chat


MONDAY, TUESDAY = "[2024-04-01 20:00:01] <ann> hi\n", "[2024-04-02 20:00:01] <bob> ho\n"


def test_a_new_days_file_is_added_to_the_chat_of_the_name_that_is_given(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    add(
        folder,
        log(tmp_path, "monday.log", "[20:00:01] <ann> hi\n"),
        name="room",
        said={"day": "2024-04-01", "zone": "UTC"},
    )
    path = add(folder, log(tmp_path, "tuesday-2024-04-02.log", "[20:00:01] <bob> ho\n"), name="room")
    assert names(folder.chats) == ["room", "room.log.yaml"]
    assert names(path) == ["room.log", "room.log.log.yaml", "tuesday-2024-04-02.log"]
    assert log_beside(path) == LogSpec(zone="UTC")
    read = ingest(path, "room")
    assert read.comments["text"].to_list() == ["hi", "ho"]
    assert read.comments["sent_at"].dt.date().to_list() == [date(2024, 4, 1), date(2024, 4, 2)]


def test_a_log_that_was_appended_to_takes_the_place_of_what_it_was(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    source = log(tmp_path, "room.log", MONDAY)
    before = add(folder, source)
    source.write_text(MONDAY + TUESDAY)
    with waiting_room(folder) as room:
        assert "(1 grown since) to the chat 'room'" in add_files(folder, room, [str(source)]).says
    assert add(folder, source) == before
    assert before.read_text() == MONDAY + TUESDAY


def test_an_older_copy_of_a_log_takes_nothing_from_the_chat(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    path = add(folder, log(tmp_path, "room.log", MONDAY + TUESDAY))
    add(folder, log(tmp_path / "old", "room.log", MONDAY))
    assert path.read_text() == MONDAY + TUESDAY


def test_a_folder_is_a_chat_with_its_own_folders_and_without_what_is_hidden(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    log(tmp_path / "Arena", "2024/04-01.log", MONDAY)
    log(tmp_path / "Arena", "2024/04-02.log.gz", TUESDAY)
    log(tmp_path / "Arena", ".DS_Store", "x")
    path = add(folder, tmp_path / "Arena")
    assert path == folder.chats / "arena"
    assert [each.relative_to(path).as_posix() for each in log_files(path)] == [
        "2024/04-01.log",
        "2024/04-02.log.gz",
    ]


def test_files_of_one_name_from_several_folders_are_all_there(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    path = add(folder, log(tmp_path / "a", "chat.log", MONDAY), log(tmp_path / "b", "chat.log", TUESDAY))
    assert names(path) == ["chat-2.log", "chat.log"]


def test_one_day_is_not_said_of_several_files(tmp_path: Path) -> None:
    files = (log(tmp_path, "a.log", MONDAY), log(tmp_path, "b.log", TUESDAY))
    with pytest.raises(SeveralDaysError, match="2 files were named"):
        add(DataFolder(tmp_path / "data"), *files, said={"day": "2024-04-01"})


def test_files_of_different_formats_are_no_chat(tmp_path: Path) -> None:
    path = tmp_path / "mixed"
    log(path, "a.log", MONDAY)
    log(path, "b.csv", "text,user\nhi,ann\n")
    with pytest.raises(MixedFormatsError, match=r"a\.log is irc_text, b\.csv is csv"):
        ingest(path, "mixed")


def killed_while_replacing(folder: DataFolder, *, has_successor: bool) -> Path:
    """Leave the folder as a process does that is killed between taking the old chat away and being done."""
    room = folder.chats / f"{ROOMS}x"
    log(room / "old", "x.csv", "text\nold\n")
    log(room / "old", "x.csv.columns.yaml", "text: text\n")
    log(folder.chats, "x.jsonl.columns.yaml", "text: body\n")
    if has_successor:
        log(folder.chats, "x.jsonl", '{"body": "new"}\n')
    return room


@pytest.mark.parametrize(
    ("has_successor", "left"),
    [
        (False, ["x.csv", "x.csv.columns.yaml", "x.jsonl.columns.yaml"]),
        (True, ["x.jsonl", "x.jsonl.columns.yaml"]),
    ],
)
def test_a_process_that_was_killed_leaves_one_chat_the_old_or_the_new(
    tmp_path: Path, has_successor: bool, left: list[str]
) -> None:
    folder = DataFolder(tmp_path)
    killed_while_replacing(folder, has_successor=has_successor)
    clear_up(folder)
    assert names(folder.chats) == left


def test_a_room_whose_process_is_at_work_is_left_alone(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with waiting_room(folder) as room:
        clear_up(folder)
        assert room.is_dir()
