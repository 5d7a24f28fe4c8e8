"""Charts of an evaluated table: precision against recall over all thresholds, and scores against what they came to.

Only numbers and judges' names are drawn, never a text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import altair as alt
import polars as pl

from moderation_pipeline.evaluation.scored.score_evaluation import Evaluation
from moderation_pipeline.report.chart_style import (
    COLOURS,
    DASHES,
    QUIET,
    SHAPES,
    Titled,
    percent_ticks,
    titled,
)
from moderation_pipeline.report.figure import Figure
from moderation_pipeline.report.markup import pieces
from moderation_pipeline.report.rendering import render
from moderation_pipeline.report.scored_tables.score_words import WORDS

SIDE = 380
LONGEST_NAME = 40
UNIT = alt.Scale(domain=[0, 1], nice=False)
LEGEND = alt.Legend(title=None, labelLimit=240, symbolStrokeWidth=2, labelFontSize=12)


def score_figures(evaluation: Evaluation) -> list[Figure]:
    """Return the figures, rendered."""
    named = replace(
        evaluation,
        judges=_drawable(evaluation.judges),
        thresholds=_drawable(evaluation.thresholds),
        calibration=_drawable(evaluation.calibration),
        coverage=_drawable(evaluation.coverage),
    )
    return [_rendered(*each) for each in _charts(named)]


def _drawable(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with names that can be drawn: at a control character the drawing library ends the process."""
    shown = [
        "".join(piece.text for piece in pieces(name, LONGEST_NAME))
        for name in frame["judge"].unique(maintain_order=True)
    ]
    return frame.with_columns(pl.col("judge").replace(frame["judge"].unique(maintain_order=True), shown))


def _charts(evaluation: Evaluation) -> Iterator[tuple[str, Titled, alt.TopLevelMixin]]:
    scores = evaluation.judges.filter(pl.col("kind") == "score")["judge"].to_list()
    names = scores or evaluation.judges["judge"].to_list()
    curves = evaluation.thresholds.filter(pl.col("judge").is_in(names)).drop_nulls(["precision", "recall"])
    if curves.height:
        title = Titled(
            "What else could be had: precision against recall, over all thresholds",
            "Each line is one score, flagging from 0 to 1 (bands: 95 % intervals of precision at each threshold). The"
            " points are where it flags now, and the keyless configs.",
        )
        yield "precision_recall", title, _precision_recall(evaluation, curves, names)
    risks = evaluation.coverage.filter(pl.col("judge").is_in(evaluation.judges["judge"].implode()))
    if risks.height:
        title = Titled(
            "What would it get wrong if it decided only what it is surest of?",
            "Error rate among the surest rows, by how many those are (bands: 95 % intervals). Risk and coverage.",
        )
        yield "risk_coverage", title, _risk_coverage(risks)
    violations = WORDS[evaluation.facts.label_source].violations
    bins = evaluation.calibration.filter(pl.col("judge").is_in(names))
    if bins.height:
        title = Titled(
            "Can a score be read as a probability?",
            f"Scores in tenths, and the share of {violations} in each (95 % intervals); the grey line is right.",
        )
        yield "calibration", title, _calibration(bins, names, f"share of {violations}")


def _rendered(name: str, title: Titled, chart: alt.TopLevelMixin) -> Figure:
    picture = render(titled(chart.to_dict(validate=False), title))
    return Figure(name, title.headline, title.headline, title.how, picture.spec, picture.svg, picture.png)


def _marks(names: Sequence[str], values: Sequence[str] | Sequence[list[int]]) -> alt.Scale:
    cycled = [values[i % len(values)] for i in range(len(names))]
    return alt.Scale(domain=list(names), range=cycled)


