"""What the data can't tell: the sentences at a report's end that keep its numbers honest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from moderation_pipeline.evaluation.calibration_error import CalibrationShown
from moderation_pipeline.evaluation.estimates import has_floor
from moderation_pipeline.evaluation.expected_rarity import rarity_told
from moderation_pipeline.evaluation.judged import Run, cluster_key
from moderation_pipeline.evaluation.run_metrics import UNREAD
from moderation_pipeline.evaluation.yardstick import told
from moderation_pipeline.report.comparison_table import Row, number
from moderation_pipeline.report.label_words.label_voice import ACTS, voice_of
from moderation_pipeline.report.quantities import count, percent, plural, score
from moderation_pipeline.report.stand_ins import stood_in
from moderation_pipeline.statistics.bootstrap import LEAST_USERS
from moderation_pipeline.text.language import ENGLISH

NAMED = 5
"""How many languages are named."""

FEW_VIOLATIONS = 50

MEANING = {
    "moderators": (
        "The labels are what human moderators did: that they let a comment be may mean that nobody saw it."
    ),
    "dataset": (
        "The labels are those of a data set: its authors' definition of a violation, not a channel's rules."
    ),
    "synthetic": (
        "The chat was written by the generator, and so were its labels: no number here is evidence of how"
        " well real chat is moderated."
    ),
}


def limits(
    comments: pl.DataFrame,
    ingestion: pl.DataFrame | None,
    rejected_lines: pl.DataFrame | None,
    runs: Sequence[Run],
    comparison: pl.DataFrame,
) -> list[str]:
    """Return the limits of a chat's data and of its runs, one sentence or two each."""
    return [
        *_of_the_file(ingestion, rejected_lines),
        *_of_the_labels(comments),
        *_of_the_comments(comments),
        *_of_the_runs(runs, comparison),
    ]


def label_sources(comments: pl.DataFrame) -> tuple[str, ...]:
    """Return where the labels came from, most frequent first."""
    labels = comments.select("label_is_violation", "label_source").drop_nulls()
    counted = _counted(labels["label_source"])
    return tuple(counted["label_source"].to_list())


def _counted(values: pl.Series) -> pl.DataFrame:
    """Return each value with its count, most frequent first, equals by name."""
    return values.value_counts().sort("count", values.name, descending=[True, False])


def _of_the_file(ingestion: pl.DataFrame | None, rejected_lines: pl.DataFrame | None) -> Iterator[str]:
    if ingestion is not None and ingestion.height:
        counted = ingestion.select(pl.col("records", "rejected", "ignored", "merged").sum())
        records, rejected, ignored, merged = counted.row(0)
        if rejected:
            reasons = _reasons(rejected_lines)
            yield f"{_share(rejected, records)} of {plural(records, 'record')} could not be read{reasons}."
        if ignored:
            yield (
                f"{plural(ignored, 'record')} were no comments and were passed over (joins, notices, system"
                " lines)."
            )
        if merged:
            yield (
                f"{plural(merged, 'record')} were copies of a comment that is here already, and were merged."
            )


def _reasons(rejected_lines: pl.DataFrame | None) -> str:
    if rejected_lines is None or rejected_lines.is_empty():
        return ""
    top = _counted(rejected_lines["reason"]).head(3)
    return ": " + ", ".join(f"{reason} ({count(number)})" for reason, number in top.iter_rows())


def _share(part: int, whole: int) -> str:
    return f"{count(part)} ({percent(part / whole)})" if whole else count(part)


