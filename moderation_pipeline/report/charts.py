"""The charts themselves, in Altair: a frame in, a chart out. What is said in their place is in `figures`.

Everything drawn is a number, a config's name, an action or a category: no comment's text is ever in a chart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import altair as alt
import polars as pl

from moderation_pipeline.plan import Category
from moderation_pipeline.report.chart_style import (
    FILL,
    HEIGHT,
    INK,
    QUIET,
    WIDTH,
    Marks,
    Spec,
    Titled,
    end_labels,
    percent_ticks,
    titled,
)
from moderation_pipeline.report.label_words.label_voice import LabelVoice
from moderation_pipeline.report.quantities import count, percent, score, shares_in_words
from moderation_pipeline.rounding import rounded

STEP = {"step": 40}
PANEL = 300
"""Width of each of two panels beside one another."""
GREYS = alt.Scale(domain=[0, 1], range=["#ffffff", "#2f4b63"], interpolate="rgb")
INK_ON_GREY = alt.condition("datum.dark", alt.value("white"), alt.value(INK))


def memory_growth(points: pl.DataFrame, marks: Marks, title: Titled) -> Spec:
    """Return steps of memories learnt over the stream, one per config."""
    top = max(1.0, float(points["memories"].max() or 0)) * 1.05  # type: ignore[arg-type]
    y = alt.Y(
        "memories:Q",
        title="memories learnt",
        axis=alt.Axis(format=",d", tickMinStep=1),
        scale=alt.Scale(domain=[0, top], nice=False),
    )
    return titled(
        _lines(_said(points, "memories", count), "memories", y, marks, (0.0, top), step=True), title
    )


def agreement_over_time(windows: pl.DataFrame, marks: Marks, title: Titled) -> Spec:
    """Return lines with a point per window: the share of comments on which Student and Expert agree."""
    low = max(0.0, float(windows["agreement_rate"].min() or 0) - 0.03)  # type: ignore[arg-type]
    y = alt.Y(
        "agreement_rate:Q",
        title="agreement (same action and category)",
        axis=alt.Axis(format=percent_ticks(low, 1.0), tickCount=6),
        scale=alt.Scale(domain=[low, 1.0], nice=False),
    )
    said = _with_words(windows, "agreement_rate", 0 if 1 - low >= 6 * 0.01 else 1)
    return titled(_lines(said, "agreement_rate", y, marks, (low, 1.0), step=False), title)


def _with_words(rows: pl.DataFrame, column: str, digits: int) -> pl.DataFrame:
    """Return the rows with `said`: shares that stand side by side as texts."""
    return rows.with_columns(pl.Series("said", shares_in_words(rows[column].to_list(), digits), pl.String))


def _said(rows: pl.DataFrame, column: str, say: Callable[[Any], str], name: str = "said") -> pl.DataFrame:
    """Return the rows with a number as the page says it, for d3 rounds otherwise, and would say all of 99.99 %."""
    return rows.with_columns(pl.Series(name, [say(each) for each in rows[column]], pl.String))


def cumulative(points: pl.DataFrame, cost: Measure, marks: Marks, title: Titled) -> Spec:
    """Return the running total of a cost over the stream, one line per config."""
    top = cost.top * 1.05
    y = alt.Y(
        f"{cost.column}:Q",
        title=cost.unit,
        axis=alt.Axis(format=cost.style, tickCount=6, tickMinStep=1 if cost.style == ",d" else alt.Undefined),
        scale=alt.Scale(domain=[0, top], nice=False),
    )
    said = _said(points, cost.column, cost.say)
    return titled(_lines(said, cost.column, y, marks, (0.0, top), step=False), title)


def _lines(
    points: pl.DataFrame,
    column: str,
    y: alt.Y,
    marks: Marks,
    domain: tuple[float, float],
    *,
    step: bool,
) -> Spec:
    """Return lines told apart by dash, shape and the name and value at their end, as the column `said` has it."""
    position = _position(points)
    line = alt.Chart(points).encode(x=position, y=y, color=marks.colour(), strokeDash=marks.dash())
    value = alt.Tooltip("said:N", title=column)
    spots = alt.Chart(_spots(points)).encode(
        x=position,
        y=y,
        color=marks.colour(),
        shape=marks.shape(),
        tooltip=["config:N", alt.Tooltip("position:Q", format=",d"), value],
    )
    ends = points.drop_nulls(column).group_by("config", maintain_order=True).last()
    layers = alt.layer(
        line.mark_line(interpolate="step-after" if step else "linear", strokeWidth=2),
        spots.mark_point(size=46, filled=True, opacity=1),
        *_names(end_labels(ends, column, *domain), position, marks),
        width=WIDTH,
        height=HEIGHT,
    )
    return layers.to_dict(validate=False)


def _names(labels: pl.DataFrame, position: alt.X, marks: Marks) -> tuple[alt.Chart, alt.Chart]:
    """Return, right of the lines' ends, each config's point and its name with the last value."""
    beside = alt.Chart(labels).encode(x=position, y=alt.Y("label_at:Q"))
    keys = beside.mark_point(size=46, filled=True, opacity=1, xOffset=16).encode(
        color=marks.colour(), shape=marks.shape()
    )
    names = (
        beside.transform_calculate(text="datum.config + '  ' + datum.said")
        .mark_text(align="left", dx=26, fontSize=12, color=INK)
        .encode(text="text:N")
    )
    return keys, names


def learning_curve(points: pl.DataFrame, marks: Marks, title: Titled) -> Spec:
    """Return paths of F1 over the share audited, in stream order: one panel for Student and system each."""
    least, most = (float(points.select(end).item()) for end in (pl.col("f1").min(), pl.col("f1").max()))
    low, high = max(0.0, least - 0.02), min(1.0, most + 0.02)
    ends = points.group_by("config", "who", maintain_order=True).last().select(points.columns)
    placed = [end_labels(side, "f1", low, high) for side in ends.partition_by("who", maintain_order=True)]
    paths = pl.concat([points.with_columns(label_at=pl.lit(None, pl.Float64)), *placed])
    paths = _said(_said(paths, "f1", score), "audit_share", percent, "audited")
    style = percent_ticks(0.0, float(points["audit_share"].max()))  # type: ignore[arg-type]
    x = alt.X(
        "audit_share:Q", title="audits so far, of all comments", axis=alt.Axis(format=style, tickCount=5)
    )
    y = alt.Y("f1:Q", title="F1 of violation", scale=alt.Scale(domain=[low, high], nice=False))
    every = alt.Chart(paths)
    line = every.transform_filter("datum.label_at === null").encode(
        x=x, y=y, color=marks.colour(), strokeDash=marks.dash(), order="position:Q"
    )
    end = every.transform_filter("datum.label_at !== null").encode(color=marks.colour(), shape=marks.shape())
    f1, share = alt.Tooltip("said:N", title="f1"), alt.Tooltip("audited:N", title="audit_share")
    tooltip = [alt.Tooltip("config:N"), alt.Tooltip("who:N"), f1, share]
    beside = every.transform_filter("datum.label_at !== null").encode(
        x=alt.value(PANEL), y=alt.Y("label_at:Q")
    )
    layered = alt.layer(
        line.mark_line(strokeWidth=2),
        end.encode(x=x, y=y, tooltip=tooltip).mark_point(size=60, filled=True, opacity=1),
        beside.encode(color=marks.colour(), shape=marks.shape()).mark_point(
            size=46, filled=True, opacity=1, xOffset=16
        ),
        beside.transform_calculate(text="datum.config + '  ' + datum.said")
        .mark_text(align="left", dx=26, fontSize=12, color=INK)
        .encode(text="text:N"),
        width=PANEL,
        height=HEIGHT,
    )
    return titled(_panels(layered, "who", ["Student", "system"]), title)


def _position(points: pl.DataFrame) -> alt.X:
    last = points.select(pl.col("position").max()).item()
    return alt.X(
        "position:Q",
        title="comments so far",
        axis=alt.Axis(format=",d", tickCount=6, grid=False),
        scale=alt.Scale(domain=[0, last + 1], nice=False),  # so many are through after the last position
    )


def _spots(points: pl.DataFrame) -> pl.DataFrame:
    """Return about ten points per config, so that a dense line still shows its shape."""
    ranked = points.with_columns(
        rank=pl.int_range(pl.len()).over("config"), every=(pl.len().over("config") // 10).clip(1)
    )
    last = pl.col("rank") == pl.col("rank").max().over("config")
    return ranked.filter((pl.col("rank") % pl.col("every") == 0) | last)


def action_distribution(shares: pl.DataFrame, title: Titled) -> Spec:
    """Return, per config, how many of 1,000 comments met each action; `allow` stands in the header."""
    allowed = _with_words(shares.filter(pl.col("action") == "allow"), "share", 1).select(
        "config", panel=pl.format("{} · {} allowed", "config", "said")
    )
    bars = (
        shares.filter(pl.col("action") != "allow")
        .join(allowed, on="config", how="left", maintain_order="left")
        .with_columns(per_1000=pl.col("share") * 1000)
    )
    bars = _said(bars, "share", lambda share: rounded(share, 1, times=1000))
    order = bars["action"].unique(maintain_order=True).to_list()
    top = max(1.0, float(bars["per_1000"].max() or 0)) * 1.3  # type: ignore[arg-type]
    base = alt.Chart(bars).encode(
        x=alt.X(
            "per_1000:Q",
            title="per 1,000 comments",
            scale=alt.Scale(domain=[0, top], nice=False),
            axis=alt.Axis(tickCount=4, format="~f"),
        ),
        y=alt.Y("action:N", sort=order, title=None),
        tooltip=["config:N", "action:N", "comments:Q", alt.Tooltip("said:N", title="per_1000")],
    )
    layered = alt.layer(
        base.mark_bar(color=FILL, height={"band": 0.7}),
        base.mark_text(align="left", dx=4, color=INK, fontSize=11).encode(
            text=alt.Text("comments:Q", format=",d")
        ),
        width=250,
        height=170,
    )
    return titled(_panels(layered, "panel", allowed["panel"].to_list()), title)


class Measure(NamedTuple):
    """A quantity on an axis: its column, its unit in words, how the page says one, d3 its ticks, and the axis' end."""

    column: str
    unit: str
    say: Callable[[Any], str]
    style: str
    top: float
    said_of: str | None = None
    """The column that is said, where another is drawn."""


