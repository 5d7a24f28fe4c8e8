"""What is estimated, and from which sums: each estimate is a ratio of sums over comments, or a mean of two.

Sums add up over users, so a resample of users is a weighted sum of their rows, and every estimate of every
resample is a handful of array operations (`bootstrap`). The sums of one comment are made here as well.

Sums and what they count (per comment):
    n 1 · audited · sanctioned (warn and above, not under sanction) · undecided · asked, errors (replies)
    a_n, a_both, a_action, a_violation, a_category: audited comments with both plans, weighted by 1 /
        the audit's probability (Horvitz and Thompson 1952), and those among them that agree; under the basis
        `reference` every comment with both plans, with weight 1
    a_violations, a_tp, a_fp, a_fn: of the same, with the same weights: what the Expert finds a violation, and the
        Student's plan against it; a_squares and the like hold squared weights, for effective numbers
    r_n, r_both: the Student's plan against the reference's, whatever the basis: the same yardstick for all
    y_n, y_both: the same for the plan that stood (`system_agreement_rate`)
    tp, fp, fn, tn: the scored plan against label; s_tp … the Student's plan against label. What was left undecided
        acts on nobody: a violation among it is an fn, an innocent comment counts in `un` alone
    sanctioned_labelled, sanctioned_wrongly: sanctions on labelled comments, on those labelled innocent;
        warning_labelled … ban_wrongly the same of a kind of sanction
    harm, harm_n: what was missed and who was sanctioned wrongly, by weight (`harm`); labelled comments
    cost, list_cost: dollars
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from moderation_pipeline.evaluation.harm import Weights, harm_of_acting, harm_of_missing, weights_of
from moderation_pipeline.evaluation.judged import NO_VIOLATION, SANCTION_WORDS, Run
from moderation_pipeline.plan import UNDECIDED, Action

Array = npt.NDArray[np.float64]
Basis = Literal["audits", "reference"]


class Ratio(NamedTuple):
    """A weighted sum of sums over another; undefined where that, or the sum of `needs`, is not positive.

    `squares` names the sum of the comments' squared weights, where they have weights.
    """

    over: dict[str, float]
    under: dict[str, float]
    needs: tuple[str, ...] = ()
    squares: str | None = None


def _share(part: str, whole: str, *, scale: float = 1.0, squares: str | None = None) -> tuple[Ratio, ...]:
    return (Ratio({part: scale}, {whole: 1.0}, squares=squares),)


def confusion_ratios(prefix: str) -> dict[str, tuple[Ratio, ...]]:
    """Return precision, recall, F1 and macro-F1 of violation from confusion sums with a prefix.

    F1 of a class is undefined where no label is of that class: it would be 0 whatever was decided. Innocent
    comments that were left undecided are none that were found innocent.
    """
    tp, fp, fn, tn, un = (f"{prefix}{name}" for name in ("tp", "fp", "fn", "tn", "un"))
    violation = Ratio({tp: 2.0}, {tp: 2.0, fp: 1.0, fn: 1.0}, needs=(tp, fn))
    innocent = Ratio({tn: 2.0}, {tn: 2.0, fp: 1.0, fn: 1.0, un: 1.0}, needs=(tn, fp, un))
    return {
        "precision": (Ratio({tp: 1.0}, {tp: 1.0, fp: 1.0}),),
        "recall": (Ratio({tp: 1.0}, {tp: 1.0, fn: 1.0}),),
        "f1": (violation,),
        "macro_f1": (violation, innocent),
    }


AUDITED: dict[str, tuple[Ratio, ...]] = {
    "audited_violation_rate": _share("a_violations", "a_n", squares="a_squares"),
    "audited_precision": (Ratio({"a_tp": 1.0}, {"a_tp": 1.0, "a_fp": 1.0}, squares="a_flagged_squares"),),
    "audited_recall": (Ratio({"a_tp": 1.0}, {"a_tp": 1.0, "a_fn": 1.0}, squares="a_violation_squares"),),
    "audited_f1": (
        Ratio(
            {"a_tp": 2.0},
            {"a_tp": 2.0, "a_fp": 1.0, "a_fn": 1.0},
            needs=("a_tp", "a_fn"),
            squares="a_f1_squares",
        ),
    ),
}
"""How often the Expert finds a violation, and how well the Student finds those: estimated for all comments from the
audits among them. The Expert's opinion is the yardstick, so none of them is accuracy."""