def _of_the_labels(comments: pl.DataFrame) -> Iterator[str]:
    labels = comments["label_is_violation"]
    unlabelled = labels.null_count()
    if unlabelled == comments.height:
        yield "The chat has no labels: nothing here was judged by a human, only by the Expert."
        return
    if unlabelled:
        yield (
            f"{_share(unlabelled, comments.height)} of the comments have no label; they are left out of every"
            " score."
        )
    for source in label_sources(comments):
        yield MEANING.get(source, f"The labels come from {source}.")
    violations, voice = int(labels.sum() or 0), voice_of(by_acts=ACTS in label_sources(comments))
    if violations < FEW_VIOLATIONS:
        yield (
            f"{'Only ' if violations else ''}{plural(violations, voice.violation, voice.violations)}: precision,"
            " recall and F1 rest on very few cases."
        )
    overturned = comments.select(pl.col("label_is_overturned").sum()).item()
    if overturned:
        yield f"{plural(overturned, 'sanction')} of the human moderators were overturned later."
    if comments.select((pl.col("split").n_unique() > 1) & pl.col("split").is_not_null().any()).item():
        yield "The data set's splits are all scored together; nothing was trained on any of them beforehand."


def _of_the_comments(comments: pl.DataFrame) -> Iterator[str]:
    if comments.is_empty():
        yield "The chat has no comments."
        return
    repeated = 1 - comments["normalised"].n_unique() / comments.height
    if repeated > 0.1:
        yield (
            f"{percent(repeated, 0)} of the comments repeat the text of another, so their number overstates"
            " how many cases were judged; the intervals allow for it."
        )
    yield from _of_the_languages(comments)
    without_time = comments["sent_at"].null_count()
    if without_time:
        yield (
            f"{_share(without_time, comments.height)} of the comments have no time: order is their position,"
            " strikes don't expire, and timeouts silence nobody."
        )
    without_user = comments["user_id"].null_count()
    if without_user:
        yield (
            f"{_share(without_user, comments.height)} of the comments have no user, so nothing escalates for"
            " them."
        )
    users = comments.select(cluster_key().n_unique()).item()
    if users < LEAST_USERS:
        yield f"Intervals come from resampling users, and {plural(users, 'user')} are too few for any."
    by_itself = comments.filter(pl.coalesce("cluster", "user_id", "user_name").is_null()).height
    if by_itself:
        yield (
            f"{_share(by_itself, comments.height)} of the comments have neither a user nor a cluster, and intervals"
            " take each by itself: where rows depend on each other, as those of one template or thread do, name their"
            " column in the columns file (cluster: NAME), or the intervals are too narrow."
        )


def _of_the_languages(comments: pl.DataFrame) -> Iterator[str]:
    told = comments["language"].drop_nulls()
    foreign = told.filter(told != ENGLISH)
    if foreign.len():
        commonest = ", ".join(
            f"{name} {count(number)}" for name, number in _counted(foreign).head(NAMED).iter_rows()
        )
        yield (
            f"{_share(foreign.len(), comments.height)} of the comments are in another language than English"
            f" ({commonest}), as far as it can be guessed;"
            f" {_share(comments.height - told.len(), comments.height)} are too short to tell."
        )


def _of_the_runs(runs: Sequence[Run], comparison: pl.DataFrame) -> Iterator[str]:
    for row in comparison.iter_rows(named=True):
        yield from _of_a_run(row)
    for run in runs:
        yield from stood_in(run)
        yield from _of_the_answers(run)
        yield from _of_no_floor(run)
        yield from _of_the_cost(run)
    configs = [run.config for run in runs]
    if (measured := told(configs)) is not None:
        yield measured
    for row in comparison.head(1).iter_rows(named=True):
        yield from rarity_told(row["chat"], row["labelled"], row["labelled_violations"] or 0, configs)
    if runs and comparison["under_sanction"].max():
        yield (
            "Users who would have been silenced went on writing in this log. What they wrote is decided and"
            " scored, counted apart, and never sanctioned again."
        )


def _of_the_answers(run: Run) -> Iterator[str]:
    """Yield that a run's Expert is what it is scored by, where it is."""
    expert = run.config.config.expert
    if expert != "none" and expert.backend == "labels":
        yield (
            f"The Expert of {run.name} is the labels themselves: where it decided, the Student's own plan is scored,"
            " for the labels would be marked by themselves."
        )


def _of_no_floor(run: Run) -> Iterator[str]:
    """Yield that a run's audits tell nothing of the comments that had no chance of one, where there are such."""
    if run.expert_audits.height and not has_floor(run):
        yield (
            f"From the audits of {run.name} nothing can be estimated, neither agreement nor what its Student misses:"
            " comments that its policy didn't pick had no chance of an audit. Set audit.random_floor above 0."
        )


