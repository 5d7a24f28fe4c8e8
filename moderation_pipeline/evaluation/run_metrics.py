"""One row of metrics for one run: estimates with intervals, and counts.

How the estimates are defined is in `estimates`, how intervals are drawn in `bootstrap`; comparing several
runs is `config_comparison`. A metric that can't be computed is null, never 0.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from moderation_pipeline.evaluation.calibration_error import UNKNOWN as UNCALIBRATED
from moderation_pipeline.evaluation.calibration_error import CalibrationShown, calibration_of
from moderation_pipeline.evaluation.copied_texts import CopiedTexts, copied_texts
from moderation_pipeline.evaluation.estimates import (
    AUDITED,
    DEFINITIONS,
    NOT_SHARES,
    SANCTION_KINDS,
    Ratio,
    agreement_basis,
    can_be_checked,
    comment_sums,
    confusion_cells,
    denominator,
    has_floor,
    influence,
    is_sanction,
    value,
)
from moderation_pipeline.evaluation.judged import Run, judge
from moderation_pipeline.plan import NOT_JUDGED, UNDECIDED, Action
from moderation_pipeline.statistics.bootstrap import (
    NOTHING,
    Interval,
    Resampled,
    Trials,
    effective_number,
    interval,
    resample,
)
from moderation_pipeline.statistics.clusters import Copies, freedom_of, stretch
from moderation_pipeline.statistics.max_t import Difference
from moderation_pipeline.warehouse.tables import ESTIMATES, METRICS

Number = str | float | int | bool | None


class MeasuredRun(NamedTuple):
    """A run's row of METRICS, and the sums of its comments: `comment_id`, `cluster`, `shared_text` and SUMS."""

    metrics: pl.DataFrame
    by_comment: pl.DataFrame


COSTS = ("cost_usd", "list_cost_usd")
TOKENS = ("prompt_tokens", "completion_tokens")

COUNT_OF_ACTION = {
    Action.ALLOW.value: "allowed",
    Action.REPLY.value: "replies",
    Action.WARN.value: "warnings",
    Action.DELETE.value: "deletions",
    Action.TIMEOUT.value: "timeouts",
    Action.BAN.value: "bans",
    UNDECIDED: "undecided",
}
"""The count that an action carried out is in; what was written under a sanction is in none of them."""


def measured_run(
    comments: pl.DataFrame, run: Run, *, data_version: str, reference: pl.DataFrame | None
) -> MeasuredRun:
    """Return the run's row of METRICS, and what it was added up from.

    `reference` holds the plans of expert_only on the same chat (its `expert_audits`), against which
    agreement is measured where the run audited nothing.

    Raises:
        AuditWithoutProbabilityError: an audit that doesn't say how likely it was.
    """
    judged = judge(comments, run, reference)
    sums = comment_sums(run, judged)
    resampled = resample(sums.drop("shared_text"), seed=chat_of(comments))
    row = {
        **run_facts(comments, run, judged, data_version),
        **run_estimates(resampled, copied_texts(sums), unknown_estimates(run, judged)),
    }
    by_comment = sums.insert_column(0, judged["comment_id"])
    return MeasuredRun(pl.DataFrame([row], schema=METRICS.schema), by_comment)


def chat_of(comments: pl.DataFrame) -> str:
    """Return the chat that the comments are of; the empty string for none, which has no chat."""
    return str(comments["chat"][0]) if comments.height else ""


def run_facts(
    comments: pl.DataFrame, run: Run, judged: pl.DataFrame, data_version: str | None
) -> dict[str, Number]:
    """Return the columns of METRICS that are known, not estimated."""
    return {
        "chat": chat_of(comments),
        "config": run.name,
        "config_hash": run.config.config_hash,
        "data_version": data_version,
        "regime": run.regime,
        **_counts(run, judged),
        **_action_counts(judged),
        **_memory_counts(chat_of(comments), run),
        **_calibration(run)._asdict(),
        **_latencies(run, judged),
        **_costs(judged),
    }


