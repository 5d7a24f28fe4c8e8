"""The conclusion in plain sentences: which config judges best, what it costs, whether it may act alone.

The terms and intervals behind them are in its small print.

Sentences are honest about what the numbers can't say: intervals that overlap, labels that are missing, an
Expert whom nobody checked. Certificates with targets are made elsewhere; nothing here grants one, and what they
grant is said beside the labels' own testimony (`certificate_sentences.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from moderation_pipeline.evaluation.config_comparison import Row, is_cheaper, is_level, recommended
from moderation_pipeline.report.label_words.label_voice import ACTS
from moderation_pipeline.report.quantities import (
    count,
    counted_out,
    dollars,
    of_hundred,
    of_thousand,
    percent,
    plural,
    score,
    signed,
)
from moderation_pipeline.rounding import rounded

WRONGFUL_BOUND = 0.05
"""50 wrongful per 1,000 sanctions: beyond it no config is said to be fit to act alone."""

LEAST_RIGHT = 0.5
"""Below this a config is wrong more often than right when it flags something."""

JUDGES = {
    "moderators": "what its human moderators did",
    "dataset": "the data set's labels",
    "synthetic": "the generator's own labels",
}
"""Whose judgement a label is, by `label_source`."""


class Conclusion(NamedTuple):
    """Three sentences, and the terms and intervals behind the first, empty where there are none.

    `config` is the one that the second and third are about.
    """

    which: str
    cost: str
    alone: str
    small: str
    config: str


def conclusion(
    comparison: pl.DataFrame,
    label_sources: tuple[str, ...],
    certified: Mapping[str, str] | None = None,
    *,
    marks: Mapping[str, Sequence[str]] | None = None,
    stale: int = 0,
) -> Conclusion | None:
    """Return the conclusion on a chat from its comparison; null where there is no run to judge.

    `certified` says of the configs that ask for certificates what they are certified to do, `marks` what qualifies a
    config's numbers (`stand_ins.marks`); `stale` is how many configs were run before the chat or they changed.
    """
    if comparison.is_empty():
        return None
    by_acts = ACTS in label_sources
    rows = [
        {**row, "marks": "; ".join((marks or {}).get(row["config"], ())), "by_acts": by_acts}
        for row in comparison.to_dicts()
    ]
    best = next((row for row in rows if row["is_best"]), None)
    choice = recommended(rows)
    alone = _alone(choice, label_sources, (certified or {}).get(str(choice["config"])))
    return Conclusion(
        _which(rows, best, choice, stale),
        _cost(rows, best, choice),
        alone,
        _small(rows, best),
        str(choice["config"]),
    )


def _is_untold(row: Row) -> bool:
    """Whether it can't be told if a config is behind the best: there are too few users for an interval."""
    return is_level(row) and not row["is_best"] and row["quality_minus_best_high"] is None


def _which(rows: Sequence[Row], best: Row | None, choice: Row, stale: int) -> str:
    if best is None:
        return (
            "Which config judges this chat best can't be said: it has no labels, and no Expert's plans to"
            " hold the others against."
        )
    name, first = _named(best), _quality_of(best)
    if len(rows) > 1 and best["quality"] == "f1" and not _float(best["f1"]):
        return f"None of the configs finds anything that it should: {name}, for one: {first}."
    if len(rows) == 1:
        return f"{name} is the only config that was run{_as_it_is_now(stale)}: {first}."
    level, behind = _level_with(rows, best), _behind_of(rows, best)
    if not level and not behind:
        return f"{name} is the only config of {len(rows)} that can be scored here: {first}."
    if not level:
        return f"{name} judges this chat best: {first}; every other config that can be scored is behind."
    alike = [row for row in level if _float(row["quality_minus_best"]) == 0]
    if alike:
        name = f"{', '.join(map(_named, [best, *alike[:-1]]))} and {_named(alike[-1])}"
    highest = f"{name} score highest, alike" if alike else f"{name} scores highest"
    other = level[0] if choice is best else choice
    if any(map(_is_untold, level)):
        return (
            f"Which config judges this chat best can't be told from so few users: {highest}"
            f" ({first}), and {_named(other)} is {_apart(other)}."
        )
    if choice is best:
        dear = "is dearer" if is_cheaper(choice, other) else "costs about as much"
        worse = "is no worse" if other in alike else "is not shown to be worse"
        return f"{highest}: {first}; {_named(other)} {dear} and {worse}."
    if choice in alike:
        return f"{highest}: {first}; {_named(choice)} is the cheapest of them."
    return f"{highest} ({first}), but {_named(choice)}, which is cheaper, is not shown to be worse."


