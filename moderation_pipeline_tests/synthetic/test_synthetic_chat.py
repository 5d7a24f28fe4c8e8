"""The synthetic chat as a file: same settings, same bytes; the base rate is met; labels and replies hold."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from math import sqrt
from pathlib import Path

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.plan import Action, Category
from moderation_pipeline.synthetic.library import shipped_library
from moderation_pipeline.synthetic.synthetic_chat import (
    SyntheticComment,
    SyntheticSettings,
    generate,
    write_synthetic,
)

SAMPLE = Path(__file__).parents[2] / "data" / "chats" / "sample.jsonl"
SAMPLE_SETTINGS = SyntheticSettings(comments=200)


@cache
def chat(comments: int = 10_000, base_rate: float = 0.15, seed: int = 7) -> list[SyntheticComment]:
    return list(generate(SyntheticSettings(comments=comments, base_rate=base_rate, seed=seed)))


# --- same settings, same bytes


def test_the_same_settings_make_the_same_bytes(tmp_path: Path) -> None:
    wanted = SyntheticSettings(comments=3_000)
    write_synthetic(tmp_path / "a.jsonl", wanted)
    write_synthetic(tmp_path / "b.jsonl", wanted)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_the_bytes_do_not_hang_on_pythons_hash_seed(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path;"
        "from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, write_synthetic;"
        "write_synthetic(Path(sys.argv[1]), SyntheticSettings(comments=1_500))"
    )
    for hash_seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / hash_seed)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
        )
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_the_tracked_sample_is_what_the_generator_writes(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "sample.jsonl", SAMPLE_SETTINGS)
    assert SAMPLE.read_bytes() == (tmp_path / "sample.jsonl").read_bytes(), (
        "The generator writes another chat than the tracked sample. If that is meant, raise "
        f"synthetic.GENERATOR and write {SAMPLE} anew with {SAMPLE_SETTINGS!r}."
    )


def test_another_seed_makes_another_chat() -> None:
    here, there = ([comment.text for comment in chat(500, seed=seed)] for seed in (7, 8))
    assert sum(ours == theirs for ours, theirs in zip(here, there, strict=True)) < 50


# --- how much of it violates


@settings(deadline=None, max_examples=12)
@given(comments=st.integers(1, 3_000), base_rate=st.floats(0, 0.5), seed=st.integers(0, 2**32))
@example(
    comments=1, base_rate=0.5, seed=4096
)  # a line names who would have spoken before it, had there been room
def test_the_base_rate_is_met_within_sampling_error(comments: int, base_rate: float, seed: int) -> None:
    wanted = SyntheticSettings(comments=comments, base_rate=base_rate, seed=seed)
    made = list(generate(wanted))
    assert len(made) == comments
    violating = sum(comment.label_is_violation for comment in made)
    # Bernstein's inequality: a binomial is further off than this in two of 10^9 chats, at any base rate.
    deviation = sqrt(comments * base_rate * (1 - base_rate))
    assert abs(violating - comments * base_rate) <= 6.5 * deviation + 14


def test_the_base_rate_is_not_off_by_a_little_everywhere() -> None:
    violating = sum(
        comment.label_is_violation for seed in range(60) for comment in chat(500, base_rate=0.06, seed=seed)
    )
    # Four standard deviations of a binomial with n = 30,000 and p = 0.06 are 165.
    assert abs(violating - 1_800) < 165


def test_a_base_rate_of_zero_is_a_peaceful_chat() -> None:
    assert not any(comment.label_is_violation for comment in chat(3_000, base_rate=0))


# --- what a comment is


def test_labels_agree_with_each_other() -> None:
    for comment in chat():
        assert comment.label_is_violation == (comment.label_category != Category.NONE)
        assert comment.label_is_violation == (comment.label_action != Action.ALLOW)
        assert comment.label_source == "synthetic"


def test_every_category_action_and_channel_occurs_in_the_default_chat() -> None:
    default = chat(2_000)
    assert {comment.label_category for comment in default} == set(Category)
    assert {comment.label_action for comment in default} == set(Action)
    assert {comment.channel for comment in default} == {"arena", "atelier", "dash"}


def test_comments_are_in_the_order_of_their_time() -> None:
    times = [datetime.fromisoformat(comment.sent_at) for comment in chat()]
    assert times[0].tzinfo == UTC
    assert all(before <= after for before, after in pairwise(times))


def test_ids_are_unique_and_end_with_the_position() -> None:
    made = chat()
    assert len({comment.comment_id for comment in made}) == len(made)
    assert [int(comment.comment_id.rsplit("-", 1)[1]) for comment in made] == list(range(len(made)))


def test_replies_point_to_an_earlier_comment_of_the_channel() -> None:
    by_id: dict[str, SyntheticComment] = {}
    replies = 0
    for comment in chat():
        if comment.reply_to is not None:
            answered = by_id[comment.reply_to]
            assert answered.channel == comment.channel
            assert answered.user_id != comment.user_id
            replies += 1
        by_id[comment.comment_id] = comment
    assert replies > 500


def test_a_user_has_one_name_and_one_id() -> None:
    pairs = {(comment.user_id, comment.user_name) for comment in chat()}
    assert len(pairs) == len({user_id for user_id, _ in pairs}) == len({name for _, name in pairs})


def test_a_first_message_is_the_users_first_in_the_channel() -> None:
    seen: set[tuple[str, str]] = set()
    firsts = 0
    for comment in chat():
        who = (comment.channel, comment.user_id)
        assert not (comment.is_first_message and who in seen)
        firsts += comment.is_first_message
        seen.add(who)
    assert firsts > 500


def test_emote_only_lines_hold_nothing_else() -> None:
    marked = {comment.text for comment in chat() if comment.is_emote_only}
    assert {"LUL", "PogChamp"} <= marked
    assert not any(word in {"gg", "lol", "the"} for text in marked for word in text.split())


def test_no_text_is_empty() -> None:
    assert all(comment.text.strip() for comment in chat(30_000))


# --- what is said


@pytest.mark.parametrize("comments", [10_000, 100_000])
def test_most_texts_are_distinct_and_chat_still_repeats_itself(comments: int) -> None:
    texts = Counter(comment.text for comment in chat(comments))
    assert 0.6 <= len(texts) / comments <= 0.9
    assert texts["lol"] > comments / 1_000
    assert any(text.lower() == "gg" for text, _ in texts.most_common(30))


def test_there_are_lines_that_try_to_instruct_a_model() -> None:
    tricks = [
        comment
        for comment in chat(2_000)
        if any(words in comment.text.lower() for words in ("instructions", "system", "category none"))
    ]
    assert len(tricks) >= 5
    assert sum(comment.label_is_violation for comment in tricks) >= 5


@pytest.mark.parametrize("hostile", ["<img src=x onerror=", "](javascript:", "{0}", "%n", "| allow |", '{"'])
def test_there_are_lines_that_would_break_a_careless_report(hostile: str) -> None:
    assert any(hostile in comment.text for comment in chat())


def test_personal_information_is_made_up() -> None:
    posted = [comment.text for comment in chat() if comment.label_category == Category.PERSONAL_INFORMATION]
    numbers = [text for text in posted if "555" in text]
    mails = [text for text in posted if "@example." in text]
    assert numbers
    assert mails


# --- the file


def test_the_file_holds_the_comments_as_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    write_synthetic(path, SyntheticSettings(comments=800))
    with path.open("rb") as file:
        read = [SyntheticComment(**orjson.loads(line)) for line in file]
    assert read == chat(800)


def test_it_is_written_once_and_again_only_for_other_settings(tmp_path: Path) -> None:
    path = tmp_path / "chats" / "synthetic.jsonl"
    assert write_synthetic(path, SyntheticSettings(comments=50))
    written = path.stat().st_mtime_ns
    assert not write_synthetic(path, SyntheticSettings(comments=50))
    assert path.stat().st_mtime_ns == written
    assert write_synthetic(path, SyntheticSettings(comments=50, seed=8))
    assert not write_synthetic(path, SyntheticSettings(comments=50, seed=8))


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"not json\n", b'{"comment_id":"1","text":"somebody\'s own"}\n']
)
def test_a_file_that_is_not_this_chat_is_written_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "synthetic.jsonl"
    path.write_bytes(content)
    assert write_synthetic(path, SyntheticSettings(comments=50))
    assert len(path.read_bytes().splitlines()) == 50


def test_a_file_that_lost_its_end_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "synthetic.jsonl"
    write_synthetic(path, SyntheticSettings(comments=50))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert write_synthetic(path, SyntheticSettings(comments=50))
    assert path.read_bytes() == whole


def test_nothing_else_is_left_beside_the_file(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "synthetic.jsonl", SyntheticSettings(comments=50))
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(OSError, match=r"folder\.jsonl"):
        write_synthetic(tmp_path / "folder.jsonl", SyntheticSettings(comments=50))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.jsonl", "synthetic.jsonl"]


def test_memory_does_not_grow_with_the_chat() -> None:
    def peak(comments: int) -> int:
        tracemalloc.start()
        for _ in generate(SyntheticSettings(comments=comments)):
            pass
        _, bytes_at_peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return bytes_at_peak

    peak(1_000)  # loads the data files, which stay
    assert peak(8_000) < 1.5 * peak(2_000)


# --- settings


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"coments": 10}, "coments"),
        ({"channels": ("arena", "attic")}, "there is no channel 'attic'. Channels are: arena, atelier, dash"),
        ({"channels": ("dash", "dash")}, "each channel can be named once"),
        ({"channels": ()}, "at least 1"),
        ({"personas": {"trol": 2}}, "there is no persona 'trol'. Personas are: backseater"),
        ({"personas": {"troll": -1}}, "can't be negative"),
        ({"base_rate": 0.7}, "less than or equal to 0.5"),
        ({"comments": 0}, "greater than or equal to 1"),
        ({"starts_at": "2026-01-10T18:00:00"}, "timezone"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_is_allowed(said: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match="SyntheticSettings") as refused:
        SyntheticSettings.model_validate(said)
    assert complaint in str(refused.value)


def test_settings_under_which_nobody_would_write_are_refused() -> None:
    nobody = dict.fromkeys(shipped_library().personas, 0.0)
    with pytest.raises(ValidationError, match="nobody is left to write in channel 'arena'"):
        SyntheticSettings(personas=nobody)


@pytest.mark.parametrize(
    "changed",
    [
        {"comments": 2_001},
        {"base_rate": 0.14},
        {"seed": 8},
        {"channels": ("dash", "arena", "atelier")},
        {"starts_at": datetime(2026, 1, 11, tzinfo=UTC)},
        {"personas": {"troll": 2.0}},
    ],
)
def test_every_setting_is_in_the_hash(changed: dict[str, object]) -> None:
    other = SyntheticSettings.model_validate(changed)
    assert other.settings_hash != SyntheticSettings().settings_hash


def test_a_chat_of_one_channel_stays_in_it() -> None:
    alone = SyntheticSettings(comments=500, channels=("atelier",))
    assert {comment.channel for comment in generate(alone)} == {"atelier"}


def test_the_chat_starts_when_it_is_told_to() -> None:
    start = datetime(2024, 2, 29, 23, 59, tzinfo=UTC)
    first = next(generate(SyntheticSettings(comments=500, starts_at=start)))
    assert 0 <= (datetime.fromisoformat(first.sent_at) - start).total_seconds() < 120


def test_the_projects_own_reader_reads_back_what_was_said(tmp_path: Path) -> None:
    path = tmp_path / "synthetic.jsonl"
    write_synthetic(path, SyntheticSettings(comments=800))
    ingested = ingest(path, "synthetic")
    assert ingested.rejected_lines.is_empty()
    said = [comment._asdict() for comment in chat(800)]
    columns = [name for name in SyntheticComment._fields if name != "sent_at"]
    assert ingested.comments.select(columns).rows() == [
        tuple(line[name] for name in columns) for line in said
    ]
    times = ingested.comments["sent_at"].to_list()
    assert times == [datetime.fromisoformat(line["sent_at"]) for line in said]
