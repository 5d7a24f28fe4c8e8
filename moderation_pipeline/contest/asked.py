"""What is asked of a table: which columns it is about, written short, for the command and for Python alike.

    label      COLUMN · COLUMN=VALUE,VALUE (those are violations) · COLUMN>=NUMBER
    score      NAME=COLUMN · COLUMN · NAME=COLUMN/100 (a score out of 100) · NAME=1-COLUMN (a low one is the bad one)
    threshold  NUMBER for all scores · NAME=NUMBER
    price      NAME=DOLLARS for 1,000 rows
    harm       missed=WEIGHT · wrongful=WEIGHT · CATEGORY=WEIGHT (of a missed violation)

A column that is called so is meant first: `a=b` is the column `a=b` where there is one. How values are read is in
`judged_table.py`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple, get_args

from moderation_pipeline.comments.charset import is_encoding
from moderation_pipeline.errors import ModerationError, closest
from moderation_pipeline.evaluation.harm import Weights
from moderation_pipeline.evaluation.scored.judged_rows import LabelSource

USUAL_THRESHOLD = 0.5
KEYLESS = {
    "student_only": "rules",
    "student_memory": "student_memory",
    "hybrid": "hybrid",
    "expert_only": "careful_rules",
}
"""The ready-made configs that need neither key nor model, and what each is called as a judge: what it decides by."""

BESIDE = ("student_only", "expert_only")
"""Those that scores are judged beside unless more are named: the other two are made of them, and each judge more makes
the intervals of all differences wider."""


class AskedError(ModerationError):
    """What is asked can't be understood: what was written, what is allowed, an example."""


class LabelAsked(NamedTuple):
    """Where a label is, and which of its values are violations: those listed, or from a number on."""

    column: str
    true_for: tuple[str, ...] = ()
    at_least: float | None = None