def run_estimates(resampled: Resampled, copied: CopiedTexts, unknown: set[str]) -> dict[str, Number]:
    """Return the estimates of METRICS and their intervals; those that are `unknown` are null."""
    row: dict[str, Number] = {}
    for name in ESTIMATES:
        found = NOTHING if name in unknown else estimate(name, resampled, copied.added[name])
        row[name], row[f"{name}_low"], row[f"{name}_high"] = found
    return row


def unknown_estimates(run: Run, judged: pl.DataFrame) -> set[str]:
    """Return the estimates that can't be made: a price is missing, or the audits are no sample of the comments."""
    unknown = _unknown_costs(judged)
    by_chance = judged["audit_probability"] < 1
    is_too_few = by_chance.any() and by_chance.sum() < LEAST_BY_CHANCE
    return unknown | set(AUDITED) if agreement_basis(run, judged) == "audits" and is_too_few else unknown


LEAST_BY_CHANCE = 200
"""Fewer audits by chance than this say next to nothing of what the Student missed: AUDITED would be noise."""


def _unknown_costs(judged: pl.DataFrame) -> set[str]:
    """Return the estimates that are null because some reply's price is unknown."""
    amounts = judged.select(f"{agent}_{name}" for agent in ("student", "audit") for name in COSTS)
    return {
        f"{name}_per_1000_comments"
        for name in COSTS
        if any(amounts[f"{agent}_{name}"].null_count() for agent in ("student", "audit"))
    }


def estimate(name: str, resampled: Resampled, copied: Copies) -> Interval:
    """Return one estimate of a run with its interval; `copied` is what copied texts add to its variance."""
    found = interval_of(DEFINITIONS[name], resampled, copied, is_share=name not in NOT_SHARES)
    return Interval(0.0, None, None) if name == HARM and found.estimate == 0 else found


HARM = "harm_per_1000_comments"
"""Where no error was seen, resamples say that there is none: what has weights has no exact bound to say otherwise."""


def interval_of(
    ratios: tuple[Ratio, ...],
    resampled: Resampled,
    copied: Copies,
    *,
    is_share: bool = True,
    least: float = 0.0,
) -> Interval:
    """Return an estimate with its interval; a share's is widened where the rarer outcome is rare.

    `least` is how low an estimate may be whose most is 1: it is taken for a share of the way between them.
    """
    point = float(value(ratios, resampled.total)[0])
    drawn = value(ratios, resampled.resamples)
    by_users = float(resampled.sizes @ influence(ratios, resampled.users, resampled.total) ** 2)
    few, copies = stretch(users=freedom(ratios, resampled), by_users=by_users, copies=copied)
    if not is_share:
        found = interval(point, drawn, few=few, copies=copies)
        return found if found.low is None else found._replace(low=max(0.0, found.low))
    rest = [_trials(ratio, resampled) for ratio in ratios]
    trials = Trials(min(each.users for each in rest), min(each.comments for each in rest))
    way = 1.0 - least
    found = interval((point - least) / way, (drawn - least) / way, trials=trials, few=few, copies=copies)
    return Interval(*(None if bound is None else least + way * bound for bound in found)) if least else found


def difference_of(
    ratios: tuple[Ratio, ...], mine: Resampled, theirs: Resampled, copied: Copies
) -> Difference:
    """Return an estimate less the same of another, of joint resamples: what makes rows hard for both cancels out."""
    point = value(ratios, mine.total) - value(ratios, theirs.total)
    drawn = value(ratios, mine.resamples) - value(ratios, theirs.resamples)
    added = [influence(ratios, each.users, each.total) for each in (mine, theirs)]
    by_users = float(mine.sizes @ (added[0] - added[1]) ** 2)
    users = min(freedom(ratios, each) for each in (mine, theirs))
    few, copies = stretch(users=users, by_users=by_users, copies=copied)
    return Difference(float(point[0]), drawn, few * copies)


