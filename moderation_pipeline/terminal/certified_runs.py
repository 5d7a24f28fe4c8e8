"""What `moderation certify` finds: a run's stored certificates, and whether they still hold today.

The sentences are `report/certificate_sentences.py`'s, the certificates `certificates/ledger.py`'s.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from moderation_pipeline.certificates.certified_basis import changes_since
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.report.certificate_sentences import certificate_sentence, is_certified, small_print
from moderation_pipeline.report.expert_sentences import breaking_sentence
from moderation_pipeline.report.label_words.label_testimony import label_word
from moderation_pipeline.terminal.listings import require_chat
from moderation_pipeline.terminal.whose_labels import are_acts
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import CERTIFICATES, EXPERT_ERRORS, METRICS

SHOWN = (
    "action",
    "category",
    "denominator",
    "status",
    "acts_alone",
    "bound",
    "target",
    "comments",
    "audits",
    "errors",
    "audits_needed",
    "reason",
)


class NotCertifiedError(ModerationError):
    """A chat and config without a row in the table certificates."""

    def __init__(self, chat: str, config: str, folder: DataFolder, *, asks: bool) -> None:
        if asks:
            fix = f"It has not been run: moderation run {chat} -c {config}. Looked for in {folder.root}"
        else:
            fix = "It doesn't ask for any: set autonomy: {max_wrongful_per_1000_sanctions: 50} in it, and run it"
        super().__init__(f"There are no certificates of config {config!r} on chat {chat!r}. {fix}.")


class CertifiedRun(NamedTuple):
    """The sentence, what else should be known, and the rows as they hold today."""

    sentence: str
    cautions: list[str]
    is_certified: bool
    rows: pl.DataFrame
    expert_errors: pl.DataFrame

    def as_json(self) -> dict[str, Any]:
        """Return all of it for a script."""
        frames = {"rows": self.rows.to_dicts(), "expert_errors": self.expert_errors.to_dicts()}
        return {
            "sentence": self.sentence,
            "cautions": self.cautions,
            "is_certified": self.is_certified,
            **frames,
        }


def certified(folder: DataFolder, chat: str, config: str) -> CertifiedRun:
    """Return what the run's certificates say today.

    Raises:
        NotCertifiedError: the config asks for none, or was not run.
        ModerationError: no such chat or config, or sanctions or rules that can't be read.
    """
    require_chat(folder, chat)
    named = ConfigLibrary(folder).load(config)
    rows = read_table(folder, CERTIFICATES, chat, config)
    if rows.is_empty():
        raise NotCertifiedError(chat, config, folder, asks=named.config.autonomy is not None)
    errors = read_table(folder, EXPERT_ERRORS, chat, config)
    changed = changes_since(rows, named, folder)
    if changed:
        why = f"void: {', '.join(changed)} changed since"
        rows = rows.with_columns(status=pl.lit("void"), reason=pl.lit(why))
    caution = breaking_sentence(errors)
    metrics = next(read_table(folder, METRICS, chat, config).iter_rows(named=True), None)
    labels = label_word(metrics, by_acts=are_acts(folder, chat))
    return CertifiedRun(
        certificate_sentence(rows, errors, changed, labels),
        [*([] if caution is None else [caution]), *small_print(rows)],
        is_certified(rows, changed, labels),
        rows,
        errors,
    )
