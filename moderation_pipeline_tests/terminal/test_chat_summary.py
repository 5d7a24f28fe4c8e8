"""What `moderation add` shows of a chat: that its owner can see at once whether it was understood."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from moderation_pipeline.comments.formats import FORMATS
from moderation_pipeline.terminal.chat_summary import ReadingObserver, lines_of, summary_of
from moderation_pipeline.terminal.progress_view import run_observer
from moderation_pipeline.warehouse.folder import DataFolder

TABLE = """id,author,mod,message,bad,when
1,ann,0,hello \x1b[31mred,0,2026-03-30T10:00:00Z
2,bob,1,go away,1,2026-03-30T10:00:05Z
3,,0,who am i,,2026-03-30T10:01:00Z
"""


def add(tmp_path: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "moderation_pipeline.cli", "add", *arguments],
        env={**os.environ, "MODERATION_DATA": str(tmp_path / "data")},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_was_understood_is_shown_and_given_to_scripts(tmp_path: Path) -> None:
    table = tmp_path / "forum.csv"
    table.write_text(TABLE)
    columns = ["--column", "text=message", "--column", "user_id=author", "--column", "sent_at=when"]
    columns += ["--column", "label_is_violation={column: bad, true_for: [1], null_for: ['']}"]
    added = add(tmp_path, str(table), *columns, "--json")
    assert added.returncode == 0, added.stderr
    (summary,) = json.loads(added.stdout)
    assert (summary["records"], summary["comments"], summary["users"], summary["without_user"]) == (
        3,
        3,
        2,
        1,
    )
    assert summary["first_sent_at"] == "2026-03-30T10:00:00+00:00"
    assert summary["labels"]["by_value"] == {"no violation": 1, "violation": 1}
    assert summary["labels"]["violation_share"] == 0.5
    assert [each["text"] for each in summary["first_comments"]][1:] == ["go away", "who am i"]

    seen = ReadingObserver(run_observer(trace=False, as_json=True))
    told = "\n".join(lines_of(summary_of(DataFolder(tmp_path / "data"), "forum", seen)))
    assert "2026-03-30T10:00:00+00:00 to 2026-03-30T10:01:00+00:00 (UTC)" in told
    assert "50.00% of 2 are violations" in told
    assert "1 comments of nobody known" in told
    assert "\x1b" not in told


def test_standard_input_is_a_chat_and_needs_a_name(tmp_path: Path) -> None:
    lines = "[2026-03-30 20:00:01] <ann> hi\n[2026-03-30 20:00:02] <bob> ho\n"
    added = add(tmp_path, "-", "--name", "evening", stdin=lines)
    assert added.returncode == 0, added.stderr
    assert "2 comments" in added.stdout
    assert "ann: hi" in added.stdout
    nameless = add(tmp_path, "-", stdin=lines)
    assert (nameless.returncode, "needs a name" in nameless.stderr) == (2, True)


def test_a_file_without_comments_is_an_error_and_leaves_nothing_behind(tmp_path: Path) -> None:
    log = tmp_path / "empty.log"
    log.write_text("@room-id=1 :tmi.twitch.tv ROOMSTATE #arena\n" * 3)
    added = add(tmp_path, str(log))
    assert added.returncode == 2
    assert "no comment was found in it" in added.stderr
    assert "Next:" not in added.stdout + added.stderr
    assert not (tmp_path / "data" / "chats").exists()


def test_the_help_names_every_format(tmp_path: Path) -> None:
    told = add(tmp_path, "--help").stdout
    assert [name for name in FORMATS if name not in told] == []
