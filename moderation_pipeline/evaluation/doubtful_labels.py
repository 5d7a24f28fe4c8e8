"""Which labels look wrong: those that what is written elsewhere in the chat speaks against.

Confident learning (Northcutt, Jiang & Chuang 2021, doi:10.1613/jair.1.12125): a classifier of the text, fitted on
other folds, says how likely each comment is a violation. A label is doubted where the other class is the likelier one,
and at least as likely as it is, on average, of comments that carry that class's label. What is doubted is to be looked
at by a human: it may as well be the classifier that is wrong. Nothing is learnt from this by anybody who decides (law
8).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from moderation_pipeline.errors import ModerationError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FOLDS = 5
LEAST_OF_A_KIND = 20
"""Labels of the rarer kind, below which a classifier of them is noise."""

STRENGTH = 10.0
"""Inverse regularisation of the classifier."""


class TooFewLabelsError(ModerationError):
    """A chat with too few labels of one kind."""

    def __init__(self, chat: str, violations: int, innocent: int) -> None:
        super().__init__(
            f"Chat {chat!r} has {violations:,} comments labelled a violation and {innocent:,} labelled innocent; to"
            f" tell which labels look wrong it takes {LEAST_OF_A_KIND} of either."
        )


class LabelDoubts(NamedTuple):
    """The doubted labels, the most doubtful first, and how many there would be among how many.

    Columns of `doubted`: comment_id, position, channel, user_id, user_name, text, label (violation or innocent),
    looks_like (the other), probability (of that, by the text alone), copies and copies_otherwise: how often the same
    was said and labelled, and labelled otherwise.
    """

    doubted: pl.DataFrame
    labelled: int
    violations: int
    doubted_violations: int
    doubted_innocent: int


def label_doubts(comments: pl.DataFrame, *, seed: int = 1) -> LabelDoubts:
    """Return which labels of a chat look wrong.

    Raises:
        TooFewLabelsError: there are too few labels of a kind for folds.
    """
    labelled = comments.drop_nulls("label_is_violation").sort("position")
    flags = labelled["label_is_violation"].to_numpy().astype(bool)
    if min(int(flags.sum()), int((~flags).sum())) < LEAST_OF_A_KIND:
        chat = str(comments["chat"][0]) if comments.height else ""
        raise TooFewLabelsError(chat, int(flags.sum()), int((~flags).sum()))
    texts = labelled["normalised"].fill_null("")
    probability = out_of_fold(texts, flags, seed=seed)
    doubted = doubts(probability, flags)
    same = pl.len().over("normalised")
    otherwise = same - (pl.col("label_is_violation") == pl.col("label_is_violation")).sum().over(
        "normalised", "label_is_violation"
    )
    shown = labelled.with_columns(
        likely=pl.Series(probability), doubted=pl.Series(doubted), copies=same, copies_otherwise=otherwise
    ).filter("doubted")
    ranked = shown.with_columns(
        label=_named("label_is_violation"),
        looks_like=_named(~pl.col("label_is_violation")),
        probability=pl.when("label_is_violation").then(1 - pl.col("likely")).otherwise("likely"),
    ).sort("probability", "copies_otherwise", "position", descending=[True, True, False])
    return LabelDoubts(
        ranked.select(SHOWN),
        labelled.height,
        int(flags.sum()),
        int((doubted & flags).sum()),
        int((doubted & ~flags).sum()),
    )


SHOWN = (
    *("comment_id", "position", "channel", "user_id", "user_name", "text"),
    *("label", "looks_like", "probability", "copies", "copies_otherwise"),
)


def _named(flag: str | pl.Expr) -> pl.Expr:
    return pl.when(flag).then(pl.lit("violation")).otherwise(pl.lit("innocent"))


def doubts(probability: Floats, flags: Flags) -> Flags:
    """Return which labels are doubted, of the probability of a violation and the labels.

    The threshold of a class is its mean probability among comments labelled so: who is only as sure as usual of
    another class than the label's doubts it, where it is also the likelier one.
    """
    looks_violation = (probability > 0.5) & (probability >= probability[flags].mean())
    looks_innocent = (probability <= 0.5) & (probability <= probability[~flags].mean())
    return np.asarray(np.where(flags, looks_innocent, looks_violation), dtype=np.bool_)


def out_of_fold(texts: pl.Series, flags: Flags, *, seed: int) -> Floats:
    """Return the probability of a violation of each text, by a classifier that has seen no copy of it."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold

    rows, copies = _features(texts), texts.rank("dense").to_numpy()
    probability = np.full(len(flags), flags.mean())
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for others, own in folds.split(rows, flags, groups=copies):
        if flags[others].all() or not flags[others].any():
            continue
        fitted = LogisticRegression(C=STRENGTH, solver="liblinear").fit(rows[others], flags[others])
        probability[own] = fitted.predict_proba(rows[own])[:, 1]
    return probability


def _features(texts: pl.Series) -> csr_matrix:
    from sklearn.feature_extraction.text import TfidfVectorizer

    letters = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(2, 4), min_df=2, sublinear_tf=True, dtype=np.float32
    )
    return csr_matrix(letters.fit_transform(texts.to_list()))
