from __future__ import annotations

import asyncio
import os
from pathlib import Path

import polars as pl
import pytest
from sklearn.metrics import f1_score

from moderation_pipeline.agents.keyless.careful_rules import CarefulRulesExpert
from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.cases.situation import Situation, Standing
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline_tests.agents.cases import cases_of

REPOSITORY = Path(__file__).parents[2]
SHARED = Path(os.environ.get("MODERATION_SHARED_DATA") or REPOSITORY.parent / "shared" / "data")


def labelled(name: str) -> pl.DataFrame:
    path = SHARED / f"{name}.parquet"
    if not path.is_file():
        pytest.skip(f"no {path}: set MODERATION_SHARED_DATA to the folder of the labelled data")
    data = pl.read_parquet(path).filter(pl.col("label_toxic").is_not_null())
    return data.filter(pl.col("split") == "valid") if name == "conda_dota2" else data


def is_violation(verdicts: list[Verdict]) -> list[bool]:
    return [verdict.plan is not None and verdict.plan.is_violation for verdict in verdicts]


@pytest.mark.parametrize(("name", "average"), [("conda_dota2", "binary"), ("hatecheck", "macro")])
def test_careful_rules_judge_better_than_rules(name: str, average: str) -> None:
    """CONDA's lines are judged one by one here; `benchmarks/keyless_quality.py` judges them in their stream."""
    data = labelled(name)
    cases = cases_of(*data["text"])
    nothing = [Situation(Standing(0, None))] * len(cases)
    decided = is_violation(asyncio.run(RulesStudent().decide(cases, nothing)))
    audited = is_violation(asyncio.run(CarefulRulesExpert().audit(cases)))
    truth = data["label_toxic"].to_list()
    assert f1_score(truth, audited, average=average) > f1_score(truth, decided, average=average)
