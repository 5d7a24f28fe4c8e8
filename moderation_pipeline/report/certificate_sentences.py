"""What certificates say, in one sentence: what may be done alone, by whose judgement, or what it would take.

The one place of these words, for the report and for `moderation certify`; light enough for the terminal.
Certificates are made in `certificates/certificate_table.py`; what the Expert itself gets wrong, in `expert_errors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from moderation_pipeline.report.expert_sentences import own_errors
from moderation_pipeline.report.label_words.label_testimony import LabelWord, Testimony, in_words
from moderation_pipeline.report.label_words.label_voice import LabelVoice, voice_of
from moderation_pipeline.report.quantities import SPACE, count, percent, plural

TARGETS = {
    "sanctions": "wrongful sanctions among sanctions",
    "comments": "wrongful sanctions among comments",
    "allowed": "missed violations among what it let through",
}
"""What each target bounds, in the order in which they are said."""


ALL = "all"


class _Row(NamedTuple):
    """A row of the table; bound, target, confidence and floor are shares."""

    config: str
    action: str
    category: str
    denominator: str
    status: str
    reason: str
    comments: int
    audits: int
    bound: float
    target: float
    confidence: float
    audits_needed: int
    floor: float
    judged_by: str
    window_from: int
    window_to: int
    unread_audits: int | None
    expert_error_rate: float | None
    expert_error_rate_low: float | None
    expert_error_rate_high: float | None
    expert_labelled: int | None
    acts_alone: bool | None
    sanctions: int | None
    sanctions_carried_out: int | None


class _May(NamedTuple):
    """What may be done alone, as the loop itself decides it: by which kinds of sanctions, and letting go.

    A kind is of one action and category; `waiting` are those that the run proposed and that stay shadows. What the
    chat's labels contradict is in `vetoed`, and in none of the others.
    """

    acting: tuple[str, ...]
    waiting: tuple[str, ...]
    lets_go: bool
    vetoed: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        """Whether nothing waits."""
        return self.lets_go and bool(self.acting) and not self.waiting and not self.vetoed


def is_certified(
    certificates: pl.DataFrame, changed: Sequence[str] = (), labels: LabelWord | None = None
) -> bool:
    """Whether all that the run did may be done alone, nothing has changed since, and no label contradicts it."""
    return not changed and _may_do(_rows(certificates), labels or {}).is_everything


class CertificateWords(NamedTuple):
    """What is said of one run's certificates: what it may do, on what that rests, and what the chat's labels say."""

    may: str
    rests_on: str = ""
    by_labels: str = ""

    def __str__(self) -> str:
        rests = f": {self.rests_on}" if self.rests_on else "."
        return f"{self.may}{rests}{f' {self.by_labels}' if self.by_labels else ''}"


def certificate_sentence(
    certificates: pl.DataFrame,
    expert_errors: pl.DataFrame,
    changed: Sequence[str] = (),
    labels: LabelWord | None = None,
) -> str:
    """Return all that is said of one run, see `certificate_words`."""
    return str(certificate_words(certificates, expert_errors, changed, labels))


def certificate_words(
    certificates: pl.DataFrame,
    expert_errors: pl.DataFrame,
    changed: Sequence[str] = (),
    labels: LabelWord | None = None,
) -> CertificateWords:
    """Return what is said of one run.

    Args:
        certificates: the run's rows of the table certificates.
        expert_errors: the run's rows of the table expert_errors.
        changed: in words, what the certificates rest on that has changed since they were made.
        labels: what the chat's labels say of the same, which stands beside it and vetoes what it contradicts.
    """
    everything, labels = _rows(certificates), labels or {}
    rows = [row for row in everything if row.action == ALL]
    if not rows:
        return CertificateWords(
            "There is nothing to certify: the config has no autonomy, or the run had no comments"
        )
    config = rows[0].config
    if changed:
        return CertificateWords(
            f"What {config} was certified to do alone is void, for {_listed(changed)} changed since: run it again"
        )
    met = [row for row in rows if row.status == "valid"]
    unmet = [row for row in rows if row.status != "valid"]
    by_acts = any(each.by_acts for each in labels.values())
    judged = _judged(rows, expert_errors, voice_of(by_acts=by_acts))
    may = _may_do(everything, labels)
    bounds = f"{_bounds(met)}, " if met else ""
    needs = "".join(f"; {_what_it_takes(row)}" for row in [*unmet, *_nearest_kind(everything, unmet)])
    return CertificateWords(
        f"{config} {_said_at_length(may)}",
        f"{bounds}{judged}{needs}.{_carried_out(rows[0])}",
        _by_labels(rows, labels, may),
    )


def small_print(certificates: pl.DataFrame) -> list[str]:
    """Return what a certificate does not cover, to be read wherever one is shown; nothing where there is none."""
    if not _rows(certificates):
        return []
    is_secret = bool(certificates["draws_are_secret"].fill_null(value=False).all())
    return [*SMALL_PRINT, SECRET_DRAWS if is_secret else PUBLIC_DRAWS]


PUBLIC_DRAWS = (
    "Which comments are audited by chance follows from the config's seed and the comments' ids: whoever knows both can"
    " err where nobody looks, and the bound does not hold against him. With audit.secret: true a secret of the data"
    " folder goes into it."
)
SECRET_DRAWS = (
    "Which comments are audited by chance follows from a secret of the data folder: the bound does not hold against"
    " whoever can read that."
)
SMALL_PRINT = (
    "Wrongful is a sanction where the judge would have put none, or one two rungs milder; what the judge itself gets"
    " wrong is not in the bound.",
    "The bound is for this one config: of several tried on one chat, whose audits are the same draws, the one that"
    " looks best is certified wrongly more often than it says, so choose on one chat and certify on another.",
    "A certificate that is void (another model, errors that became more frequent) begins anew with less of the allowed"
    " error: without an error the second window takes about 1.6 times the audits of the first, the third 1.8 times.",
    "If errors suddenly became three to twenty times the target, some 45 to 80 wrong sanctions would stand before the"
    " watch stops it, and 90 to 170 in the worst twentieth of cases; at twice the target 180, and 365.",
)
"""Told beside every certificate. Numbers are `benchmarks/estimators --only watch`'s, at 5 % and a floor of .2."""