def cost_comparison(rows: pl.DataFrame, cost: Measure, quality: Measure | None, title: Titled) -> Spec:
    """Return one line per config: what it costs and, beside it, how good it is with its 95 % interval."""
    order = rows["config"].to_list()
    y = alt.Y("config:N", sort=order, title=None, axis=alt.Axis(ticks=False, domain=False, labelFontSize=13))
    scale = alt.Scale(domain=[0, cost.top * 1.2], nice=False)
    axis = alt.Axis(format=cost.style, values=[cost.top * part / 4 for part in range(5)])
    x = alt.X(f"{cost.column}:Q", title=cost.unit, scale=scale, axis=axis)
    base = alt.Chart(_said(rows, cost.said_of or cost.column, cost.say, "cost")).encode(
        x=x, y=y, tooltip=["config:N", alt.Tooltip("cost:N", title=cost.column)]
    )
    number = alt.Text("cost:N")
    bars = alt.layer(
        base.mark_bar(color=FILL, height=18),
        base.mark_text(align="left", dx=5, color=INK, fontSize=12).encode(text=number),
        width=270,
        height=STEP,
    )
    whole = bars if quality is None else alt.hconcat(bars, _quality(rows, quality, order), spacing=36)
    return titled(whole.to_dict(validate=False), title)