def freedom(ratios: tuple[Ratio, ...], resampled: Resampled) -> float:
    """Return how many equal users an estimate's variance has been learnt from."""
    return min(freedom_of(denominator(ratio, resampled.users), resampled.sizes) for ratio in ratios)


def _trials(ratio: Ratio, resampled: Resampled) -> Trials:
    """Return how many independent trials a ratio rests on at most."""
    users = effective_number(denominator(ratio, resampled.users), resampled.sizes)
    comments = float(denominator(ratio, resampled.total)[0])
    if ratio.squares is not None and comments:
        comments = comments**2 / float(resampled.total[ratio.squares][0])
    return Trials(users, comments)


def _counts(run: Run, judged: pl.DataFrame) -> dict[str, Number]:
    """Return how many comments, labels, audits and replies there were, and both confusion tables."""
    label = pl.col("label")
    row = judged.select(
        comments=pl.len(),
        users=pl.col("user_id").drop_nulls().n_unique(),
        labelled=label.is_not_null().sum(),
        labelled_violations=label.sum(),
        audits=pl.col("audited").sum(),
        agreement_coverage=pl.col("could_be_audited").fill_null(value=False).mean(),
        replies_asked=pl.col("student_asked").sum() + pl.col("audit_asked").sum(),
        replies_cached=pl.col("student_cached").sum() + pl.col("audit_cached").sum(),
        reply_errors=pl.col("student_error").sum() + pl.col("audit_error").sum(),
        **_confusion("", "scored"),
        **_confusion("student_", "student"),
    ).row(0, named=True)
    basis = agreement_basis(run, judged)
    coverage = {"audits": row["agreement_coverage"], "reference": 1.0, None: None}[basis]
    unread = _unread(judged) if basis == "audits" else dict.fromkeys(UNREAD)
    return {**row, "agreement_basis": basis, "agreement_coverage": coverage, **unread}


UNREAD = ("agreement_unread_share", "agreement_rate_least", "agreement_rate_most")
"""Audits that can't be read, as a share by weight, and agreement if all of them disagreed, and if all agreed."""


def _unread(judged: pl.DataFrame) -> dict[str, Number]:
    """Return what audits that can't be read leave open: dropped, agreement is too high where they fall on errors."""
    weight = 1 / pl.col("audit_probability")
    asked = pl.col("student_action").is_not_null() & pl.col("audit_asked")
    read = pl.col("audit_action").is_not_null()
    agrees = (pl.col("student_action") == pl.col("audit_action")) & (
        pl.col("student_category") == pl.col("audit_category")
    )
    whole, unread, both = (
        float(judged.select((weight.filter(asked & each)).sum()).item() or 0.0)
        for each in (pl.lit(value=True), ~read, read & agrees)
    )
    if not whole:
        return dict.fromkeys(UNREAD)
    return dict(zip(UNREAD, (unread / whole, both / whole, (both + unread) / whole), strict=True))


CELLS = {
    "true_positives": "tp",
    "false_positives": "fp",
    "false_negatives": "fn",
    "true_negatives": "tn",
}


def _confusion(prefix: str, whose: str) -> dict[str, pl.Expr]:
    """Return the four counts; null where no comment has both a label and a plan."""
    scored = (pl.col(f"{whose}_category").is_not_null() & pl.col("label").is_not_null()).any()
    cells = confusion_cells(whose)
    return {f"{prefix}{name}": pl.when(scored).then(cells[cell].sum()) for name, cell in CELLS.items()}


