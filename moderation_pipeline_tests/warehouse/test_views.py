from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

import duckdb
import polars as pl
import pytest

from moderation_pipeline.warehouse.files import partition_path
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import (
    ACTION_LOG,
    COMMENTS,
    EXPERT_AUDITS,
    INGESTION,
    MEMORY_SNAPSHOT,
    METRIC_HISTORY,
    METRICS,
    STUDENT_DECISIONS,
    TABLES,
    USER_STATE,
    WHAT_IF,
    Table,
)
from moderation_pipeline.warehouse.views import ANSWERS, QUESTIONS, connect_in_memory, query
from moderation_pipeline_tests.warehouse.rows import rows_of, write_table


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


def store(folder: DataFolder, table: Table, *rows: Mapping[str, object]) -> None:
    """Write rows of the run arena|hybrid, or of the chat arena."""
    keys = {"chat": "arena"} if table.partition == "chat" else {"chat": "arena", "config": "hybrid"}
    frame = rows_of(table, *({**keys, **row} for row in rows))
    write_table(frame, folder, table, "arena", keys.get("config"))


@pytest.mark.parametrize("view", [*TABLES, *QUESTIONS])
def test_every_view_of_an_empty_warehouse_answers_with_its_columns_and_no_rows(
    folder: DataFolder, view: str
) -> None:
    answer = query(folder, f"select * from {view}")
    assert answer.height == 0
    assert answer.columns
    if view in TABLES:
        assert answer.columns == list(TABLES[view].schema)


def test_a_view_shows_all_partitions_of_its_table(folder: DataFolder) -> None:
    for chat in ("arena", "dash"):
        write_table(rows_of(COMMENTS, {"chat": chat, "comment_id": "c1"}), folder, COMMENTS, chat)
    answer = query(folder, "select chat, comment_id from comments order by chat")
    assert answer.rows() == [("arena", "c1"), ("dash", "c1")]


def test_a_partition_from_before_a_column_was_added_has_nulls_in_the_view(folder: DataFolder) -> None:
    path = write_table(rows_of(COMMENTS, {"chat": "arena", "text": "hi"}), folder, COMMENTS, "arena")
    pl.read_parquet(path).drop("is_me").write_parquet(path)
    assert query(folder, "select text, is_me from comments").rows() == [("hi", None)]


@pytest.mark.parametrize("name", ["it's here", "a [0] b", "star*?", 'quo"te', "ünï"])
def test_the_data_folder_may_be_called_anything(tmp_path: Path, name: str) -> None:
    folder = DataFolder(tmp_path / name)
    write_table(rows_of(COMMENTS, {"chat": "arena", "text": "hi"}), folder, COMMENTS, "arena")
    assert query(folder, "select text from comments").rows() == [("hi",)]


def test_disagreements_lay_both_plans_beside_the_text(folder: DataFolder) -> None:
    store(
        folder,
        COMMENTS,
        {"comment_id": "c1", "text": "kill the boss"},
        {"comment_id": "c2", "text": "hello"},
    )
    store(
        folder,
        STUDENT_DECISIONS,
        {"comment_id": "c1", "action": "ban", "category": "threat"},
        {"comment_id": "c2", "action": "allow", "category": "none"},
    )
    store(
        folder,
        EXPERT_AUDITS,
        {"comment_id": "c1", "action": "allow", "category": "none", "agrees": False},
        {"comment_id": "c2", "action": "allow", "category": "none", "agrees": True},
    )
    answer = query(folder, "select text, student_action, expert_action from disagreements")
    assert answer.rows() == [("kill the boss", "ban", "allow")]


def test_sanctioned_users_are_those_against_whom_something_was_done(folder: DataFolder) -> None:
    nothing = {"warnings": 0, "deletions": 0, "timeouts": 0, "bans": 0}
    store(
        folder,
        USER_STATE,
        {"user_id": "calm", **nothing},
        {"user_id": "warned", **nothing, "warnings": 1},
        {"user_id": "banned", **nothing, "bans": 1},
    )
    answer = query(folder, "select user_id from sanctioned_users order by user_id")
    assert answer["user_id"].to_list() == ["banned", "warned"]