def _precision_recall(
    evaluation: Evaluation, curves: pl.DataFrame, names: Sequence[str]
) -> alt.TopLevelMixin:
    judges = evaluation.judges.select("judge", "precision", "recall").drop_nulls()
    everyone = evaluation.judges["judge"].to_list()
    colour = alt.Color("judge:N", scale=_marks(everyone, COLOURS), legend=LEGEND)
    violations = WORDS[evaluation.facts.label_source].violations
    percent = alt.Axis(format=".0%")
    x = alt.X("recall:Q", title=f"recall: of {violations}, flagged", scale=UNIT, axis=percent)
    y_title = f"precision: of the flagged, {violations}"
    y = alt.Y("precision:Q", title=y_title, scale=UNIT, axis=percent)
    lines = alt.Chart(curves).encode(
        x=x,
        y=y,
        color=colour,
        order="threshold:Q",
        strokeDash=alt.StrokeDash("judge:N", scale=_marks(names, DASHES), legend=None),
    )
    bands = alt.Chart(curves.drop_nulls("precision_low")).encode(
        x=x,
        y=alt.Y("precision_low:Q", title=y_title, scale=UNIT, axis=percent),
        y2="precision_high:Q",
        color=colour,
    )
    spots = alt.Chart(judges).encode(
        x=x, y=y, color=colour, shape=alt.Shape("judge:N", scale=_marks(everyone, SHAPES), legend=LEGEND)
    )
    return alt.layer(
        bands.mark_area(fillOpacity=0.15, orient="vertical"),
        lines.mark_line(strokeWidth=2),
        spots.mark_point(size=80, filled=True, opacity=1),
        width=SIDE + 120,
        height=SIDE,
    )


def _risk_coverage(risks: pl.DataFrame) -> alt.TopLevelMixin:
    names = risks["judge"].unique(maintain_order=True).to_list()
    colour = alt.Color("judge:N", scale=_marks(names, COLOURS), legend=LEGEND)
    highest = risks.select(pl.max_horizontal("risk", "risk_high").max()).item() or 0.0
    percent = alt.Axis(format=percent_ticks(0.0, highest), tickCount=6)
    share = alt.X(
        "coverage:Q", title="share decided alone, the surest first", scale=UNIT, axis=alt.Axis(format=".0%")
    )
    base = alt.Chart(risks).encode(x=share, color=colour)
    y = alt.Y("risk:Q", title="errors among those", scale=alt.Scale(zero=True), axis=percent)
    return alt.layer(
        base.mark_area(fillOpacity=0.15).encode(
            y=alt.Y("risk_low:Q", title="errors among those", axis=percent), y2="risk_high:Q"
        ),
        base.mark_line(strokeWidth=2).encode(
            y=y, strokeDash=alt.StrokeDash("judge:N", scale=_marks(names, DASHES), legend=None)
        ),
        base.mark_point(size=40, filled=True, opacity=1).encode(
            y=y, shape=alt.Shape("judge:N", scale=_marks(names, SHAPES), legend=LEGEND)
        ),
        width=SIDE + 120,
        height=SIDE - 80,
    )


def _calibration(bins: pl.DataFrame, names: Sequence[str], share: str) -> alt.TopLevelMixin:
    colour = alt.Color("judge:N", scale=_marks(names, COLOURS), legend=LEGEND)
    x = alt.X("mean_score:Q", title="mean score", scale=UNIT)
    y = alt.Y("violation_share:Q", title=share, scale=UNIT, axis=alt.Axis(format=".0%"))
    line = alt.Chart(pl.DataFrame({"mean_score": [0.0, 1.0], "violation_share": [0.0, 1.0]})).mark_line(
        color=QUIET, strokeWidth=1, strokeDash=[3, 3]
    )
    base = alt.Chart(bins).encode(x=x, color=colour)
    return alt.layer(
        line.encode(x=x, y=y),
        base.mark_rule(strokeWidth=1.5).encode(
            y=alt.Y("violation_share_low:Q", scale=UNIT, title=share),
            y2="violation_share_high:Q",
        ),
        base.mark_line(strokeWidth=2).encode(y=y),
        base.mark_point(size=60, filled=True, opacity=1).encode(
            y=y, shape=alt.Shape("judge:N", scale=_marks(names, SHAPES), legend=LEGEND)
        ),
        width=SIDE + 120,
        height=SIDE,
    )
