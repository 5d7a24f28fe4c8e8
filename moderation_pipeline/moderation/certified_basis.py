"""What a certificate rests on besides the run: config, sanctions, the channel's own rules, and the agents' code.

Kept with its rows, so that whoever reads them later can tell that one of these has changed and the certificate
is void. That the served model changed during the run is `certificates.py`'s to see.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from moderation_pipeline.agents.own_rules import own_rules
from moderation_pipeline.config import NamedConfig
from moderation_pipeline.moderation.ladder import load_sanctions
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.versions import source_version

JUDGING = ("agents", "defaults/lexicon.yaml")
"""The source of Students and Experts: their code, prompts and questions."""


class Basis(NamedTuple):
    """Versions of what is certified; the names are columns of the table certificates.

    The config says who Student and Expert are, so `config_hash` changes with either.
    """

    config_hash: str
    sanctions_version: str
    rules_version: str
    agents_version: str


WHAT_CHANGED = Basis(
    "its config, Student or Expert", "its sanctions", "the channel's rules", "the agents' prompts or code"
)


def basis_of(named: NamedConfig, folder: DataFolder) -> Basis:
    """Return the versions as they are now.

    Raises:
        ModerationError: the sanctions or rules that the config names can't be read.
    """
    sanctions = load_sanctions(named.config.sanctions, folder).model_dump_json()
    rules = own_rules(named.config.rules, folder)
    return Basis(named.config_hash, _version(sanctions), _version(rules), source_version(*JUDGING))


def changes(certified: Basis, now: Basis) -> list[str]:
    """Return in words what is no longer as it was when the certificate was made."""
    pairs = zip(WHAT_CHANGED, certified, now, strict=True)
    return [what for what, then, today in pairs if then != today]


def _version(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
