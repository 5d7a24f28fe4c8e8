"""What may be claimed of a judge, which depends on who labelled: agreement with a model is never called accuracy."""

from __future__ import annotations

from typing import NamedTuple

from moderation_pipeline.evaluation.scored.judged_rows import LabelSource


class Words(NamedTuple):
    """How the labels are spoken of: rows that they say are wrong, one of them, one that isn't, and what F1 is then."""

    violations: str
    one: str
    innocent: str
    f1: str
    caution: str


WORDS: dict[LabelSource, Words] = {
    "human": Words(
        "violations by the labels",
        "a violation by the labels",
        "innocent by the labels",
        "F1",
        "The labels are people's, and people err and differ: where a row has several labels, look at how far they "
        "agree.",
    ),
    "moderators": Words(
        "rows that the moderators acted on",
        "acted on by the moderators",
        "not acted on by the moderators",
        "F1 against what the moderators acted on",
        "The labels are what moderators acted on. What nobody saw counts as allowed, so that precision is too low by "
        "as much, and recall is of what they acted on, not of what broke a rule.",
    ),
    "generator": Words(
        "violations by the generator",
        "a violation by the generator",
        "innocent by the generator",
        "F1",
        "The labels are those of the generator that made up the texts: they show how things work, and are no evidence.",
    ),
    "model": Words(
        "rows that the labelling model flagged",
        "flagged by the labelling model",
        "not flagged by the labelling model",
        "F1 of agreement with the labelling model",
        "The labels are a model's, so all of this is agreement with that model, and none of it is accuracy: who errs "
        "as it does looks right. Have people label some hundred rows drawn by chance.",
    ),
}
