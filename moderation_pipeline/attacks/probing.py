"""What a config can and can't do: functional tests of single abilities, a table by ability.

After HateCheck (Röttger and others 2021, doi:10.18653/v1/2021.acl-long.4): a score over mixed comments does not say
that counter-speech is taken for hate, a line for each ability does. The lines are data (`attacks/probes.yaml`), each
alone in a channel, so that none is another's context; they are few and made up, so a table shows what to look at, and
is no estimate of how a chat would fare. How a config withstands being talked out of a verdict is `resistance.py`'s.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import NamedTuple

import polars as pl
import yaml

from moderation_pipeline.attacks.attack_suite import Attack, judged_id, plain_chat
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.evaluation.judged import NO_VIOLATION, standing_action
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.moderation.run_beginning import Begin
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline.statistics.wilson import wilson

EXAMPLES = 2


class Probe(NamedTuple):
    """A line, the ability that it asks for, and whether it breaks a rule of anyone's."""

    ability: str
    text: str
    is_violation: bool


@cache
def probes() -> tuple[Probe, ...]:
    """Return all lines, in a fixed order."""
    text = (resources.files("moderation_pipeline.attacks") / "attacks" / "probes.yaml").read_text("utf-8")
    groups = yaml.safe_load(text)
    return tuple(
        Probe(ability, line, group["is_violation"])
        for ability, group in groups.items()
        for line in group["lines"]
    )


def probe_config(named: NamedConfig, begin: Begin) -> pl.DataFrame:
    """Return one row per ability: how many of its lines the config judges rightly, and examples of the others.

    Columns: ability, expected, lines, right, share, low, high (Wilson's 95 % interval), open (nobody decided), wrong.
    How rare violations are is not said: half of the lines are some.
    """
    unsaid = named.config.model_copy(update={"expected_violations_per_1000": None})
    asked = named.model_copy(update={"config": unsaid})
    comments = plain_chat([Attack(each.ability, (each.text,), each.text) for each in probes()])
    with begin(comments) as begun:
        tables = moderate(comments, asked, agents=begun.agents, memory=begun.memory, ladder=begun.ladder)
    return judged_by_ability(tables, audits_act=named.config.audits_act)


def judged_by_ability(tables: RunTables, *, audits_act: bool) -> pl.DataFrame:
    """Return the table of `probe_config` from the tables of a run over the lines."""
    student, expert = (
        table.select("comment_id", "category") for table in (tables.student_decisions, tables.expert_audits)
    )
    stood = student.join(expert, on="comment_id", how="left", suffix="_of_expert").select(
        "comment_id",
        flagged=standing_action("category", "category_of_expert", audits_act=audits_act) != NO_VIOLATION,
    )
    asked = pl.DataFrame(
        [(judged_id(number), *each) for number, each in enumerate(probes())],
        schema=["comment_id", *Probe._fields],
        orient="row",
    )
    both = asked.join(stood, on="comment_id", how="left", maintain_order="left").with_columns(
        right=pl.col("flagged").eq_missing(pl.col("is_violation"))
    )
    counted = both.group_by("ability", maintain_order=True).agg(
        expected=pl.when(pl.col("is_violation").first()).then(pl.lit("acts")).otherwise(pl.lit("lets be")),
        lines=pl.len().cast(pl.Int64),
        right=pl.col("right").sum().cast(pl.Int64),
        open=pl.col("flagged").is_null().sum().cast(pl.Int64),
        wrong=pl.col("text").filter(~pl.col("right")).head(EXAMPLES),
    )
    bounds = [wilson(right / lines, lines) for right, lines in counted.select("right", "lines").iter_rows()]
    return counted.with_columns(
        share=pl.col("right") / pl.col("lines"),
        low=pl.Series([low for low, _ in bounds], dtype=pl.Float64),
        high=pl.Series([high for _, high in bounds], dtype=pl.Float64),
    ).select("ability", "expected", "lines", "right", "share", "low", "high", "open", "wrong")
