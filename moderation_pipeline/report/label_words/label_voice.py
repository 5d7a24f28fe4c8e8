"""How a report speaks of what the labels say, which depends on whose they are.

Where they are what moderators did, nobody is called innocent, and no comment a violation, because of them: it was acted
on, or let be. Of tables with scores `scored_tables/score_words.py` says the same.
"""

from __future__ import annotations

from typing import NamedTuple

ACTS = "moderators"
"""The source of labels that are what moderators did: what they let be is not known to be innocent."""


class LabelVoice(NamedTuple):
    """Words for what is labelled a violation and what isn't: one, many, as the head of a line, as something done."""

    violation: str
    violations: str
    innocent: str
    innocents: str
    labelled_violation: str
    labelled_innocent: str
    wrongly: str
    wrong_of_user: str
    was_wrong: str
    f1: str


OF_TRUTH = LabelVoice(
    violation="violation by the labels",
    violations="violations by the labels",
    innocent="comment labelled innocent",
    innocents="comments labelled innocent",
    labelled_violation="labelled violation",
    labelled_innocent="labelled innocent",
    wrongly="Wrongly",
    wrong_of_user="Wrong by the labels",
    was_wrong="were sanctioned though labelled innocent",
    f1="F1 of violation",
)

OF_ACTS = LabelVoice(
    violation="comment that the moderators acted on",
    violations="comments that the moderators acted on",
    innocent="comment that the moderators let be",
    innocents="comments that the moderators let be",
    labelled_violation="moderators acted",
    labelled_innocent="moderators let it be",
    wrongly="Where they let it be",
    wrong_of_user="Let be by the moderators",
    was_wrong="were sanctioned though the moderators let them be",
    f1="F1 against what the moderators acted on",
)


def voice_of(*, by_acts: bool) -> LabelVoice:
    """Return how labels are spoken of; `by_acts` says that they are what moderators did."""
    return OF_ACTS if by_acts else OF_TRUTH
