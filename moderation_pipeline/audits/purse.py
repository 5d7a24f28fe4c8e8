"""What a run may still spend on audits: asked before each draw, so that no probability hangs on its own draw (law 5).

What it holds, and what is given up when it is empty, is `moderation/spending.py`'s; a budget for audits alone
(`audit.usd`) is `audit_pace.py`'s.
"""

from __future__ import annotations

from typing import Protocol

from moderation_pipeline.cases.case import Case


class Purse(Protocol):
    """Pays for audits."""

    def may_audit(self, case: Case) -> bool:
        """Whether an audit of the case is within what is left; once one is not, none is."""
        ...

    def reserve_audit(self, case: Case) -> None:
        """Set aside what the audit of the case may cost at most."""
        ...


class Bottomless:
    """Pays for everything."""

    def may_audit(self, case: Case) -> bool:  # noqa: ARG002
        """Whether an audit of the case is within what is left: always."""
        return True

    def reserve_audit(self, case: Case) -> None:
        """Set nothing aside."""