def test_sanctioned_users_tell_who_was_sanctioned_for_a_comment_labelled_innocent(folder: DataFolder) -> None:
    user = {"channel": "arena", "user_id": "u1"}
    labels = {"mild": False, "rude": True, "unknown": None, "silenced": False, "fine": False}
    rows: list[dict[str, object]] = [
        {"comment_id": key, "label_is_violation": is_violation, "label_source": "moderators"}
        for key, is_violation in labels.items()
    ]
    store(folder, COMMENTS, *rows)
    actions = {"mild": "timeout", "rude": "delete", "unknown": "ban", "silenced": "ban", "fine": "allow"}
    store(
        folder,
        ACTION_LOG,
        *(
            {**user, "comment_id": key, "action": action, "under_sanction": key == "silenced"}
            for key, action in actions.items()
        ),
    )
    store(folder, USER_STATE, {**user, "warnings": 0, "deletions": 1, "timeouts": 1, "bans": 1})
    answer = query(
        folder,
        "select sanctions_checked, wrongful_sanctions, wrongful_timeouts_and_bans, label_source from sanctioned_users",
    )
    assert answer.rows() == [(2, 1, 1, "moderators")]


@pytest.mark.parametrize("view", QUESTIONS)
def test_what_hangs_on_a_label_says_whose_it_is(folder: DataFolder, view: str) -> None:
    """Who is wrongly sanctioned by what moderators let be is not known to be innocent."""
    columns = query(folder, f"from {view}").columns
    of_labels = {"label_is_violation", "wrongful_sanctions", "label_action"}.intersection(columns)
    assert "label_source" in columns or not (of_labels or view in ("wrong_sanctions", "missed_violations"))
    if view in ("wrong_sanctions", "missed_violations", "sanctioned_users"):
        assert "label_source" in ANSWERS[view]


@pytest.mark.parametrize("listed", [0.0, None])
def test_cost_by_config_adds_up_both_agents_and_one_unknown_price_makes_the_sum_unknown(
    folder: DataFolder, listed: float | None
) -> None:
    paid = {"backend": "openai", "prompt_tokens": 100, "completion_tokens": 10, "cost_usd": 0.0}
    store(folder, ACTION_LOG, {"comment_id": "c1"}, {"comment_id": "c2"})
    store(
        folder,
        STUDENT_DECISIONS,
        {"comment_id": "c1", **paid, "list_cost_usd": 0.001},
        {"comment_id": "c2", **paid, "list_cost_usd": listed, "reply_error": "no JSON"},
    )
    store(folder, EXPERT_AUDITS, {"comment_id": "c1", **paid, "list_cost_usd": 0.003})
    row = query(folder, "select * from cost_by_config").row(0, named=True)
    assert row == {
        "chat": "arena",
        "config": "hybrid",
        "comments": 2,
        "student_calls": 2,
        "audits": 1,
        "reply_errors": 1,
        "prompt_tokens": 300,
        "completion_tokens": 30,
        "cost_usd": 0.0,
        "list_cost_usd": None if listed is None else pytest.approx(0.004),
        "list_cost_usd_per_1000_comments": None if listed is None else pytest.approx(2.0),
        "calls_of_unknown_price": int(listed is None),
        "is_stale": False,
    }


def test_a_run_without_a_student_has_no_student_calls(folder: DataFolder) -> None:
    store(folder, ACTION_LOG, {"comment_id": "c1"})
    store(folder, STUDENT_DECISIONS, {"comment_id": "c1", "cost_usd": 0.0, "list_cost_usd": 0.0})
    row = query(folder, "select student_calls, calls_of_unknown_price from cost_by_config").row(0)
    assert row == (0, 0)


def test_memory_value_ranks_what_helped_above_what_harmed(folder: DataFolder) -> None:
    store(
        folder,
        MEMORY_SNAPSHOT,
        {"memory_id": "bad", "helped": 1, "harmed": 4, "uses": 9},
        {"memory_id": "good", "helped": 5, "harmed": 0, "uses": 9},
    )
    answer = query(folder, "select memory_id, value, rank from memory_value order by rank")
    assert answer.rows() == [("good", 5, 1), ("bad", -3, 2)]


