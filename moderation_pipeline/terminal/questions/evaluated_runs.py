"""The stored runs of a chat, read to be held against its labels: which can be, and why others can't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from moderation_pipeline.certificates.certified_basis import run_basis
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.evaluation.comparable import made, stale, stale_sentence
from moderation_pipeline.evaluation.harm import weights_of
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.evaluation.scored.judged_rows import JudgedRows
from moderation_pipeline.evaluation.scored.label_noise import NOISE, noise_of_two
from moderation_pipeline.evaluation.scored.run_judges import judged_runs, second_judge
from moderation_pipeline.evaluation.scored.score_evaluation import Evaluation, Facts, evaluation_of
from moderation_pipeline.evaluation.yardstick import yardstick_of
from moderation_pipeline.terminal.listings import NothingRunError, require_chat
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import (
    ACTION_LOG,
    COMMENTS,
    EXPERT_AUDITS,
    MEMORY_SNAPSHOT,
    METRICS,
    PROVENANCE,
    STUDENT_DECISIONS,
    USER_STATE,
)
from moderation_pipeline.warehouse.versions import comments_version


class RunLeftOutError(ModerationError):
    """Runs that are of other comments, or of another config, than there are now."""

    def __init__(self, chat: str, left_out: Mapping[str, str]) -> None:
        super().__init__(f"There is no run of {chat!r} to look at. {stale_sentence(chat, left_out)}")


def evaluate_runs(folder: DataFolder, chat: str, configs: Sequence[str] = ()) -> Evaluation:
    """Hold the runs of a chat against its labels: those under some configs, or all that can be.

    Raises:
        NoSuchChatError, NothingRunError, NoLabelsError: there is nothing to hold, or nothing to hold it against.
    """
    require_chat(folder, chat)
    comments, metrics = read_table(folder, COMMENTS, chat), read_table(folder, METRICS, chat)
    library = ConfigLibrary(folder)
    left_out = stale(made(metrics), library, comments_version(comments))
    names = [name for name in sorted(metrics["config"]) if name not in left_out]
    wanted = list(configs or names)
    for name in wanted:
        if name in left_out:
            raise RunLeftOutError(chat, {name: left_out[name]})
        if name not in names:
            raise NothingRunError(chat, name, folder)
    if not wanted and left_out:
        raise RunLeftOutError(chat, left_out)
    if not wanted:
        raise NothingRunError(chat, None, folder)
    runs = [_run(folder, library, chat, name) for name in wanted]
    judged = judged_runs(comments, runs)
    expert = yardstick_of(runs[0].config, [library.load(name) for name in names])
    noise = _noise(folder, chat, comments, judged, expert)
    facts = Facts(
        name=chat,
        rows=judged.rows.height,
        violations=int(judged.rows["label"].sum()),
        clusters=judged.rows["cluster"].n_unique(),
        has_users=comments["user_id"].count() > 0,
        label_source=judged.label_source,
        data=comments_version(comments),
        harm="; ".join(dict.fromkeys(str(weights_of(run.config.config.audit.harm)) for run in runs)),
        second=None if expert is None else f"the Expert of {expert}",
    )
    notes = (stale_sentence(chat, left_out),)
    said = tuple(note for note in notes if note is not None)
    return evaluation_of(judged, facts, said, pl.DataFrame(), noise)


def _noise(
    folder: DataFolder, chat: str, comments: pl.DataFrame, judged: JudgedRows, expert: str | None
) -> pl.DataFrame:
    """Return what is left of the estimates where the labels and an Expert that judged everything differ.

    That Expert's own run is left out: it would be held against itself.
    """
    if expert is None:
        return pl.DataFrame(schema=NOISE)
    others = tuple(judge for judge in judged.judges if judge.name != expert)
    rows = second_judge(judged, comments, read_table(folder, EXPERT_AUDITS, chat, expert))
    return noise_of_two(replace(judged, judges=others), rows)


def _run(folder: DataFolder, library: ConfigLibrary, chat: str, name: str) -> Run:
    tables = {
        table.name: read_table(folder, table, chat, name)
        for table in (STUDENT_DECISIONS, EXPERT_AUDITS, MEMORY_SNAPSHOT, ACTION_LOG, USER_STATE)
    }
    named = run_basis(read_table(folder, PROVENANCE, chat, name), library.load(name)).named
    return Run(config=named, **tables)
