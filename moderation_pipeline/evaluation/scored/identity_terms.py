"""Which groups of people a text names, by a list of plain words (`identity_terms.yaml`, where its source is said).

To name a group is not to belong to it: who wrote a text is nobody's guess here.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import polars as pl
import yaml

from moderation_pipeline.statistics.adding_up import groups_of

NAMES_NONE = "names no group"


@cache
def patterns() -> dict[str, str]:
    """Return, by group, the pattern that finds its words in a text, whatever their case."""
    path = files("moderation_pipeline.evaluation.scored") / "identity_terms.yaml"
    listed = yaml.safe_load(path.read_text("utf-8"))
    return {
        group: _pattern([word for words in said.values() for word in words]) for group, said in listed.items()
    }


def _pattern(words: list[str]) -> str:
    # The longest first, so that a name within another does not cut it short.
    alternatives = "|".join(
        re.escape(word) for word in sorted(set(words), key=lambda word: (-len(word), word))
    )
    return rf"(?i)(?:^|[^\p{{L}}\p{{N}}])(?:{alternatives})(?:$|[^\p{{L}}\p{{N}}])"


def names(texts: pl.Series) -> pl.DataFrame:
    """Return a column per group, whether each text names it, and NAMES_NONE."""
    groups = groups_of([texts])  # most of a chat's texts are copies, and a pattern takes long to look for
    distinct = texts[groups.first]
    found = pl.DataFrame(
        [distinct.str.contains(pattern).alias(group)[groups.of_row] for group, pattern in patterns().items()]
    )
    return found.with_columns((~pl.any_horizontal(pl.all())).alias(NAMES_NONE))
