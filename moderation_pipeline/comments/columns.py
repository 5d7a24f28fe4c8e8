"""What a table's columns are: the closed model of `<file>.columns.yaml`."""

from __future__ import annotations

from moderation_pipeline.config import Closed


class ColumnsSpec(Closed):
    """Our columns, and which of the table's they are."""
