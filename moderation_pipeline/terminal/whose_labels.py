"""Whose labels a chat has, asked of the warehouse: what they are called depends on it (`report/label_words`)."""

from __future__ import annotations

from moderation_pipeline.report.label_words.label_voice import ACTS
from moderation_pipeline.slugs import check_slug
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.views import query

FROM_ACTS = "select 1 from comments where chat = '{chat}' and label_source = '{acts}' limit 1"


def are_acts(folder: DataFolder, chat: str) -> bool:
    """Return whether labels of the chat are what its moderators did."""
    return not query(folder, FROM_ACTS.format(chat=check_slug(chat, "Chat"), acts=ACTS)).is_empty()
