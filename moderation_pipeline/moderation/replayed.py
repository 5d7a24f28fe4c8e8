"""A stored run acted upon under what somebody asks for: thresholds by category, and a sanctions file by its name.

What follows from that is `acting_anew.py`'s, who fares otherwise `evaluation/outcome_changes.py`'s.
"""

from __future__ import annotations

import polars as pl

from moderation_pipeline.config.own_rules import own_rules
from moderation_pipeline.config.run_config import Config
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.moderation.acting_anew import Stored, Thresholds, acted_anew
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.plan import Category
from moderation_pipeline.warehouse.folder import DataFolder

NAMED = [each.value for each in Category if each is not Category.NONE]
"""Categories that a threshold can be of."""


def acted_under(
    comments: pl.DataFrame,
    stored: Stored,
    config: Config,
    folder: DataFolder,
    *,
    least: Thresholds,
    sanctions: str | None,
) -> pl.DataFrame:
    """Return what would be done about each comment; nothing is changed where nothing is asked for.

    Raises:
        SanctionsError: there is no such sanctions file, or it can't be read.
    """
    ladder = Ladder(load_sanctions(sanctions or config.sanctions, folder), shadow=config.shadow)
    rules = own_rules(config.rules, folder)
    return acted_anew(comments, stored, config, ladder, least=least, own_rules=rules)


def asked_in_words(least: Thresholds, sanctions: str | None) -> str:
    """Return what is asked for, as it is said beside what comes of it."""
    asked = [f"{name} from {share:g} on" for name, share in least.items()]
    asked += [f"sanctions {sanctions}"] if sanctions else []
    return ", ".join(asked) or "nothing changed"