def _action_counts(judged: pl.DataFrame) -> dict[str, Number]:
    free, sanctioned = ~pl.col("under_sanction"), is_sanction()
    wrongly = sanctioned & (~pl.col("label")).fill_null(value=False)
    has_labels = pl.col("label").is_not_null().any()
    row: dict[str, Number] = judged.select(
        **{count: (free & (pl.col("action") == action)).sum() for action, count in COUNT_OF_ACTION.items()},
        not_judged=(pl.col("decided_by") == NOT_JUDGED).sum(),
        under_sanction=pl.col("under_sanction").sum(),
        under_sanction_violations=pl.when(has_labels).then(
            (pl.col("under_sanction") & pl.col("label")).sum()
        ),
        shadow_actions=(pl.col("is_shadow") & sanctioned).sum(),
        sanctions=sanctioned.sum(),
        sanctions_checked=(sanctioned & can_be_checked()).sum(),
        sanctioned_users=pl.col("user_id").filter(sanctioned).drop_nulls().n_unique(),
        wrongful_sanctions=pl.when(has_labels).then(wrongly.sum()),
        wrongly_sanctioned_users=pl.when(has_labels).then(
            pl.col("user_id").filter(wrongly).drop_nulls().n_unique()
        ),
        **{
            f"{kind}s_checked": (sanctioned & can_be_checked() & (pl.col("action") == action)).sum()
            for action, kind in SANCTION_KINDS.items()
        },
        **{
            f"wrongful_{kind}s": pl.when(has_labels).then((wrongly & (pl.col("action") == action)).sum())
            for action, kind in SANCTION_KINDS.items()
        },
    ).row(0, named=True)
    return row


def _memory_counts(chat: str, run: Run) -> dict[str, Number]:
    """Return the memories by fate, and how many this run learnt itself; null for a run without memory."""
    if run.config.config.memory is None:
        return dict.fromkeys(("memories_active", "memories_retired", "memories_learnt"))
    retired = pl.col("retired_because").is_not_null()
    row: dict[str, Number] = run.memory_snapshot.select(
        memories_active=(~retired).sum(),
        memories_retired=retired.sum(),
        memories_learnt=((pl.col("source_chat") == chat) & (pl.col("source_config") == run.name)).sum(),
    ).row(0, named=True)
    return row


def _calibration(run: Run) -> CalibrationShown:
    """Return how far the Student's confidence can be believed; unknown where audits are no sample."""
    return calibration_of(run.student_decisions, run.expert_audits) if has_floor(run) else UNCALIBRATED


def _latencies(run: Run, judged: pl.DataFrame) -> dict[str, Number]:
    """Return percentiles in ms of replies not from the cache, and of the wait for the plan that stood."""
    student = pl.col("student_latency_ms").filter(~pl.col("student_cached"))
    expert = pl.col("audit_latency_ms").filter(~pl.col("audit_cached"))
    fresh = judged.filter(~pl.col("student_cached") & ~pl.col("audit_cached"))
    waits = ["student_latency_ms", *(["audit_latency_ms"] if run.config.config.audits_act else [])]
    wait = (
        fresh.filter(pl.any_horizontal(pl.col(waits).is_not_null()))
        .select(pl.sum_horizontal(waits))
        .to_series()
    )
    result: dict[str, Number] = {}
    for percent in (50, 95):
        share = percent / 100
        result[f"latency_ms_p{percent}"] = wait.quantile(share, "linear")
        result[f"student_latency_ms_p{percent}"] = judged.select(student.quantile(share, "linear")).item()
        result[f"expert_latency_ms_p{percent}"] = judged.select(expert.quantile(share, "linear")).item()
    return result


def _costs(judged: pl.DataFrame) -> dict[str, Number]:
    """Return tokens and dollars of both agents; null as soon as one reply's amount is unknown."""

    def total(*names: str) -> Number:
        if any(judged[name].null_count() for name in names):
            return None
        amount: Number = judged.select(pl.sum_horizontal(pl.col(names).sum())).item()
        return amount

    return {
        **{name: total(f"student_{name}", f"audit_{name}") for name in (*COSTS, *TOKENS)},
        "student_list_cost_usd": total("student_list_cost_usd"),
        "expert_list_cost_usd": total("audit_list_cost_usd"),
    }