def test_foreseen_tells_what_a_head_thought_of_each_comment_whoever_decided_it(folder: DataFolder) -> None:
    store(folder, COMMENTS, {"comment_id": "c1", "label_is_violation": True}, {"comment_id": "c2"})
    said = [
        {"question": "spam", "option": "true", "probability": 0.1},
        {"question": "violation", "option": "true", "probability": 0.7},
    ]
    store(
        folder,
        STUDENT_DECISIONS,
        {"comment_id": "c1", "probabilities": said, "tier": "base"},
        {"comment_id": "c2", "probabilities": said[:1]},
    )
    answer = query(folder, "select comment_id, probability, label_is_violation, tier from foreseen")
    assert answer.rows() == [("c1", 0.7, True, "base")]


def test_only_the_views_that_are_named_are_defined(folder: DataFolder) -> None:
    with connect_in_memory(folder, ["disagreements"]) as connection:
        defined = {name for (name,) in connection.execute("show tables").fetchall()}
    assert defined == {"disagreements", "expert_audits", "student_decisions", "comments", "stale_runs"}


@pytest.mark.parametrize("asks", ["show tables", "select view_name from duckdb_views() where not internal"])
def test_a_query_about_the_catalogue_sees_every_view(folder: DataFolder, asks: str) -> None:
    assert set(query(folder, asks).to_series()) == {*TABLES, *QUESTIONS}


def test_times_come_back_in_utc(folder: DataFolder) -> None:
    write_table(
        rows_of(COMMENTS, {"chat": "arena"}).with_columns(
            sent_at=pl.datetime(2026, 1, 2, 3, time_zone="UTC", time_unit="us")
        ),
        folder,
        COMMENTS,
        "arena",
    )
    assert str(query(folder, "select sent_at from comments").item()) == "2026-01-02 03:00:00+00:00"


def test_a_misspelt_query_says_so_in_duckdbs_words(folder: DataFolder) -> None:
    with pytest.raises(duckdb.Error, match="syntax error"):
        query(folder, "selct 1")


def test_a_query_leaves_no_complaint_behind_at_exit(folder: DataFolder) -> None:
    code = f"""
        from pathlib import Path
        from moderation_pipeline.warehouse.folder import DataFolder
        from moderation_pipeline.warehouse.views import query
        print(query(DataFolder(Path({str(folder.root)!r})), "select 1 as one, [2] as two").height)
    """
    ended = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("1\n", "")


def test_asking_needs_neither_dagster_nor_altair_nor_scikit_learn() -> None:
    code = """
        import sys
        import moderation_pipeline.warehouse.views, moderation_pipeline.warehouse.duckdb_file
        print([name for name in ("dagster", "altair", "sklearn", "scipy") if name in sys.modules])
    """
    ended = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


ELSEWHERE = [
    "from read_csv('{elsewhere}')",
    "from read_text('{elsewhere}')",
    "copy (select 1) to '{elsewhere}'",
    "attach '{elsewhere}.db'",
    "install httpfs",
    "load httpfs",
    "from 'https://example.org/x.parquet'",
    "set enable_external_access = true",
    "set allowed_directories = ['/']",
]


@pytest.mark.parametrize("sql", ELSEWHERE)
def test_a_query_reaches_nothing_but_the_warehouse(tmp_path: Path, sql: str) -> None:
    elsewhere = tmp_path / "keys.csv"
    elsewhere.write_text("a,b\n1,2\n")
    with pytest.raises((duckdb.PermissionException, duckdb.InvalidInputException)):
        query(DataFolder(tmp_path / "data"), sql.format(elsewhere=elsewhere))
    assert elsewhere.read_text() == "a,b\n1,2\n"