def _of_the_cost(run: Run) -> Iterator[str]:
    """Yield that a run's cost is an estimate, where a server that is paid for doesn't say its tokens."""
    guessed = pl.col("tokens_are_estimated") & (pl.col("list_cost_usd") > 0)
    answers = sum(table.filter(guessed).height for table in (run.student_decisions, run.expert_audits))
    if answers:
        yield (
            f"The cost of {run.name} is an estimate: its server doesn't say the tokens of"
            f" {plural(answers, 'answer')}, which were counted here."
        )


def _of_a_run(row: Row) -> Iterator[str]:
    """Yield what failed or is missing in a run, from its row of the comparison."""
    name, asked = row["config"], _count(row, "replies_asked")
    if undecided := _count(row, "undecided"):
        yield f"{name} left {plural(undecided, 'comment')} undecided; a violation among them counts as missed."
    if foreign := _count(row, "not_judged"):
        yield (
            f"{name} did not judge {count(foreign)} of them: they are in a language that its agents don't speak, and "
            "that nothing was done about them says nothing of what they say."
        )
    if errors := _count(row, "reply_errors"):
        yield f"{_share(errors, asked)} of the replies under {name} were unusable."
    if row["list_cost_usd"] is None and asked:
        yield f"The cost of {name} is unknown: a price is missing."
    if shadow := _count(row, "shadow_actions"):
        yield f"{plural(shadow, 'sanction')} of {name} were decided in shadow mode and not carried out."
    shown = CalibrationShown(*(number(row, each) for each in CalibrationShown._fields))
    if (said := calibration_sentence(str(name), shown)) is not None:
        yield said
    if (found := found_by_audits(row)) is not None:
        yield found
    unread, least, most = (number(row, each) for each in UNREAD)
    if unread and least is not None and most is not None:
        yield (
            f"Of the audits under {name} {percent(unread)} by weight could not be read: the Student's agreement with"
            f" the Expert, without them {percent(number(row, 'agreement_rate'))}, lies between {percent(least)} and"
            f" {percent(most)}, by what they would have said."
        )
    coverage = number(row, "agreement_coverage")
    if coverage is not None and coverage < 1:
        yield (
            f"Agreement under {name} speaks for {percent(coverage)} of its comments: the others could not"
            " have been audited."
        )


def found_by_audits(row: Row) -> str | None:
    """Say of an unlabelled chat how often the Expert finds violations in it and how many the Student finds of those."""
    rate, recall = number(row, "audited_violation_rate"), number(row, "audited_recall")
    if row["labelled"] or rate is None or recall is None:
        return None
    rare = _share_between(row, "audited_violation_rate")
    said = f"By the audits of {row['config']} the Expert sees a violation in {rare} of all comments"
    right, caught = "", f"its Student alone flags {_share_between(row, 'audited_recall')} of those"
    if number(row, "audited_precision") is not None:
        right = f", and of what it flags the Expert agrees with {_share_between(row, 'audited_precision')}"
    return f"{said}; {caught}{right}."


def _share_between(row: Row, name: str) -> str:
    low, high = number(row, f"{name}_low"), number(row, f"{name}_high")
    between = ", too few users for an interval" if low is None else f", {percent(low)} to {percent(high)}"
    return f"{percent(number(row, name))} (estimated{between})"


def _count(row: Row, name: str) -> int:
    return int(row[name] or 0)


def calibration_sentence(name: str, shown: CalibrationShown) -> str | None:
    """Say how far a config's confidence can be believed; null where too few audits tell."""
    error, area, size, low, high = shown
    if error is None or area is None or size is None:
        return None
    interval = "" if low is None or high is None else f" (95 % interval {percent(low)} to {percent(high)})"
    return (
        f"The confidence of {name}'s Student is off by {percent(error)} on average, beyond what chance"
        f" makes of so few{interval}, and ranks a violation above"
        f" another comment with probability {score(area)} (AUROC), by audits worth {count(round(size))} equal ones."
    )
