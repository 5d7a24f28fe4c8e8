"""What a data folder holds that could be published, by its parts, whoever made it."""

from __future__ import annotations

from moderation_pipeline.comments.chat_files import chat_files
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.files import stored_partitions
from moderation_pipeline.warehouse.folder import WAREHOUSE_VARIABLE, DataFolder
from moderation_pipeline.warehouse.objects.parts import TABLES_OF, PublishedPart


class NotSharedError(ModerationError):
    """A warehouse of one machine, where one is wanted that several share."""

    def __init__(self) -> None:
        super().__init__(
            f"{WAREHOUSE_VARIABLE} is not set, so there is nowhere to publish to. Set it to s3://BUCKET/PREFIX or "
            "file:///FOLDER, and MODERATION_STORE to the Postgres that says what lies there."
        )


def parts_here(folder: DataFolder) -> list[PublishedPart]:
    """Return the parts of which the folder holds a chat's files or tables, sorted."""
    parts = {PublishedPart("log", chat) for chat in chat_files(folder)}
    for kind, tables in TABLES_OF.items():
        for table in tables:
            for path in stored_partitions(folder, table):
                is_of_chat = table.partition == "chat"
                names = (path.stem,) if is_of_chat else (path.parent.name, path.stem)
                parts.add(PublishedPart(kind, *names))
    return sorted(parts)