def _named(row: Row) -> str:
    """Return the config's name, with what qualifies all its numbers."""
    return f"{row['config']} ({row['marks']})" if row["marks"] else str(row["config"])


def _as_it_is_now(stale: int) -> str:
    if not stale:
        return ""
    return f" since the chat last changed ({plural(stale, 'other')} ran before and {_are(stale)} not shown)"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _level_with(rows: Sequence[Row], best: Row) -> list[Row]:
    """Return the configs that are not shown to be worse than the best, the nearest first."""
    return sorted((row for row in rows if row is not best and is_level(row)), key=lambda row: -_rank(row))


def _behind_of(rows: Sequence[Row], best: Row) -> list[Row]:
    """Return the configs that are shown to be worse than the best, the nearest first."""
    scored = [row for row in rows if row is not best and row["quality_minus_best"] is not None]
    return sorted((row for row in scored if not is_level(row)), key=lambda row: -_rank(row))


def _apart(row: Row) -> str:
    """Say how far a config is behind the best, in a few words."""
    middle = _float(row["quality_minus_best"])
    return "at no known distance" if middle is None else f"{_difference(row)} behind"


def _difference(row: Row) -> str:
    scale, unit, digits = _scale(row)
    return f"{rounded(abs(_float(row['quality_minus_best']) or 0.0) * scale, digits)}{unit}"


def _small(rows: Sequence[Row], best: Row | None) -> str:
    """Return the terms, numbers and intervals behind the first sentence."""
    if best is None:
        return ""
    said = []
    if best["quality"] == "f1":
        both = f"precision {score(_float(best['precision']))}, recall {score(_float(best['recall']))}"
        said.append(
            f"In terms: {best['config']} has F1 {score(_float(best['f1']))}{_interval(best, 'f1')}, {both}"
        )
    else:
        low, high = (_float(best[f"system_agreement_rate{end}"]) for end in ("_low", "_high"))
        if low is not None and high is not None:
            said.append(f"The 95 % interval of {best['config']} is {percent(low)} to {percent(high)}")
    nearest = [*_level_with(rows, best), *_behind_of(rows, best)][:1]
    said += [f"next is {row['config']}, at {_behind(row)}{_not_seen(row)}" for row in nearest]
    return f"{'; '.join(said)}." if said else ""


def _not_seen(row: Row) -> str:
    """Say what difference would have been too small to be seen here, where one is known and none was found."""
    low, high = (_float(row[f"quality_minus_best{end}"]) for end in ("_low", "_high"))
    if low is None or high is None or high <= low or not is_level(row):
        return ""
    scale, unit, digits = _scale(row)
    return f", and less than {rounded((high - low) / 2 * scale, digits)}{unit} could not have been seen here"


def _scale(row: Row) -> tuple[float, str, int]:
    """Return by what a difference in quality is multiplied to be read, its unit, and its digits."""
    return (1.0, "", 3) if row["quality"] == "f1" else (100.0, " points", 1)


def _rank(row: Row) -> float:
    value = row["quality_minus_best"]
    return float("-inf") if value is None else float(value)


def _quality_of(row: Row) -> str:
    if row["quality"] != "f1":
        rate = of_hundred(_float(row["system_agreement_rate"]))
        return f"there are no labels, and on {rate} of 100 comments it ends as the Expert would"
    caught, wrongly, missed = (
        _count(row[f"{name}s"]) for name in ("true_positive", "false_positive", "false_negative")
    )
    were, ones = "violations", ("violation", "violations")
    if row["by_acts"]:
        were, ones = (
            "acted on by the moderators too",
            ("one that they acted on", "that they acted on"),
        )
    found = counted_out(caught, caught + missed, *ones)
    said = f"and {found.whole} it found {found.part}"
    if not caught + wrongly:
        return f"it flagged nothing, {said}"
    flagged = counted_out(caught, caught + wrongly, "comment")
    only = "only " if 0 < caught < LEAST_RIGHT * (caught + wrongly) else ""
    return f"{flagged.whole} it flagged, {only}{flagged.part} were {were}, {said}"


