from __future__ import annotations

from pathlib import Path

import pytest

from moderation_pipeline.comments.files.rooms import room_of
from moderation_pipeline.comments.ingest import Ingested, ingest


def folder(tmp_path: Path, **files: str) -> Ingested:
    for name, content in files.items():
        path = tmp_path / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return ingest(tmp_path / "logs", "chat")


@pytest.mark.parametrize(
    ("name", "room"),
    [
        ("#Room.log", "room"),
        ("#room-2024-03-30.log", "room"),
        ("net_#room_20240330.log", "room"),
        ("irc.net.#room.weechatlog", "room"),
        ("room-2024-03-30.log", "room"),
        ("2024-03-30_room.log.gz", "room"),
        ("net/#room/2024-03-30.log", "room"),
        ("room/2024-03-30.log", "room"),
        ("2024-03-30.log", None),
        ("part-1.log", None),
        ("room.log", None),
    ],
)
def test_a_name_tells_a_room_by_its_mark_or_beside_a_day(name: str, room: str | None) -> None:
    assert room_of(name) == room


ACTED = "[12:00:01] <ann> bad\n[12:00:09] *** ann was kicked by judge (enough)\n[12:00:10] <bob> hi\n"


def test_who_is_put_out_of_one_room_is_not_put_out_of_another(tmp_path: Path) -> None:
    other = "[12:00:05] <ann> fine\n[12:00:06] <cy> hi\n"
    ingested = folder(tmp_path, **{"one/2024-03-30.log": ACTED, "two/2024-03-30.log": other})
    rows = ingested.comments.select("channel", "text", "label_is_violation").rows()
    assert ("one", "bad", True) in rows
    assert ("two", "fine", False) in rows


def test_files_of_one_room_are_the_chat_also_where_one_has_another_name(tmp_path: Path) -> None:
    after = "[00:00:05] *** ann was kicked by judge (enough)\n[00:00:06] <bob> hi\n"
    days = {"first.log": "[2024-03-30 23:59:58] <ann> bad\n", "room-2024-03-31.log": after}
    ingested = folder(tmp_path, **days)
    assert ingested.comments["channel"].unique().to_list() == ["chat"]
    assert ingested.comments.select("text", "label_is_violation").row(0) == ("bad", True)
