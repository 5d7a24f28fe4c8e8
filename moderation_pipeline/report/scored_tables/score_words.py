"""What may be claimed of a judge, which depends on who labelled: agreement with a model is never called accuracy."""

from __future__ import annotations

from typing import NamedTuple

from moderation_pipeline.evaluation.scored.judged_rows import LabelSource


class Words(NamedTuple):
    """How the labels are spoken of: what they say is wrong, one and many of it, what isn't, and what F1 is then.

    `many` is what so many rows are, `innocents` the rows (or comments) that are none.
    """

    violations: str
    one: str
    many: str
    innocent: str
    innocents: str
    f1: str
    caution: str

    def counted(self, number: int) -> str:
        """Return so many rows of these labels: `1 violation by the labels`, `2 acted on by the moderators`."""
        return f"{number:,} {self.one.removeprefix('a ') if number == 1 else self.many}"

    def spared(self, things: str) -> str:
        """Return those of the things that are no violation by the labels, in words."""
        return self.innocents.format(things=things)


WORDS: dict[LabelSource, Words] = {
    "human": Words(
        "violations by the labels",
        "a violation by the labels",
        "violations by the labels",
        "innocent by the labels",
        "innocent {things}",
        "F1",
        "The labels are people's, and people err and differ: where a row has several labels, look at how far they "
        "agree.",
    ),
    "moderators": Words(
        "rows that the moderators acted on",
        "acted on by the moderators",
        "acted on by the moderators",
        "not acted on by the moderators",
        "{things} that the moderators let be",
        "F1 against what the moderators acted on",
        "The labels are what moderators acted on. What nobody saw counts as let be, so that precision is too low by "
        "as much, and recall is of what they acted on, not of what broke a rule.",
    ),
    "generator": Words(
        "violations by the generator",
        "a violation by the generator",
        "violations by the generator",
        "innocent by the generator",
        "innocent {things}",
        "F1",
        "The labels are those of the generator that made up the texts: they show how things work, and are no evidence.",
    ),
    "model": Words(
        "rows that the labelling model flagged",
        "flagged by the labelling model",
        "flagged by the labelling model",
        "not flagged by the labelling model",
        "{things} that the labelling model let pass",
        "F1 of agreement with the labelling model",
        "The labels are a model's, so all of this is agreement with that model, and none of it is accuracy: who errs "
        "as it does looks right. Have people label some hundred rows drawn by chance.",
    ),
}