SANCTION_KINDS = {
    Action.WARN.value: "warning",
    Action.DELETE.value: "deletion",
    Action.TIMEOUT.value: "timeout",
    Action.BAN.value: "ban",
}
"""By action, what one sanction of the kind is called; its plural, in the columns that count, ends in s."""

DEFINITIONS: dict[str, tuple[Ratio, ...]] = {
    "agreement_rate": _share("a_both", "a_n", squares="a_squares"),
    "action_agreement_rate": _share("a_action", "a_n", squares="a_squares"),
    "violation_agreement_rate": _share("a_violation", "a_n", squares="a_squares"),
    "category_agreement_rate": _share("a_category", "a_n", squares="a_squares"),
    "reference_agreement_rate": _share("r_both", "r_n"),
    "system_agreement_rate": _share("y_both", "y_n", squares="y_squares"),
    **AUDITED,
    **confusion_ratios(""),
    **{f"student_{name}": ratios for name, ratios in confusion_ratios("s_").items()},
    "audit_share": _share("audited", "n"),
    "sanction_share": _share("sanctioned", "n"),
    "wrongful_sanction_share": _share("sanctioned_wrongly", "sanctioned_labelled"),
    **{
        f"wrongful_{kind}_share": _share(f"{kind}_wrongly", f"{kind}_labelled")
        for kind in SANCTION_KINDS.values()
    },
    "harm_per_1000_comments": _share("harm", "harm_n", scale=1000.0),
    "undecided_share": _share("undecided", "n"),
    "reply_error_share": _share("errors", "asked"),
    "cost_usd_per_1000_comments": _share("cost", "n", scale=1000.0),
    "list_cost_usd_per_1000_comments": _share("list_cost", "n", scale=1000.0),
}
"""Every estimate of `warehouse.tables.ESTIMATES`: the mean of its ratios."""

NOT_SHARES = (
    "audit_share",
    "harm_per_1000_comments",
    "cost_usd_per_1000_comments",
    "list_cost_usd_per_1000_comments",
)
"""Estimates that are no shares of comments: what a config asks for and pays, and what errors weigh."""

SUMS = tuple(
    dict.fromkeys(
        name
        for ratios in DEFINITIONS.values()
        for ratio in ratios
        for name in (*ratio.over, *ratio.under, *ratio.needs, *([ratio.squares] if ratio.squares else []))
    )
)


KEYS = ("cluster", "shared_text")
"""What is resampled as one, and what ties several of them together."""


def value(ratios: tuple[Ratio, ...], sums: dict[str, Array]) -> Array:
    """Return the estimate for arrays of sums, nan where it is undefined."""
    return _mean([_ratio(ratio, sums) for ratio in ratios])


