"""What may be claimed of a judge, which depends on who labelled: agreement with a model is never called accuracy."""

from __future__ import annotations

from typing import NamedTuple

from moderation_pipeline.evaluation.scored.judged_rows import LabelSource


class Words(NamedTuple):
    """How the labels are spoken of: what one says of a row, of all of them, and what they are worth."""

    violation: str
    violations: str
    caution: str


WORDS: dict[LabelSource, Words] = {
    "human": Words(
        "a violation by the labels",
        "violations by the labels",
        "The labels are people's, and people err and differ: where a row has several labels, look at how far they "
        "agree.",
    ),
    "moderators": Words(
        "acted on by the moderators",
        "rows that the moderators acted on",
        "The labels are what moderators acted on. What nobody saw counts as allowed, so that precision is too low by "
        "as much, and recall is of what they acted on, not of what broke a rule.",
    ),
    "generator": Words(
        "a violation by the generator",
        "violations by the generator",
        "The labels are those of the generator that made up the texts: they show how things work, and are no evidence.",
    ),
    "model": Words(
        "flagged by the labelling model",
        "rows that the labelling model flagged",
        "The labels are a model's, so all of this is agreement with that model, and none of it is accuracy: who errs "
        "as it does looks right. Have people label some hundred rows drawn by chance.",
    ),
}