def certified_to(
    certificates: pl.DataFrame, changed: Sequence[str] = (), labels: LabelWord | None = None
) -> str | None:
    """Return in a few words what a run is certified to do, null where it asks for no certificate."""
    everything = _rows(certificates)
    if not everything:
        return None
    if changed:
        return f"what it was certified to do is void, for {_listed(changed)} changed since"
    may = _may_do(everything, labels or {})
    if not may.acting and not may.lets_go:
        if may.vetoed:
            return "its certificate is contradicted by the labels"
        return "it is not certified to act alone"
    return f"it is certified to {_in_a_few_words(may)} (judged by {everything[0].judged_by})"


def _rows(certificates: pl.DataFrame) -> list[_Row]:
    """Return the rows, those about everything first; within, targets in the order in which they are said."""
    order = list(TARGETS)
    rows = map(_Row._make, certificates.select(_Row._fields).iter_rows())
    return sorted(rows, key=lambda row: (row.action != ALL, order.index(row.denominator)))


ABOUT_SANCTIONS = ("sanctions", "comments")
SANCTION, LET_GO = "sanction", "let comments through"
WRONG_BY_LABELS = {
    "sanctions": "of its sanctions hit {innocents}",
    "comments": "of the comments {was_wrong}",
    "allowed": "of the comments that it let through are {violations}",
}