def _mean(parts: Sequence[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.mean(parts, axis=0)


def _weighted(weights: Mapping[str, float], sums: Mapping[str, Array]) -> Array:
    """Return a weighted sum of sums, which is not to be written to: of one that weighs 1 it is that sum itself."""
    parts = [
        sums[name].astype(np.float64, copy=False) if weight == 1 else weight * sums[name]
        for name, weight in weights.items()
    ]
    return sum(parts[1:], start=parts[0])


def _ratio(ratio: Ratio, sums: dict[str, Array]) -> Array:
    under = denominator(ratio, sums)
    over = _weighted(ratio.over, sums)
    return np.divide(over, under, out=np.full_like(under, np.nan), where=under > 0)


def denominator(ratio: Ratio, sums: dict[str, Array]) -> Array:
    """Return the ratio's denominator, 0 where what it needs is absent."""
    under = _weighted(ratio.under, sums)
    if ratio.needs:
        under = np.where(sum(sums[name] for name in ratio.needs) > 0, under, 0.0)
    return under


def influence(ratios: tuple[Ratio, ...], rows: dict[str, Array], total: dict[str, Array]) -> Array:
    """Return what each row of sums adds to an estimate, to first order; nought where the estimate is undefined."""
    return _mean([_influence(ratio, rows, total) for ratio in ratios])


def _influence(ratio: Ratio, rows: dict[str, Array], total: dict[str, Array]) -> Array:
    share, under = _ratio(ratio, total), denominator(ratio, total)
    over, below = _weighted(ratio.over, rows), _weighted(ratio.under, rows)
    if not under[0] > 0:
        return np.zeros(over.size)
    return np.asarray((over - share[0] * below) / under[0], dtype=np.float64)


def agreement_basis(run: Run, judged: pl.DataFrame) -> Basis | None:
    """Return what the Student's agreement is measured on: its audits, else the reference, else nothing.

    Audits that are no sample of the comments (`has_floor`) are none to measure on.
    """
    has_student = pl.col("student_action").is_not_null()
    pairs = judged.select(
        (has_student & pl.col("audit_action").is_not_null()).any().alias("audits"),
        (has_student & pl.col("reference_action").is_not_null()).any().alias("reference"),
    ).row(0)
    if pairs[0] and has_floor(run):
        return "audits"
    return "reference" if pairs[1] and run.regime != "expert_only" else None


def has_floor(run: Run) -> bool:
    """Return whether every comment had some chance of an audit: of those that had none, audits can't tell anything."""
    spec = run.config.config.audit
    return spec.policy == "all" or min(spec.chance.allow, spec.chance.sanctions) > 0


def comment_sums(run: Run, judged: pl.DataFrame) -> pl.DataFrame:
    """Return `cluster`, `shared_text` and SUMS, one row per comment; an unknown cost counts 0 (see `run_metrics`).

    What is counted is a flag: as numbers forty columns of a million comments would be a third of a gigabyte.
    """
    return judged.select(
        *KEYS,
        pl.lit(1.0).alias("n"),
        *_agreement(agreement_basis(run, judged)),
        *_reference_agreement(),
        *_system_agreement(run, judged),
        *_confusion("", "scored"),
        *_confusion("s_", "student"),
        *_outcomes(),
        *_harm(weights_of(run.config.config.audit.harm)),
        *_costs(),
    ).select(*KEYS, *SUMS)


def _agreement(basis: Basis | None) -> list[pl.Expr]:
    other = "reference" if basis == "reference" else "audit"
    both = pl.col("student_action").is_not_null() & pl.col(f"{other}_action").is_not_null()
    both = both if basis is not None else pl.lit(value=False)
    weight = 1 / pl.col("audit_probability") if other == "audit" else pl.lit(1.0)
    weight = pl.when(both).then(weight).otherwise(0.0)
    action, category, violation = _same("student", other)
    flagged, found = (pl.col(f"{whose}_category") != NO_VIOLATION for whose in ("student", other))
    return [
        weight.alias("a_n"),
        (weight**2).alias("a_squares"),
        (weight * (action & category)).alias("a_both"),
        (weight * action).alias("a_action"),
        (weight * violation).alias("a_violation"),
        (weight * category).alias("a_category"),
        *sums_of_found(flagged, found, weight),
    ]


def sums_of_found(flagged: pl.Expr, violation: pl.Expr, weight: pl.Expr) -> list[pl.Expr]:
    """Return the sums of AUDITED: what the Student flags against the violations that the Expert finds."""
    hit, false_alarm, miss = flagged & violation, flagged & ~violation, ~flagged & violation
    sums = {
        "a_violations": weight * violation,
        "a_tp": weight * hit,
        "a_fp": weight * false_alarm,
        "a_fn": weight * miss,
        "a_flagged_squares": weight**2 * flagged,
        "a_violation_squares": weight**2 * violation,
        "a_f1_squares": weight**2 * (4 * hit.cast(pl.Int8) + false_alarm + miss),
    }
    return [value.fill_null(0.0).alias(name) for name, value in sums.items()]


def _reference_agreement() -> list[pl.Expr]:
    both = pl.col("student_action").is_not_null() & pl.col("reference_action").is_not_null()
    action, category, _ = _same("student", "reference")
    return [both.alias("r_n"), (both & action & category).alias("r_both")]


def _same(one: str, other: str) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Return whether two plans have the same action, category, and verdict of violation; no plan: false."""
    category = pl.col(f"{one}_category") == pl.col(f"{other}_category")
    violation = (pl.col(f"{one}_category") == NO_VIOLATION) == (pl.col(f"{other}_category") == NO_VIOLATION)
    action = pl.col(f"{one}_action") == pl.col(f"{other}_action")
    return (
        action.fill_null(value=False),
        category.fill_null(value=False),
        violation.fill_null(value=False),
    )


def _system_agreement(run: Run, judged: pl.DataFrame) -> list[pl.Expr]:
    """Return the sums of the final plan's agreement with the Expert.

    Against the reference where there is one. From audits, a comment with probability p ended as the Expert
    would have it with p + (1 - p) * (whether what stands without its audit agrees) where audits act. Null for
    expert_only, whose plans are the Expert's own.
    """
    nothing = [pl.lit(0.0).alias(name) for name in ("y_n", "y_both", "y_squares")]
    if run.regime == "expert_only":
        return nothing
    has_reference = judged["reference_action"].null_count() < judged.height
    if not has_reference and not has_floor(run):
        return nothing
    if has_reference:
        both = pl.col("final_action").is_not_null() & pl.col("reference_action").is_not_null()
        action, category, _ = _same("final", "reference")
        return [both.alias("y_n"), both.alias("y_squares"), (both & action & category).alias("y_both")]
    both = pl.col("student_action").is_not_null() & pl.col("audit_action").is_not_null()
    weight = pl.when(both).then(1 / pl.col("audit_probability")).otherwise(0.0)
    action, category, _ = _same("alone", "audit")
    certain = pl.col("audit_probability") if run.config.config.audits_act else pl.lit(0.0)
    agrees = certain + (1 - certain) * (action & category)
    agreed = pl.when(both).then(weight * agrees).otherwise(0.0)
    return [weight.alias("y_n"), (weight**2).alias("y_squares"), agreed.alias("y_both")]


def _confusion(prefix: str, whose: str) -> list[pl.Expr]:
    return [
        cell.fill_null(value=False).alias(f"{prefix}{name}") for name, cell in confusion_cells(whose).items()
    ]


def confusion_cells(whose: str) -> dict[str, pl.Expr]:
    """Return which of the cells a judged comment is in, by the `scored` plan or the `student`'s; null where in none."""
    flagged, label = pl.col(f"{whose}_category") != NO_VIOLATION, pl.col("label")
    is_open = pl.col(f"{whose}_open")
    return {
        "tp": flagged & label,
        "fp": flagged & ~label,
        "fn": (~flagged | is_open) & label,
        "tn": ~flagged & ~label,
        "un": is_open & ~label,
    }


def _outcomes() -> list[pl.Expr]:
    sanctioned = is_sanction()
    of_kinds = [
        (sanctioned & (pl.col("action") == action) & told).fill_null(value=False).alias(f"{kind}_{name}")
        for action, kind in SANCTION_KINDS.items()
        for name, told in (("labelled", can_be_checked()), ("wrongly", ~pl.col("label")))
    ]
    return [
        pl.col("audited"),
        sanctioned.alias("sanctioned"),
        (sanctioned & can_be_checked()).alias("sanctioned_labelled"),
        (sanctioned & (~pl.col("label")).fill_null(value=False)).alias("sanctioned_wrongly"),
        *of_kinds,
        (pl.col("action") == UNDECIDED).fill_null(value=False).alias("undecided"),
        (pl.col("student_asked").cast(pl.Int64) + pl.col("audit_asked").cast(pl.Int64)).alias("asked"),
        (pl.col("student_error").cast(pl.Int64) + pl.col("audit_error").cast(pl.Int64)).alias("errors"),
    ]


def _harm(weights: Weights) -> list[pl.Expr]:
    """Return what was done wrong to labelled ones: missed by the plan that is scored, or sanctioned and innocent."""
    return [harm_of_comment(weights).alias("harm"), can_be_checked().alias("harm_n")]


def harm_of_comment(weights: Weights) -> pl.Expr:
    """Return what a judged comment adds to the harm; nothing where no label can tell."""
    missed = confusion_cells("scored")["fn"].fill_null(value=False)
    wrongly = is_sanction() & (~pl.col("label")).fill_null(value=False)
    harm = missed * harm_of_missing(weights, "label_category") + wrongly * harm_of_acting(weights, "action")
    return pl.when(can_be_checked()).then(harm).otherwise(0.0)


def is_sanction() -> pl.Expr:
    """Return whether a judged comment was sanctioned; what was written under a sanction is not, again."""
    return (pl.col("action").is_in(SANCTION_WORDS) & ~pl.col("under_sanction")).fill_null(value=False)


def can_be_checked() -> pl.Expr:
    """Return whether a label can tell if a judged comment's sanction was wrong: not where the labels decided it."""
    return pl.col("label").is_not_null() & ~pl.col("is_answer")


def _costs() -> list[pl.Expr]:
    return [
        pl.sum_horizontal(f"student_{name}", f"audit_{name}").alias(short)
        for name, short in (("cost_usd", "cost"), ("list_cost_usd", "list_cost"))
    ]