def test_a_query_that_may_leave_reads_other_files(tmp_path: Path) -> None:
    elsewhere = tmp_path / "more.csv"
    elsewhere.write_text("a,b\n1,2\n")
    found = query(DataFolder(tmp_path / "data"), f"from read_csv('{elsewhere}')", may_leave=True)
    assert found.rows() == [(1, 2)]


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere, whatever the folder says")
def test_somebody_who_may_only_read_the_folder_can_ask(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    query(folder, "from comments")
    for path in [folder.root, *folder.root.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    assert query(folder, "select count(*) from comments").rows() == [(0,)]


def labelled_run(folder: DataFolder) -> None:
    """A run over an insult that was let be, a greeting that was sanctioned, and one left undecided, all labelled."""
    given: list[tuple[str, bool, str, str | None]] = [
        ("missed", True, "allow", "none"),
        ("wronged", False, "timeout", "harassment"),
        ("caught", True, "delete", "harassment"),
        ("open", True, "undecided", None),
        ("silenced", False, "ban", "hate"),
    ]
    store(
        folder,
        COMMENTS,
        *(
            {
                "comment_id": name,
                "text": f"{name} line",
                "label_is_violation": label,
                "label_source": "moderators",
            }
            for name, label, _, _ in given
        ),
    )
    store(
        folder,
        ACTION_LOG,
        *(
            {
                "comment_id": name,
                "position": place,
                "user_name": "Mallory",
                "sent_at": datetime(2026, 3, 1, 23, 59, tzinfo=UTC),
                "duration_s": 600 if action == "timeout" else None,
                "action": action,
                "category": category,
                "strikes": 1,
                "decided_by": "student",
                "under_sanction": name == "silenced",
            }
            for place, (name, _, action, category) in enumerate(given)
        ),
    )


@pytest.mark.parametrize(
    ("view", "names"),
    [
        ("wrong_sanctions", ["wronged"]),
        ("missed_violations", ["missed", "open"]),
        ("user_evenings", ["missed", "wronged", "caught", "open", "silenced"]),
    ],
)
def test_the_usual_questions_have_a_view(folder: DataFolder, view: str, names: list[str]) -> None:
    labelled_run(folder)
    answer = query(folder, f"select comment_id from {view} where user_name = 'Mallory' order by position")
    assert answer["comment_id"].to_list() == names


STALE = [view for view in QUESTIONS if view not in ("stale_runs", "run_history", "dsa_statements")]


def run_made_of(folder: DataFolder, chat: str, data_version: str, config_hash: str, day: int) -> None:
    """Store the metrics of a run under hybrid, as they are kept when it ends."""
    made = {
        "chat": chat,
        "config": "hybrid",
        "data_version": data_version,
        "config_hash": config_hash,
        "started_at": datetime(2026, 3, day, tzinfo=UTC),
        "finished_at": datetime(2026, 3, day, 1, tzinfo=UTC),
    }
    for table in (METRICS, METRIC_HISTORY):
        own = {name: value for name, value in made.items() if name in table.schema}
        write_table(rows_of(table, own), folder, table, chat, "hybrid")


@pytest.mark.parametrize(
    "view", ["wrong_sanctions", "missed_violations", "user_evenings", "moderators_compared"]
)
def test_rows_of_a_run_of_comments_that_have_changed_since_are_marked(folder: DataFolder, view: str) -> None:
    labelled_run(folder)
    run_made_of(folder, "arena", "one", "h1", 1)
    asked = f"select distinct is_stale from {view}"
    assert query(folder, asked).to_series().to_list() == [False]
    store(folder, INGESTION, {"data_version": "one", "comments": 5})
    assert query(folder, asked).to_series().to_list() == [False]
    store(folder, INGESTION, {"data_version": "two", "comments": 5})
    assert query(folder, asked).to_series().to_list() == [True]


def test_rows_of_a_run_whose_config_has_run_otherwise_since_are_marked(folder: DataFolder) -> None:
    labelled_run(folder)
    run_made_of(folder, "arena", "one", "h1", 2)
    run_made_of(folder, "evening", "two", "h0", 1)
    assert query(folder, "select chat from stale_runs").rows() == [("evening",)]
    run_made_of(folder, "evening", "two", "h2", 3)
    assert query(folder, "select chat, because from stale_runs").rows() == [
        ("arena", "the config has changed since")
    ]
    assert query(folder, "select distinct is_stale from wrong_sanctions").rows() == [(True,)]


@pytest.mark.parametrize(
    "older",
    [lambda rows: rows.drop("config_hash"), lambda rows: rows.cast({"comments": pl.String})],
    ids=["a column was added since", "a column was of another type"],
)
def test_which_runs_are_stale_is_told_of_files_of_an_older_version_too(
    folder: DataFolder, older: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    labelled_run(folder)
    for chat in ("arena", "evening"):
        run_made_of(folder, chat, "one", "h1", 1)
    store(folder, INGESTION, {"data_version": "two", "comments": 5})
    path = partition_path(folder, METRICS, "evening", "hybrid")
    older(pl.read_parquet(path)).write_parquet(path)
    assert query(folder, "select chat, because from stale_runs").rows() == [
        ("arena", "the chat's comments have changed since")
    ]


@pytest.mark.parametrize("view", STALE)
def test_every_view_of_runs_says_which_are_stale(folder: DataFolder, view: str) -> None:
    assert "is_stale" in query(folder, f"from {view}").columns


def test_moderators_are_held_against_a_config(folder: DataFolder) -> None:
    labelled_run(folder)
    answer = query(folder, "select who_acts, count(*) from moderators_compared group by 1 order by 1")
    assert answer.rows() == [("both", 1), ("only the config", 2), ("only the moderators", 2)]


def test_agreement_by_audits_is_weighted_by_how_unlikely_each_was(folder: DataFolder) -> None:
    audits: list[tuple[bool | None, float]] = [(False, 1.0), (True, 0.1), (True, 0.1), (None, 0.1)]
    store(
        folder,
        EXPERT_AUDITS,
        *(
            {"comment_id": f"c{i}", "agrees": agrees, "audit_probability": chance}
            for i, (agrees, chance) in enumerate(audits)
        ),
    )
    answer = query(folder, "select audits, audits_read, agreement, unweighted from audit_agreement")
    assert answer.row(0)[:2] == (4, 3)
    assert answer.row(0)[2:] == pytest.approx((20 / 21, 2 / 3))


def test_what_flips_between_two_configs_is_there_once(folder: DataFolder) -> None:
    store(folder, COMMENTS, {"comment_id": "c1", "text": "line"}, {"comment_id": "c2", "text": "line"})
    for config, actions in (("hybrid", ("allow", "ban")), ("learned", ("delete", "ban"))):
        rows: list[dict[str, object]] = [
            {"chat": "arena", "config": config, "comment_id": f"c{i}", "action": action}
            for i, action in enumerate(actions, start=1)
        ]
        write_table(rows_of(ACTION_LOG, *rows), folder, ACTION_LOG, "arena", config)
    answer = query(folder, "select config, action, other_config, other_action from flips")
    assert answer.rows() == [("hybrid", "allow", "learned", "delete")]


def test_who_would_fare_otherwise_is_shown_with_what_was_written(folder: DataFolder) -> None:
    store(folder, COMMENTS, {"comment_id": "c1", "text": "line"}, {"comment_id": "c2", "text": "other"})
    store(folder, WHAT_IF, {"comment_id": "c2", "way": "harsher", "asked": "sanctions strict"})
    answer = query(folder, "select asked, way, text from what_if_lines")
    assert answer.rows() == [("sanctions strict", "harsher", "other")]


def test_a_statement_of_reasons_keeps_the_published_limits_and_names_nobody(folder: DataFolder) -> None:
    labelled_run(folder)
    answer = query(folder, "select * from dsa_statements order by puid")
    assert answer.height == 2, "what was not carried out, and a warning, need none"
    for row in answer.iter_rows(named=True):
        assert (row["decision_visibility"] is None) != (row["decision_provision"] is None)
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,500}", row["puid"])
        assert row["end_date_service_restriction"] is None or (
            row["end_date_service_restriction"] >= row["application_date"]
        )
        assert len(row["decision_facts"]) <= 5_000
        assert len(row["incompatible_content_ground"]) <= 500
        assert len(row["incompatible_content_explanation"]) <= 2_000
        assert "Mallory" not in str(row)
        assert "line" not in str(row)


def test_every_view_says_what_one_row_is() -> None:
    assert set(ANSWERS) == set(QUESTIONS)