def _quality(rows: pl.DataFrame, quality: Measure, order: list[str]) -> alt.LayerChart | alt.FacetChart:
    known = rows.drop_nulls(quality.column)
    if quality.say is percent:
        known = _with_words(known, quality.column, 1)
    else:
        known = _said(known, quality.column, quality.say)
    bounds = known.select(pl.min_horizontal(quality.column, f"{quality.column}_low").min()).item()
    scale = alt.Scale(domain=[max(0.0, (bounds or 0.0) - 0.05), quality.top], nice=False, zero=False)
    axis = alt.Axis(tickCount=5, format=quality.style)
    base = alt.Chart(known).encode(
        y=alt.Y("config:N", sort=order, title=None, axis=None, scale=alt.Scale(domain=order))
    )
    x = alt.X(f"{quality.column}:Q", title=quality.unit, scale=scale, axis=axis)
    low = alt.X(f"{quality.column}_low:Q", title=quality.unit, scale=scale, axis=axis)
    high = alt.X(f"{quality.column}_high:Q", title=quality.unit, scale=scale, axis=axis)
    return alt.layer(
        base.mark_rule(strokeWidth=2.5, color=QUIET).encode(x=low, x2=f"{quality.column}_high:Q"),
        base.mark_tick(thickness=2.5, size=12, color=QUIET).encode(x=low),
        base.mark_tick(thickness=2.5, size=12, color=QUIET).encode(x=high),
        base.mark_point(shape="diamond", size=70, filled=True, color=INK, opacity=1).encode(
            x=x, tooltip=["config:N", alt.Tooltip("said:N", title=quality.column)]
        ),
        base.mark_text(dy=-13, fontSize=12, color=INK).encode(x=x, text="said:N"),
        width=270,
        height=STEP,
    )


