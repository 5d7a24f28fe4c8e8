"""The figures of a chat: which there are, what each says in words, and their files.

A chart without anything to show is a sentence that says why, never an empty frame. How charts are drawn is in
`charts`, what is drawn in `series`, how it is made into pictures in `rendering`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import polars as pl

from moderation_pipeline.evaluation.config_comparison import focus_of
from moderation_pipeline.evaluation.judged import NO_VIOLATION, SANCTION_WORDS, Run, judge, known_of
from moderation_pipeline.evaluation.yardstick import USUAL, reference_of, yardsticks
from moderation_pipeline.report import charts, series
from moderation_pipeline.report.chart_style import Marks, Spec, Titled
from moderation_pipeline.report.figure import Figure
from moderation_pipeline.report.label_words.label_voice import ACTS, LabelVoice, voice_of
from moderation_pipeline.report.limits import label_sources
from moderation_pipeline.report.quantities import count, dollars, of_thousand, percent, plural, score
from moderation_pipeline.report.rendering import render


def draw_figures(*, comments: pl.DataFrame, runs: Sequence[Run], comparison: pl.DataFrame) -> list[Figure]:
    """Return the chat's figures, rendered, in the order of a report. `comparison` is `compare`'s frame."""
    if not runs:
        return [_words("cost_comparison", "Cost of the regimes", "There is no run to compare.")]
    # A thread of its own: one figure is rendered while the next is put together.
    with ThreadPoolExecutor(max_workers=1) as renderer:
        waiting = [
            (figure, None if spec is None else renderer.submit(render, spec))
            for figure, spec in _drawn(comments, runs, comparison)
        ]
        return [
            figure if picture is None else replace(figure, **picture.result()._asdict())
            for figure, picture in waiting
        ]


Drawn = tuple[Figure, Spec | None]


def _drawn(comments: pl.DataFrame, runs: Sequence[Run], comparison: pl.DataFrame) -> Iterator[Drawn]:
    by_name = {run.name: run for run in runs}
    known = known_of(comments)
    judged = {run.name: judge(comments, run, reference_of(run, runs), known=known) for run in runs}
    marks = Marks(list(by_name))
    focus, voice = focus_of(comparison), voice_of(by_acts=ACTS in label_sources(comments))
    yield _cost_comparison(comparison, voice)
    yield _agreement_over_time(judged, by_name, focus, marks)
    yield _memory_growth(by_name, focus, marks)
    yield _cumulative_cost(judged, focus, marks)
    yield _action_distribution(judged, focus)
    yield _confusion(judged, focus, voice)
    yield from _category_confusion(judged[focus], focus, voice)
    yield from _learning_curve(judged, marks, voice)


def _memory_growth(runs: Mapping[str, Run], focus: str, marks: Marks) -> Drawn:
    points = series.memory_growth(runs)
    title = "Memory growth"
    if points.is_empty():
        return _words("memory_growth", title, "None of these configs has a memory, so none grew."), None
    learnt = dict(
        points.group_by("config", maintain_order=True).last().select("config", "memories").iter_rows()
    )
    audits = sum(runs[name].expert_audits.height for name in learnt)
    if not max(learnt.values()):
        reason = (
            f"Nothing was learnt: in {plural(audits, 'audit')} the Expert never disagreed with the Student."
        )
        return _words("memory_growth", title, reason), None
    shown = focus if focus in learnt else max(learnt, key=lambda name: learnt[name])
    asked = runs[shown].expert_audits.height
    headline = f"{shown} learnt {plural(learnt[shown], 'memory', 'memories')} from {plural(asked, 'audit')}"
    how = "A memory is a case in which an audit disagreed. Merged ones count once; those retired since, too."
    figure = Figure("memory_growth", title, headline, how)
    return figure, charts.memory_growth(points, marks, Titled(headline, how))


def _agreement_over_time(
    judged: Mapping[str, pl.DataFrame], runs: Mapping[str, Run], focus: str, marks: Marks
) -> Drawn:
    windows = series.agreement_over_time(judged, runs)
    title = "Agreement over time"
    if windows.is_empty():
        reason = (
            "There is no Expert's plan to hold a Student's against: no audits, and no run of expert_only."
        )
        return _words("agreement_over_time", title, reason), None
    how = " ".join(_how_compared(windows, runs))
    shown = focus if focus in windows["config"] else str(windows["config"][0])
    of_shown = windows.filter(pl.col("config") == shown)
    headline = _trend(shown, of_shown["agreement_rate"], by_audits=of_shown["basis"][0] != "reference")
    figure = Figure("agreement_over_time", title, headline, how)
    return figure, charts.agreement_over_time(windows, marks, Titled(headline, how))


def _how_compared(windows: pl.DataFrame, runs: Mapping[str, Run]) -> Iterator[str]:
    """Yield against what Students were compared and in windows how long; whose, where it is not the same of all."""
    against = {
        "reference": f"against {_whose(runs)}, on every comment",
        "audits": "against its audits, each weighted by how unlikely it was",
    }
    by_basis = windows.partition_by("basis", as_dict=True, maintain_order=True)
    for (basis,), rows in sorted(by_basis.items()):
        of = f" of {', '.join(rows['config'].unique(maintain_order=True))}" if len(by_basis) > 1 else ""
        of_each = rows.group_by("config").agg(pl.col("comments").median().cast(pl.Int64))["comments"]
        lengths = " to ".join(count(length) for length in sorted({int(of_each.min()), int(of_each.max())}))  # type: ignore[arg-type]
        yield (
            f"Each point{of} is a window of about {lengths} comments: the Student's plan"
            f" {against[str(basis)]}."
        )


def _whose(runs: Mapping[str, Run]) -> str:
    """Return whose plans Students are held against, where an Expert judged every comment."""
    held = yardsticks([run.config for run in runs.values()]) or {USUAL: []}
    return " or ".join(f"{name}'s" for name in held) + (" (each its own Expert's)" if len(held) > 1 else "")


def _trend(name: str, rates: pl.Series, *, by_audits: bool) -> str:
    """Say from where to where agreement went: the first quarter of the stream against the last.

    `by_audits` says that it was measured on those alone: what holds of all of some audits is a guess of all comments.
    """
    going = ", going by its audits" if by_audits else ""
    quarter = max(1, rates.len() // 4)
    first, last = pl.DataFrame({"first": rates.head(quarter), "last": rates.tail(quarter)}).mean().row(0)
    if rates.len() == 1:
        return f"Under {name} the Student agrees with the Expert on {percent(first, 0)} of comments{going}"
    digits = 1 if min(first, last) >= 0.99 else 0  # "> 99 %" twice would say nothing of where it went
    return (
        f"Under {name} the Student agrees with the Expert on {percent(first, digits)} of the first quarter "
        f"and {percent(last, digits)} of the last{going}"
    )


def _cumulative_cost(judged: Mapping[str, pl.DataFrame], focus: str, marks: Marks) -> Drawn:
    points = series.cumulative_cost(judged)
    title = "Cumulative cost"
    if points.is_empty():
        return _words("cumulative_cost", title, "No comment was moderated, so nothing was paid."), None
    ends = points.group_by("config", maintain_order=True).last()
    if ends["list_cost_usd"].null_count() == ends.height:
        reason = "What these runs cost is unknown: the price of their models is not in the table of prices."
        return _words("cumulative_cost", title, reason), None
    cost = _cost_measure(ends)
    amounts = dict(ends.select("config", cost.column).iter_rows())
    dearest = max((name for name in amounts if amounts[name] is not None), key=lambda name: amounts[name])
    if cost.column == "audits":
        unknown = sorted(ends.filter(pl.col("list_cost_usd").is_null())["config"])
        spent = (
            f"What {' or '.join(unknown)} costs is unknown, and no other run cost money"
            if unknown
            else "No run cost money"
        )
        headline = f"{spent}; {dearest} asked the Expert {plural(amounts[dearest], 'time')}"
        if focus in amounts and focus != dearest:
            headline += f", {focus} {plural(amounts[focus], 'time')}"
        free = "No agent here has a price that is known" if unknown else "All agents here are free of charge"
        how = f"{free}, so the scarce thing is counted: audits by the Expert."
    else:
        headline = f"The whole chat costs {dollars(amounts[dearest])} under {dearest}"
        if focus in amounts and focus != dearest:
            headline += f" and {dollars(amounts[focus])} under {focus}"
        how = "At list price: what a run would have cost if no reply had been in the cache."
        points = points.drop_nulls(cost.column)
    figure = Figure("cumulative_cost", title, headline, how)
    return figure, charts.cumulative(points, cost, marks, Titled(headline, how))


def _cost_measure(ends: pl.DataFrame) -> charts.Measure:
    """Return what is counted as cost: dollars where any were spent, else audits."""
    spent = ends["list_cost_usd"].max()
    if spent:
        return charts.Measure("list_cost_usd", "US dollars so far", dollars, "$,.3~f", float(spent))  # type: ignore[arg-type]
    audits = ends.select(pl.col("audits").max()).item()
    return charts.Measure("audits", "audits so far", count, ",d", float(max(1, audits)))


def _action_distribution(judged: Mapping[str, pl.DataFrame], focus: str) -> Drawn:
    shares = series.action_distribution(judged)
    title = "Action distribution"
    if shares.is_empty() or not shares["comments"].sum():
        return (
            _words("action_distribution", title, "No comment was moderated, so there are no actions."),
            None,
        )
    own = shares.filter(pl.col("config") == focus)
    sanctioned = own.filter(pl.col("action").is_in(SANCTION_WORDS)).select(pl.col("share").sum()).item()
    headline = f"{focus} sanctions {of_thousand(sanctioned)} of 1,000 comments"
    how = (
        "Bars are per 1,000 comments, the numbers whole comments. Under sanction: written by users who, had it been"
        " real, were silenced then."
    )
    figure = Figure("action_distribution", title, headline, how)
    return figure, charts.action_distribution(shares, Titled(headline, how))


def _cost_comparison(comparison: pl.DataFrame, voice: LabelVoice) -> Drawn:
    title = "Cost of the regimes"
    if comparison.is_empty():
        return _words("cost_comparison", title, "There is no run to compare."), None
    if not comparison["comments"].max():
        return _words("cost_comparison", title, "No comment was moderated, so nothing was paid."), None
    rows = comparison.with_columns(audits_per_1000=pl.col("audit_share") * 1000)
    dear = comparison["list_cost_usd_per_1000_comments"].max()
    if dear:
        column = "list_cost_usd_per_1000_comments"
        unit = "US dollars per 1,000 comments, at list price"
        cost = charts.Measure(column, unit, dollars, "$,.3~f", float(dear))  # type: ignore[arg-type]
        how = "Left: price of Student and Expert without the cache. "
    else:
        cost = charts.Measure(
            "audits_per_1000", "audits per 1,000 comments", of_thousand, ",.0f", 1000.0, said_of="audit_share"
        )
        is_unknown = comparison["list_cost_usd_per_1000_comments"].null_count() > 0
        free = (
            "no agent here has a price that is known" if is_unknown else "all agents here are free of charge"
        )
        how = f"Left: {free}, so the cost is how often the Expert is asked. "
    quality, headline = _quality(comparison, voice)
    if quality is not None:
        how += "Right: the bar is the 95 % interval, by user and copied text."
    figure = Figure("cost_comparison", title, headline, how)
    return figure, charts.cost_comparison(rows, cost, quality, Titled(headline, how))


def _quality(comparison: pl.DataFrame, voice: LabelVoice) -> tuple[charts.Measure | None, str]:
    """Return what the configs are ranked by, and a headline that names the best."""
    best = comparison.filter("is_best")
    if best.is_empty():
        return None, "What each config costs; how good it is can't be said without labels or an Expert"
    name, quality = best.select("config", "quality").row(0)
    if quality == "f1":
        headline = f"{_first_of(comparison, name)} {score(best['f1'][0])}"
        return charts.Measure("f1", voice.f1, score, ".2f", 1.0), headline
    rate = percent(best[quality][0], 1)
    headline = f"{name} comes closest to the Expert: the same plan on {rate} of comments"
    return charts.Measure(quality, "final plans that agree with the Expert's", percent, ".1%", 1.0), headline


def _first_of(comparison: pl.DataFrame, name: str) -> str:
    """Say who has the highest F1, and that others have the same, or that it is nothing to have."""
    if comparison.height == 1:
        return f"{name} has F1"
    highest = comparison.filter(pl.col("config") == name)["f1"].item()
    if not highest:
        return "No config finds anything that it should: F1"
    others = comparison.filter((pl.col("f1") == highest) & (pl.col("config") != name))["config"].to_list()
    if not others:
        return f"{name} scores highest here: F1"
    return f"{', '.join([name, *others[:-1]])} and {others[-1]} score highest here, alike: F1"


def _confusion(judged: Mapping[str, pl.DataFrame], focus: str, voice: LabelVoice) -> Drawn:
    cells = series.confusion(judged)
    title = "Confusion"
    if cells.is_empty():
        reason = "This chat has no labels, so nobody can say which verdicts were wrong."
        return _words("confusion", title, reason), None
    shown = focus if focus in cells["config"] else str(cells["config"][0])
    caught, missed, wrongly, left = cells.filter(pl.col("config") == shown)["comments"].to_list()
    headline = (
        f"{shown} missed {count(missed)} of {plural(caught + missed, voice.violation, voice.violations)} "
        f"and flagged {count(wrongly)} of {plural(wrongly + left, voice.innocent, voice.innocents)}"
    )
    how = "Labelled comments only; what nobody decided was let through. Percentages are of a row."
    figure = Figure("confusion", title, headline, how)
    return figure, charts.confusion(cells, voice, Titled(headline, how))


def _category_confusion(judged: pl.DataFrame, focus: str, voice: LabelVoice) -> list[Drawn]:
    """Return the figure of categories where the labels tell at least two kinds of violation apart, else none."""
    cells = series.category_confusion(judged)
    violations = pl.col("label_category") != NO_VIOLATION
    if cells.filter(violations)["label_category"].n_unique() < 2:
        return []
    right = pl.col("label_category") == pl.col("final_category")
    flagged = cells.filter(violations & (pl.col("final_category") != NO_VIOLATION))
    met, named = (
        flagged.select(pl.col("comments").filter(where).sum()).item() for where in (pl.lit(True), right)
    )
    headline = (
        f"{focus} flagged {plural(met, voice.violation, voice.violations)}, and put {count(named)} of them in the "
        "labelled category"
    )
    how = "Labelled comments only, those left undecided not among them. Shade: share of the line."
    figure = Figure("category_confusion", "Categories", headline, how)
    return [(figure, charts.category_confusion(cells, Titled(headline, how)))]


def _learning_curve(judged: Mapping[str, pl.DataFrame], marks: Marks, voice: LabelVoice) -> list[Drawn]:
    """Return the figure of F1 against the share audited where a run has labels and audits, else none."""
    points = series.learning_curve(judged)
    if points.is_empty():
        return []
    ends = points.group_by("config", "who", maintain_order=True).agg(
        first=pl.col("f1").first(), last=pl.col("f1").last(), share=pl.col("audit_share").last()
    )
    best = ends.filter(pl.col("who") == "Student").sort("last", "config", descending=[True, False])
    config, first, last, share = best.select("config", "first", "last", "share").row(0)
    headline = f"With {percent(share)} audited, the Student of {config} ends at F1 {score(last)}, from {score(first)}"
    how = (
        f"{voice.f1}, over a sliding window. Along the axis: audits so far, as a share of the whole chat. System: with"
        " its audits."
    )
    figure = Figure("learning_curve", "Learning curve", headline, how)
    return [(figure, charts.learning_curve(points, marks, Titled(headline, how)))]


def _words(name: str, title: str, sentence: str) -> Figure:
    return Figure(name, title, sentence, "")