def _count(value: float | int | str | bool | None) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _behind(row: Row) -> str:
    """Say how far a config is behind the best, with the interval."""
    scale, unit, digits = _scale(row)
    middle, low, high = (_float(row[f"quality_minus_best{end}"]) for end in ("", "_low", "_high"))
    if middle is None:
        return "how far behind is unknown"
    said = f"{signed(middle * scale, digits)}{unit}"
    if low is None or high is None:
        return f"{said}, on too few users for an interval"
    return f"{said} (95 % interval {signed(low * scale, digits)} to {signed(high * scale, digits)})"


def _interval(row: Row, name: str) -> str:
    low, high = _float(row[f"{name}_low"]), _float(row[f"{name}_high"])
    if low is None:
        return " (too few users for an interval)"
    return f" (95 % interval {score(low)} to {score(high)})"


def _cost(rows: Sequence[Row], best: Row | None, choice: Row) -> str:
    sentence = f"{choice['config']} {_price(choice)}"
    default = next((row for row in rows if row["is_default"]), None)
    other = next((row for row in (best, default) if row not in (None, choice)), _dearest(rows, choice))
    return f"{sentence}." if other is None else f"{sentence}; {other['config']} {_price(other)}."


def _dearest(rows: Sequence[Row], choice: Row) -> Row | None:
    others = [row for row in rows if row is not choice]
    return max(others, key=lambda row: (_known(row), _float(row["audit_share"]) or 0.0), default=None)


def _known(row: Row) -> float:
    return _float(row["list_cost_usd_per_1000_comments"]) or 0.0


def _price(row: Row) -> str:
    price = _float(row["list_cost_usd_per_1000_comments"])
    money = {None: "costs an unknown amount", 0.0: "costs no money"}.get(
        price, f"costs {dollars(price)} per 1,000 comments at list price"
    )
    audits = _float(row["audit_share"]) or 0.0
    asked = f"asks the Expert about {of_thousand(audits)} of 1,000 comments"
    if audits in (0, 1):
        asked = "asks the Expert about every comment" if audits else "never asks the Expert"
    return f"{money} and {asked}"


def _alone(row: Row, label_sources: tuple[str, ...], certified: str | None) -> str:
    """Say whether the chosen config may act alone, on whose judgement that rests, and what certificates grant."""
    said = _alone_by_labels(row, label_sources) if row["labelled"] else _alone_without_labels(row)
    return f"{said}; {certified or 'no certificate has been issued that it may act alone'}."


def _alone_by_labels(row: Row, label_sources: tuple[str, ...]) -> str:
    name = row["config"]
    wrong, share = row["wrongful_sanctions"], _float(row["wrongful_sanction_share"])
    low, high = _float(row["wrongful_sanction_share_low"]), _float(row["wrongful_sanction_share_high"])
    by = " and ".join(JUDGES.get(source, source) for source in label_sources) or "the chat's labels"
    if share is None:
        return (
            f"Whether {name} may act alone is open by the labels: it sanctioned no comment that has a label to"
            " check it against"
        )
    of = f" of {plural(int(row['sanctions_checked'] or 0), 'sanction')}"
    bounds = "" if low is None or high is None else f"; 95 % interval {percent(low, 0)} to {percent(high, 0)}"
    innocent = "that they let be, seen or not" if row["by_acts"] else "labelled innocent"
    facts = f"{count(int(wrong or 0))}{of} that could be checked hit comments {innocent} ({percent(share)}{bounds})"
    if share > WRONGFUL_BOUND:
        return f"{name} should not act alone: judged by {by}, {facts}"
    if high is None or high > WRONGFUL_BOUND:
        return f"The labels don't show that {name} may act alone: judged by {by}, {facts}"
    missed = percent(1 - (_float(row["recall"]) or 0.0), 0)
    if row["by_acts"]:
        return f"On this chat {name} sanctions few that they let be ({facts}), yet misses {missed} of what they act on"
    return f"On this chat {name} wrongs few ({facts}), yet misses {missed} of violations"


def _alone_without_labels(row: Row) -> str:
    name, agreement, going = row["config"], _float(row["reference_agreement_rate"]), ""
    if agreement is None:
        agreement, going = _float(row["agreement_rate"]), ", going by its audits"
    if agreement is None:
        return f"Whether {name} may act alone can't be said: there are no labels, and no Expert looked at its plans"
    return (
        f"Whether {name} may act alone can't be said without labels: its Student agrees with the Expert on "
        f"{percent(agreement)} of comments{going}, and nobody has checked the Expert"
    )


def _float(value: float | int | str | bool | None) -> float | None:
    return None if value is None else float(value)
