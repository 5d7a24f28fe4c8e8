"""The words of a report, each with what it means: the short ones beside their first use, all of them at the end.

A word that a lead moderator does not know stands on no page without one of these; a test reads the page for it.
"""

from __future__ import annotations

from typing import NamedTuple


class Word(NamedTuple):
    """A word and its meaning, in a sentence without other words of the list that come later."""

    word: str
    meaning: str


WORDS: tuple[Word, ...] = (
    Word(
        "config", "One way of moderating: who decides, who checks, and which sanctions follow. One file each."
    ),
    Word("Student", "The quick and cheap agent that decides about every comment."),
    Word("Expert", "The slow and careful agent (or person) that checks some of what the Student decides."),
    Word("audit", "A comment that the Expert checked. Some are picked for a reason, some by chance."),
    Word(
        "audited by chance",
        "Picked by lot, so that these few speak for all comments and not for the odd ones.",
    ),
    Word(
        "label", "What a human, a data set or the generator said of a comment beforehand: the answer sheet."
    ),
    Word("violation", "A comment that breaks a rule, by a label or by who decided."),
    Word("flagged", "Called a violation by the config, whatever was done about it."),
    Word(
        "plan",
        "What an agent proposes for a comment: let it be, reply, warn, delete, time out or ban, and why.",
    ),
    Word("sanction", "What is held against a user: a warning, a deletion, a timeout or a ban."),
    Word("under sanction", "Written by somebody who, had it been real, would have been silenced by then."),
    Word("in shadow", "Written down as what would have been done, and not carried out."),
    Word("acts alone", "Carries out what the Student decided without the Expert having checked it."),
    Word("certified", "Shown, by audits picked by chance, to be wrong no more often than a target says."),
    Word(
        "memory",
        "A case in which the Expert disagreed; the Student is shown those that are like a new comment.",
    ),
    Word("precision", "Of 100 comments it flagged, how many are violations by the labels."),
    Word("recall", "Of 100 violations by the labels, how many it flagged."),
    Word("F1", "Precision and recall in one number from 0 to 1: high only where both are."),
    Word(
        "95 % interval",
        "How far off the number may be by chance: were such chats drawn again and again, 95 of 100 intervals made this"
        " way would hold the true one.",
    ),
    Word(
        "false alarm, false-positive rate",
        "A comment that was flagged and is none by the labels; of 100 that are none, how many were.",
    ),
    Word(
        "risk and coverage",
        "How often it is wrong (risk) if it decides only the share of the comments that it is surest of (coverage).",
    ),
    Word(
        "weight, harm",
        "How much an error counts beside others: a wrongful ban may weigh more than a warning.",
    ),
    Word(
        "AUROC",
        "How often a violation gets a higher probability than another comment: 0.5 is guessing.",
    ),
    Word(
        "strike",
        "A sanction above a warning that still counts against a user; each makes the next one harder.",
    ),
    Word(
        "level", "How many strikes and warnings counted: the step of the ladder of sanctions that was taken."
    ),
    Word(
        "base, learned head",
        "A Student that learns: its base decides until the part that learns, its head, may.",
    ),
    Word("position", "The number of a comment in the chat, counted from 0."),
    Word(
        "random_floor",
        "The share of comments that are audited by chance, whatever the Student thinks of them.",
    ),
    Word("list price", "What it would have cost if no answer had been kept from an earlier run."),
    Word("Wilson, bootstrap, resampling", "Ways to tell how far off a number may be by chance."),
)
