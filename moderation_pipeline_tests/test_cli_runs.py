"""The commands that start Dagster, as a user calls them, one folder for all of them; one run is a process' own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import zstandard

from moderation_pipeline.terminal.exit_codes import ExitCode
from moderation_pipeline_tests.program import Ended, moderation, own_process

COMMENTS = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which a small synthetic chat was generated."""
    folder = tmp_path_factory.mktemp("terminal")
    made = moderation(folder, "synthesize", "--comments", str(COMMENTS), "--seed", "3")
    assert made.returncode == ExitCode.OK, made.stderr
    return folder


@pytest.fixture(scope="module")
def traced(folder: Path) -> Ended:
    """Return a run of two configs, watched comment by comment."""
    return own_process(folder, "run", "-c", "hybrid", "-c", "student_only", "--trace")


def test_a_run_ends_with_the_comparison_and_the_reports_path(folder: Path, traced: Ended) -> None:
    assert traced.returncode == ExitCode.OK, traced.stderr
    *table, last = traced.stdout.rstrip().splitlines()
    assert last == f"Report: {folder / 'data' / 'results' / 'synthetic' / 'report.html'}"
    assert Path(last.removeprefix("Report: ")).is_file()
    assert [line.split()[0] for line in table if line.startswith(("hybrid", "student_only"))] == [
        "hybrid",
        "student_only",
    ]


def test_the_trace_shows_every_comment_of_every_run(traced: Ended) -> None:
    shown = [line for line in traced.stdout.splitlines() if line[14:15] == "#"]
    assert len(shown) == 2 * COMMENTS


def test_nothing_but_our_own_words_is_said_on_the_way(traced: Ended) -> None:
    assert all(line.startswith(("Moderating ", "Comparing, ")) for line in traced.stderr.splitlines())


def test_every_run_leaves_a_log_with_actions_and_costs(folder: Path, traced: Ended) -> None:
    assert traced.returncode == ExitCode.OK
    for config in ("hybrid", "student_only"):
        log = folder / "data" / "results" / "synthetic" / f"{config}.jsonl.zst"
        plain = zstandard.ZstdDecompressor().stream_reader(log.read_bytes()).read()
        entries = [json.loads(line) for line in plain.decode().splitlines()]
        assert [entry["position"] for entry in entries] == list(range(COMMENTS))
        assert all(entry["action"] and entry["decision"]["cost_usd"] == 0 for entry in entries)


def test_a_run_is_seen_by_the_commands_that_only_look(folder: Path, traced: Ended) -> None:
    assert traced.returncode == ExitCode.OK
    users = json.loads(moderation(folder, "users", "--json").stdout)
    assert {each["config"] for each in users["by_config"]} == {"hybrid", "student_only"}
    assert {each["comments"] for each in users["by_config"]} == {COMMENTS}
    (chat,) = json.loads(moderation(folder, "chats", "--json").stdout)
    assert (chat["comments"], chat["configs"]) == (COMMENTS, "hybrid, student_only")


def test_a_chats_runs_are_held_against_its_labels_as_the_scores_of_a_table_are(
    folder: Path, traced: Ended
) -> None:
    assert traced.returncode == ExitCode.OK
    read = moderation(folder, "evaluate", "synthetic", "--json", "--report", "runs.html")
    judges = {each["judge"]: each for each in json.loads(read.stdout)["judges"]}
    assert set(judges) == {"hybrid", "student_only"}
    assert all(each["rows"] == COMMENTS and 0 < each["auroc"] <= 1 for each in judges.values())
    assert "hybrid" in (folder / "runs.html").read_text("utf-8")

    not_run = moderation(folder, "evaluate", "synthetic", "--config", "expert_only")
    assert not_run.returncode == ExitCode.USAGE
    assert "moderation run synthetic --config expert_only" in not_run.stderr
    columns = moderation(folder, "evaluate", "synthetic", "--score", "ours=p")
    assert columns.returncode == ExitCode.USAGE
    assert "--text comment --label toxic" in columns.stderr


def test_what_a_run_may_do_alone_is_said_in_one_sentence_that_names_the_judge(folder: Path) -> None:
    none_yet = moderation(folder, "certify", "synthetic", "--config", "certified")
    assert none_yet.returncode == ExitCode.USAGE
    assert "moderation run synthetic -c certified" in none_yet.stderr

    assert moderation(folder, "run", "-c", "certified").returncode == ExitCode.OK
    said = moderation(folder, "certify", "synthetic", "--config", "certified")
    read = json.loads(moderation(folder, "certify", "synthetic", "--config", "certified", "--json").stdout)

    sentence = " ".join(said.stdout.split())
    assert "certified may not act alone on this chat yet: judged by the Expert (careful_rules)" in sentence
    assert "further random audits without an error" in sentence
    assert "of what it called violations" in sentence
    assert said.returncode == ExitCode.NOT_CERTIFIED
    assert read["is_certified"] is False
    assert {row["denominator"] for row in read["rows"]} == {"sanctions", "comments", "allowed"}


def test_a_changed_config_voids_what_was_certified(folder: Path) -> None:
    own = folder / "data" / "configs" / "certified.yaml"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text("extends: hybrid\nautonomy: {confidence: 0.99}\n", "utf-8")
    try:
        read = json.loads(
            moderation(folder, "certify", "synthetic", "--config", "certified", "--json").stdout
        )
    finally:
        own.unlink()
    assert "is void, for its config, Student or Expert changed since" in read["sentence"]
    assert {row["status"] for row in read["rows"]} == {"void"}


def test_an_added_table_says_aloud_what_was_guessed(folder: Path) -> None:
    (folder / "My Forum.csv").write_text("author,body\nbob,hello\nann,hi bob\n", "utf-8")
    added = moderation(folder, "add", "My Forum.csv", "--json")
    assert added.returncode == ExitCode.OK, added.stderr
    assert "as the chat 'my-forum' (from 'My Forum')" in added.stderr
    assert "The column 'body' was taken as text." in added.stderr
    (read,) = json.loads(added.stdout)
    assert (read["chat"], read["records"], read["comments"]) == ("my-forum", 2, 2)


def test_a_file_that_cannot_be_read_is_an_error_and_no_chat(folder: Path) -> None:
    (folder / "junk.bin").write_bytes(bytes(range(256)) * 8)
    added = moderation(folder, "add", "junk.bin")
    assert added.returncode == ExitCode.USAGE
    assert "junk.bin" in added.stderr
    assert "Traceback" not in added.stderr
    assert not (folder / "data" / "chats" / "junk.bin").exists()