def _may_do(rows: Sequence[_Row], labels: LabelWord) -> _May:
    kinds = [row for row in rows if row.action != ALL and row.denominator == "sanctions"]
    acting, waiting = (tuple(_kind(row) for row in kinds if _acts(row) is acts) for acts in (True, False))
    lets_go = any(_acts(row) for row in rows if row.denominator == "allowed")
    contradicted = {row.denominator for row in _testified(rows, labels) if _is_contradicted(row, labels)}
    sanctions_are, letting_go_is = not contradicted.isdisjoint(ABOUT_SANCTIONS), "allowed" in contradicted
    vetoed = [SANCTION] * (sanctions_are and bool(acting)) + [LET_GO] * (letting_go_is and lets_go)
    return _May(
        () if sanctions_are else acting,
        (*acting, *waiting) if sanctions_are else waiting,
        lets_go and not letting_go_is,
        tuple(vetoed),
    )


def _testified(rows: Sequence[_Row], labels: LabelWord) -> list[_Row]:
    """Return the rows about everything of which labels tell; none where the labels judged the certificate itself."""
    return [
        row
        for row in rows
        if row.action == ALL and row.denominator in labels and row.judged_by.split(" ")[0] != "labels"
    ]


def _is_contradicted(row: _Row, labels: LabelWord) -> bool:
    return labels[row.denominator].contradicts(row.target)


def _by_labels(rows: Sequence[_Row], labels: LabelWord, may: _May) -> str:
    """Say what the chat's labels say of the same targets, first that they contradict what the Expert's word allows."""
    told = _testified(rows, labels)
    if not told:
        return ""
    said = "; ".join(
        in_words(labels[row.denominator], _wrong_by(labels[row.denominator], row), row.target) for row in told
    )
    if may.vetoed:
        return (
            f"But the chat's own labels contradict that, so it should not {_listed(may.vetoed)} alone, whatever the"
            f" Expert's word allows: by them {said}."
        )
    return f"By the chat's own labels {said}."


def _wrong_by(testimony: Testimony, row: _Row) -> str:
    """Say what is wrong by the labels, or by what the moderators did."""
    return WRONG_BY_LABELS[row.denominator].format(**voice_of(by_acts=testimony.by_acts)._asdict())


def _acts(row: _Row) -> bool:
    """Whether a row's plans are carried out alone; a row that is void since it was made, or does not say, is none."""
    return row.status == "valid" and bool(row.acts_alone)


def _kind(row: _Row) -> str:
    return f"{row.action} for {row.category.replace('_', ' ')}"


def _said_at_length(may: _May) -> str:
    if may.is_everything:
        return "may act alone on this chat"
    if may.acting and not may.waiting:
        return "may sanction alone on this chat, but not yet let comments through unaudited"
    if may.acting:
        rest = (
            "and let comments through alone" if may.lets_go else "but not yet let comments through unaudited"
        )
        kinds = f"{len(may.acting)} of its {len(may.acting) + len(may.waiting)} kinds of sanctions"
        return f"may sanction alone on this chat by {kinds} ({', '.join(may.acting)}), {rest}"
    if may.lets_go:
        return "may let comments through alone on this chat, but not yet sanction alone"
    return "may not act alone on this chat yet"


def _in_a_few_words(may: _May) -> str:
    if may.is_everything:
        return "act alone"
    if not may.acting:
        return "let comments through alone"
    kinds = f" by {len(may.acting)} of its {len(may.acting) + len(may.waiting)} kinds of sanctions"
    return f"sanction alone{kinds if may.waiting else ''}{' and let comments through alone' if may.lets_go else ''}"


def _nearest_kind(rows: Sequence[_Row], unmet: Sequence[_Row]) -> list[_Row]:
    """Return of the kinds that wait the row that is nearest; none while the rows about everything keep them waiting."""
    if any(row.denominator != "allowed" for row in unmet):
        return []
    waiting = [row for row in rows if row.acts_alone is False and row.action != ALL and row.status != "valid"]
    return sorted(waiting, key=lambda row: row.audits_needed)[:1]