class ScoreAsked(NamedTuple):
    """A score: what it is called, where it is, out of how much, and from which probability on it flags.

    `is_turned` says that a low one is the bad one: what is judged is 1 less it.
    """

    name: str
    column: str
    out_of: float = 1.0
    is_turned: bool = False
    threshold: float = USUAL_THRESHOLD
    usd_per_1000: float | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, as it was written; what it means depends on the columns there are."""

    text: str
    labels: tuple[str, ...]
    scores: tuple[str | tuple[str, str], ...] = ()
    user: str | None = None
    time: str | None = None
    category: str | None = None
    cluster: str | None = None
    groups: tuple[str, ...] = ()
    annotator: str | None = None
    item: str | None = None
    no_label: tuple[str, ...] = ()
    encoding: str | None = None
    sheet: str | None = None
    thresholds: tuple[str, ...] = ()
    prices: tuple[str, ...] = ()
    harm: tuple[str, ...] = ()
    label_source: LabelSource = "human"
    configs: tuple[str, ...] = BESIDE

    def __post_init__(self) -> None:
        for name in self.configs:
            if name not in KEYLESS:
                raise AskedError(
                    f"--config {name!r} is no keyless config.{closest(name, [*KEYLESS])} Choose of "
                    f"{', '.join(KEYLESS)}; others are run over a chat: moderation add, moderation run."
                )
        if not self.scores and not self.configs:
            raise AskedError("There is nobody to judge: name a score, such as --score perspective=TOXICITY.")
        if self.encoding is not None and not is_encoding(self.encoding):
            raise AskedError(
                f"--encoding {self.encoding!r} is no encoding. Write one such as cp1251, shift_jis or gb18030."
            )
        if not self.labels:
            raise AskedError("No label is named. Say which column says what is a violation: --label toxic.")
        if self.label_source not in get_args(LabelSource):
            raise AskedError(
                f"The label source {self.label_source!r} is none: choose {', '.join(get_args(LabelSource))}."
            )
        if (self.annotator is None) != (self.item is None):
            raise AskedError(
                "A table with a row per annotator and item needs both columns: --annotator rater --item comment_id. "
                "With a column per annotator name the columns: --label rater_1,rater_2,rater_3."
            )
        if self.annotator is not None and len(self.labels) > 1:
            raise AskedError(
                f"Labels are in one column where --annotator says whose a row is, and here are {len(self.labels)}: "
                f"{', '.join(self.labels)}. Name one, or leave --annotator and --item out."
            )

    def labels_of(self, names: Sequence[str]) -> list[LabelAsked]:
        """Return the labels that are asked for of a table with those columns."""
        parts = [part for written in self.labels for part in _split(written, names)]
        found = [_label(part, names) for part in parts]
        _refuse_twice("--label", [each.column for each in found])
        return found

    def scores_of(self, names: Sequence[str]) -> list[ScoreAsked]:
        """Return the scores that are asked for of a table with those columns."""
        found = [_score(written, names) for written in self.scores]
        _refuse_twice("--score", [each.name for each in found])
        beside = [KEYLESS[name] for name in self.configs]
        for each in found:
            if each.name in beside:
                raise AskedError(
                    f"--score {each.name}={each.column}: {each.name} are judged beside it. Choose "
                    f"another name, such as my_{each.name}={each.column}."
                )
        known = [each.name for each in found]
        bounds = _numbers("--threshold", self.thresholds, known, USUAL_THRESHOLD)
        prices = _numbers("--price", self.prices, known, None)
        return [
            each._replace(threshold=bounds[each.name] or 0.0, usd_per_1000=prices[each.name])
            for each in found
        ]

    def weights_of(self, categories: Sequence[str]) -> Weights:
        """Return what errors weigh in a table with those categories."""
        known = [*KINDS_OF_ERROR, *sorted(categories)]
        found = dict(_weight(written, known) for written in self.harm)
        missed, wrongful = (found.pop(kind, 1.0) for kind in KINDS_OF_ERROR)
        return Weights(missed, wrongful, of_category=found)


KINDS_OF_ERROR = ("missed", "wrongful")


def _split(written: str, names: Sequence[str]) -> list[str]:
    """Return several columns that are named together; commas in a list of values are left alone."""
    if written in names or "," not in written or "=" in written or COMPARED.fullmatch(written):
        return [written]
    return [part.strip() for part in written.split(",") if part.strip()]


AT_LEAST = re.compile(r"(.+?)\s*>=\s*([+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+))")
COMPARED = re.compile(r"(.+?)\s*(?:[=!<>]=|[<>≥≤≠])\s*.*")
"""A comparison; one with `>=` and a number is understood."""
OUT_OF = re.compile(r"(.+)/(\d+(?:\.\d+)?)")
TURNED = "1-"


def _label(written: str, names: Sequence[str]) -> LabelAsked:
    if written in names:
        return LabelAsked(written)
    if (bound := AT_LEAST.fullmatch(written)) and not COMPARED.fullmatch(bound[1]):
        return LabelAsked(bound[1], at_least=float(bound[2].replace(",", ".")))
    if (compared := COMPARED.fullmatch(written)) and compared[1] in names:
        raise AskedError(
            f"--label {written!r} is not understood. Violations are listed, COLUMN=VALUE,VALUE, or are those from a "
            f"number on, COLUMN>=NUMBER, such as {compared[1]}>=0.5. Where low numbers are violations, list them. "
            "Several annotators' labels are asked for one by one: --label 'a>=0.5' --label 'b>=0.5'."
        )
    column, equals, values = written.partition("=")
    listed = tuple(value.strip() for value in values.split(",") if value.strip())
    if equals and not listed:
        raise AskedError(f"--label {written!r} lists no value: write {column}=1, or {column} alone.")
    return LabelAsked(column.strip(), listed)


def _score(written: str | tuple[str, str], names: Sequence[str]) -> ScoreAsked:
    """Return the score of a name and a column, or of both written as one."""
    if isinstance(written, tuple):
        name, column = written
    else:
        name, equals, column = (part.strip() for part in written.partition("="))
        if written in names or not equals:
            name, column = written, written
    if not name or not column:
        raise AskedError(f"--score {written!r} is not of the form NAME=COLUMN, such as perspective=TOXICITY.")
    is_turned = column not in names and column.startswith(TURNED)
    if is_turned:
        name, column = name.removeprefix(TURNED), column.removeprefix(TURNED).strip()
    if column not in names and (found := OUT_OF.fullmatch(column)):
        return ScoreAsked(name.removesuffix(f"/{found[2]}"), found[1], float(found[2]), is_turned)
    return ScoreAsked(name, column, is_turned=is_turned)


MOST = {"--threshold": 1.0, "--price": sys.float_info.max}
MEANT = {
    "--threshold": "a threshold is a probability from 0 to 1",
    "--price": "a price is dollars, 0 or more",
}


def _numbers(
    option: str, written: Sequence[str], known: Sequence[str], usual: float | None
) -> Mapping[str, float | None]:
    """Return a number for each name: its own, else that for all, else the usual one."""
    for_all, own = usual, {}
    for each in written:
        name, equals, value = (part.strip() for part in each.rpartition("="))
        try:
            number = float(value)
        except ValueError:
            raise AskedError(f"{option} {each!r}: {value!r} is no number. Write {option} NAME=0.7.") from None
        if not 0 <= number <= MOST[option]:
            of_100 = (
                f" If it is out of 100, write {name}{equals}{number / 100:g}." if 1 < number <= 100 else ""
            )
            raise AskedError(f"{option} {each!r}: {MEANT[option]}, such as NAME=0.7.{of_100}")
        if not equals:
            for_all = number
        elif name not in known:
            raise AskedError(
                f"{option} {each!r}: no score is called {name!r}.{closest(name, known)} Scores are: {', '.join(known)}."
            )
        else:
            own[name] = number
    return {name: own.get(name, for_all) for name in known}


def _weight(written: str, known: Sequence[str]) -> tuple[str, float]:
    """Return what an error of a kind, or of a category, weighs."""
    name, _, value = (part.strip() for part in written.rpartition("="))
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if number < 0 or not isfinite(number):
        raise AskedError(f"--harm {written!r}: {value!r} is no weight of 0 or more. Write --harm missed=5.")
    if name not in known:
        raise AskedError(
            f"--harm {written!r}: {name!r} is no kind of error.{closest(name, known)} It may be missed, wrongful, or a "
            f"category of --category: {', '.join(known)}."
        )
    return name, number


def _refuse_twice(option: str, names: Sequence[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise AskedError(f"{option} names {twice!r} twice. Give each its own name, or keep one of them.")