def confusion(cells: pl.DataFrame, voice: LabelVoice, title: Titled) -> Spec:
    """Return one square per config: what the labels say against what the run judged, counts written in."""
    labels = [voice.labelled_violation, voice.labelled_innocent]
    verdicts = ["judged violation", "judged no violation"]
    named = cells.with_columns(
        labelled=pl.when("label").then(pl.lit(labels[0])).otherwise(pl.lit(labels[1])),
        judged=pl.when("flagged").then(pl.lit(verdicts[0])).otherwise(pl.lit(verdicts[1])),
        share=pl.col("comments") / pl.col("comments").sum().over("config", "label"),
    ).with_columns(dark=pl.col("share") > 0.55)
    named = _with_words(named, "share", 1)
    bare = alt.Axis(labelAngle=0, domain=False, ticks=False, title=None)
    base = alt.Chart(named).encode(
        x=alt.X("judged:N", sort=verdicts, axis=bare),
        y=alt.Y("labelled:N", sort=labels, axis=bare),
    )
    layered = alt.layer(
        base.mark_rect(stroke=QUIET).encode(color=alt.Color("share:Q", scale=GREYS, legend=None)),
        base.mark_text(fontSize=15, dy=-7).encode(
            text=alt.Text("comments:Q", format=",d"), color=INK_ON_GREY
        ),
        base.mark_text(fontSize=11, dy=11).encode(text="said:N", color=INK_ON_GREY),
        width=250,
        height=110,
    )
    configs = cells["config"].unique(maintain_order=True).to_list()
    return titled(_panels(layered, "config", configs), title)


def category_confusion(cells: pl.DataFrame, title: Titled) -> Spec:
    """Return one square: labelled categories in lines, judged ones in columns, counts written in."""
    named = cells.with_columns(
        share=pl.col("comments") / pl.col("comments").sum().over("label_category")
    ).with_columns(dark=pl.col("share") > 0.55)
    base = alt.Chart(named).encode(
        x=alt.X(
            "final_category:N",
            sort=_ordered(cells["final_category"]),
            title="judged",
            axis=alt.Axis(labelAngle=-35, domain=False, ticks=False),
        ),
        y=alt.Y(
            "label_category:N",
            sort=_ordered(cells["label_category"]),
            title="labelled",
            axis=alt.Axis(domain=False, ticks=False),
        ),
    )
    layered = alt.layer(
        base.mark_rect(stroke=QUIET).encode(color=alt.Color("share:Q", scale=GREYS, legend=None)),
        base.mark_text(fontSize=13).encode(text=alt.Text("comments:Q", format=",d"), color=INK_ON_GREY),
        width={"step": 62},
        height={"step": 34},
    )
    return titled(layered.to_dict(validate=False), title)


def _ordered(categories: pl.Series) -> list[str]:
    """Return the categories in the order in which the plan declares them, unknown ones last."""
    known = [category.value for category in Category]
    return sorted(
        categories.unique().to_list(), key=lambda name: (known.index(name) if name in known else 99, name)
    )


def _panels(layered: alt.TopLevelMixin, column: str, order: list[str]) -> Spec:
    """Return a panel for each value of a column, two in a row, each with the axis below it.

    Facets would draw the last row's axis under a panel that isn't there, of three configs or five.
    """
    panel = layered.to_dict(validate=False)
    whole = {key: panel.pop(key) for key in ("$schema", "config", "data", "datasets")}
    panels = [_panel(panel, column, value, is_left=not at % 2) for at, value in enumerate(order)]
    return whole | {"concat": panels, "columns": 2, "spacing": 24}


def _panel(panel: Spec, column: str, value: str, *, is_left: bool) -> Spec:
    """Return the panel of one value; what a line means is written at the left one alone."""
    title = {
        "text": value,
        "anchor": "start",
        "frame": "group",
        "fontSize": 12,
        "fontWeight": 600,
        "color": INK,
        "offset": 8,
    }
    layers = panel["layer"] if is_left else [_without_words(layer) for layer in panel["layer"]]
    chosen = {"filter": {"field": column, "equal": value}}
    return panel | {"layer": layers, "transform": [chosen], "title": title}


def _without_words(layer: Spec) -> Spec:
    y = layer["encoding"]["y"] | {"axis": {"labels": False, "ticks": False, "domain": False, "title": None}}
    return layer | {"encoding": layer["encoding"] | {"y": y}}