def _carried_out(row: _Row) -> str:
    """Say how many of the run's sanctions were carried out, whoever decided them; nothing where that is unknown."""
    if not row.sanctions or row.sanctions_carried_out is None:
        return ""
    share = percent(row.sanctions_carried_out / row.sanctions, 0)
    return (
        f" Of its {plural(row.sanctions, 'sanction')} here {count(row.sanctions_carried_out)} ({share}) were carried"
        " out, those that the Expert decided among them; the others are only recorded (shadow)."
    )


def _bounds(met: Sequence[_Row]) -> str:
    said = [f"at most {percent(row.bound, 2)} {TARGETS[row.denominator]}" for row in met]
    return f"{_listed(said)}, with {percent(met[0].confidence, 0)} confidence at every look"


def _judged(rows: Sequence[_Row], expert_errors: pl.DataFrame, voice: LabelVoice) -> str:
    """Say whose judgement the errors are measured against, over which positions, and how sure it is itself."""
    row = rows[0]
    over = f"over what it decided alone at positions {count(row.window_from)} to {count(row.window_to)}"
    if row.window_to < row.window_from:
        over = "though it has decided nothing alone"
    over += _unread(rows)
    if row.judged_by == "nobody":
        return f"judged by nobody, {over}"
    if row.judged_by.split(" ")[0] == "labels":
        return f"judged by the chat's own labels ({row.judged_by}), {over}"
    own = own_errors(expert_errors)
    how_sure = (
        "whose own errors nobody has measured here" if own is None else f"which {own}{_by_kind(rows, voice)}"
    )
    return f"judged by the Expert ({row.judged_by}), {how_sure}, {over}"


def _unread(rows: Sequence[_Row]) -> str:
    """Say how many audits could not be read: every one is an error of sanctions or of what was allowed."""
    unread = sum(row.unread_audits or 0 for row in rows if row.denominator != "comments")
    return f" (where {plural(unread, 'audit')} could not be read and count as errors)" if unread else ""


WRONG_ON = {"sanctions": "of what it called violations", "allowed": "of {violations}"}
"""What the Expert's own rate in a row is a share of."""


def _by_kind(rows: Sequence[_Row], voice: LabelVoice) -> str:
    """Say how often the Expert is wrong in each of the two ways that matter to the targets, where that is known."""
    said = [
        f"{percent(row.expert_error_rate)} {WRONG_ON[row.denominator].format(violations=voice.violations)}"
        f" ({percent(row.expert_error_rate_low)} to {percent(row.expert_error_rate_high)}, of"
        f" {count(row.expert_labelled or 0)})"
        for row in rows
        if row.denominator in WRONG_ON and row.expert_error_rate is not None
    ]
    return f", {_listed(said)}" if said else ""


def _what_it_takes(row: _Row) -> str:
    """Say how far a target is: further audits without an error, and the floor that would bring as many."""
    why = f" ({row.reason.removeprefix('void: ')})" if row.status == "void" else ""
    of_kind = "" if row.action == ALL else f" of the next kind, {_kind(row)},"
    what = f"for {_per_1000(row.target)} {TARGETS[row.denominator]}{of_kind}{why} it would take"
    return (
        f"{what} {count(row.audits_needed)} further random audits without an error{_floor_that_would_do(row)}"
    )


def _floor_that_would_do(row: _Row) -> str:
    """Say what floor would bring the audits within as many comments again, if any would."""
    if not row.comments:
        return ""
    is_mixed = row.denominator == "comments" and row.audits > 0
    comments = row.audits_needed * row.comments / row.audits if is_mixed else row.audits_needed / row.floor
    floor = row.floor * comments / row.comments
    name = "allow" if row.denominator == "allowed" else "sanctions"
    if floor <= row.floor:
        return f", which as many comments again bring at the present random_floor.{name} of {row.floor:g}"
    if floor >= 1:
        return ", more than as many comments again bring at any floor"
    return f", or random_floor.{name} at {floor:.2g} (now {row.floor:g}) to get there within as many comments again"


def _per_1000(target: float) -> str:
    return f"{target * 1000:g}{SPACE}in{SPACE}1,000"


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
