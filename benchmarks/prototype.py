"""The prototype that the learned Student is measured against, in the fewest lines that do what it did.

A 27-word lexicon until 60 audits are in, then logistic regression on hashed word and character n-grams and the
lexicon; of each batch the least certain are audited (four in five) and some at random (one in five); refitted
whenever the audits have grown by three tenths. The labels are the Expert.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

LEXICON = [
    "noob",
    "noobs",
    "trash",
    "idiot",
    "idiots",
    "retard",
    "dog",
    "stupid",
    "suck",
    "sucks",
    "fuck",
    "fucking",
    "shit",
    "bitch",
    "ez",
    "easy",
    "report",
    "reported",
    "uninstall",
    "loser",
    "moron",
    "gay",
    "cancer",
    "die",
    "braindead",
    "garbage",
    "animal",
]
GROWTH = 1.3
FIRST_FIT = 60


class PrototypeRun(NamedTuple):
    """What it decided before each audit, and which comments were audited."""

    predicted: NDArray[np.bool_]
    audited: NDArray[np.bool_]


def features(comments: pl.DataFrame) -> csr_matrix:
    """Return the prototype's features, shape (comments, hashed n-grams + 27)."""
    texts = [re.sub(r"(.)\1{2,}", r"\1\1", text.lower()) for text in comments["text"]]
    words = HashingVectorizer(ngram_range=(1, 2), n_features=2**18, alternate_sign=False)
    chars = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 4), n_features=2**18, alternate_sign=False)
    return csr_matrix(hstack([words.transform(texts), chars.transform(texts), lexicon_hits(texts)]))


def lexicon_hits(texts: list[str]) -> csr_matrix:
    """Return which words of the lexicon each text holds."""
    rows = [[float(word in said) for word in LEXICON] for said in (set(re.findall(r"\w+", t)) for t in texts)]
    return csr_matrix(np.array(rows))


def run_prototype(comments: pl.DataFrame, share: float, *, seed: int, batch_size: int = 64) -> PrototypeRun:
    """Run the prototype over a chat with labels, auditing this share."""
    rows = features(comments)
    truth = comments["label_is_violation"].to_numpy().astype(np.bool_)
    by_lexicon = np.asarray(rows[:, -len(LEXICON) :].sum(axis=1)).ravel() > 0
    count = len(truth)
    rng = np.random.default_rng(seed)
    predicted, audited = by_lexicon.copy(), np.zeros(count, dtype=np.bool_)
    model: LogisticRegression | None = None
    next_fit, owed = FIRST_FIT, 0.0
    for start in range(0, count, batch_size):
        batch = np.arange(start, min(count, start + batch_size))
        doubt = rng.random(len(batch))
        if model is not None:
            likely = model.predict_proba(rows[batch])[:, 1]
            predicted[batch] = likely >= 0.5
            doubt = -np.abs(likely - 0.5)
        owed += share * 4 / 5 * len(batch)
        audited[batch[np.argsort(-doubt, kind="stable")[: int(owed)]]] = True
        owed -= int(owed)
        audited[batch[rng.random(len(batch)) < share / 5]] = True
        so_far = int(audited[: batch[-1] + 1].sum())
        if so_far >= next_fit:
            known = np.flatnonzero(audited[: batch[-1] + 1])
            model = LogisticRegression(C=10, solver="liblinear").fit(rows[known], truth[known])
            next_fit = int(so_far * GROWTH) + 1
    return PrototypeRun(predicted, audited)
