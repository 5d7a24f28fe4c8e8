"""A channel's own rules: a Markdown file under data/rules that a config names; `prompt.py` shows them."""

from __future__ import annotations

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.slugs import check_slug
from moderation_pipeline.warehouse.folder import DataFolder


class NoSuchRulesError(ModerationError):
    """A config names a rules file that isn't there."""


def own_rules(name: str | None, folder: DataFolder) -> str:
    """Return the text of the channel's own rules file; nothing where the config names none.

    Raises:
        NoSuchRulesError: there is no such file.
    """
    if name is None:
        return ""
    path = folder.rules / f"{check_slug(name, 'Rules')}.md"
    if not path.is_file():
        there = ", ".join(sorted(each.stem for each in folder.rules.glob("*.md"))) or "none yet"
        raise NoSuchRulesError(
            f"The config names rules: {name!r}, but there is no file {path}. Rules files are: {there}. "
            "Write the channel's rules there, one to a line that begins with '- '."
        )
    return path.read_text(encoding="utf-8")
