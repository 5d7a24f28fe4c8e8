"""How the numbers of an evaluated table were computed: a paragraph, where each stands, and how to cite it."""

from __future__ import annotations

from dataclasses import dataclass

from moderation_pipeline.evaluation.calibration_error import RESAMPLES
from moderation_pipeline.evaluation.scored.score_evaluation import Facts
from moderation_pipeline.report.words.references import bibtex

PARAGRAPH = (
    "Intervals are 95 % percentile intervals of 1,000 resamples of users (or of --cluster, or of rows where "
    "neither is known; NumPy's generator with one seed, so that the same table gives the same ends), stretched by "
    "Student's t where users are few and by what copied texts add to the variance "
    "(Cameron, Gelbach & Miller 2011), and widened to Clopper and Pearson's (1934) where the rarer outcome is "
    "rare (Korn & Graubard 1998). AUROC and average precision are resampled by their influence functions; of the "
    "calibration error it is the basic "
    f"bootstrap's of {RESAMPLES} resamples. The "
    "intervals of a difference hold for all pairs together (max-t, Westfall & Young 1993); McNemar's exact p is "
    "corrected by Holm and takes rows as independent. The smallest difference that would show is the one that "
    "four of five such tables would tell from nought. Risk and coverage: El-Yaniv & Wiener 2010; their area: "
    "Geifman, Uziel & El-Yaniv 2019. Groups are found by a list of plain words (identity_terms.yaml in the "
    "package: its groups are HateCheck's, Dixon et al.'s and article 21's of the EU's Charter), and the "
    "differences of a judge's groups hold together (max-t). Labels of three and more annotators are corrected by "
    "their moments (Blischke 1962; Rogan & Gladen 1978)."
)

CITED = (
    "cameron2011robust",
    "clopper1934confidence",
    "korn1998confidence",
    "westfall1993resampling",
)

FRAMES = {
    "Comparison": "judges",
    "Thresholds": "thresholds, calibration",
    "Differences": "differences",
    "Who flips": "flips, flipped",
    "The surest": "coverage",
    "Fairness": "fairness",
    "Categories": "categories",
    "Groups": "groups",
    "Annotators": "annotators",
    "Limits": "noise",
}
"""By part of the page the frames of `Evaluation` that its numbers are of."""


@dataclass(frozen=True, slots=True)
class ScoreMethods:
    """A paragraph, a BibTeX entry, what was evaluated, and by part of the page the frames of its numbers."""

    paragraph: str
    bibtex: str
    data: str
    frames: list[tuple[str, str]]


def score_methods(facts: Facts) -> ScoreMethods:
    """Return how the numbers of an evaluation were computed, of which data."""
    data = "a frame in memory" if facts.data is None else f"data {facts.data}"
    return ScoreMethods(
        PARAGRAPH,
        bibtex(f"Moderation pipeline: what the scores of {facts.name} are worth", data, CITED),
        data,
        list(FRAMES.items()),
    )
