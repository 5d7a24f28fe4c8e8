"""`moderation cache --carry-over`: what one machine paid for alone is nobody's to pay again."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from moderation_pipeline.backends.language_model import ModelIdentity
from moderation_pipeline.backends.stores.carried_replies import Carried, carried_over
from moderation_pipeline.backends.stores.postgres_replies import PostgresReplies
from moderation_pipeline.backends.stores.sqlite_replies import SqliteReplies
from moderation_pipeline.backends.stores.stored_replies import StoredReply, Wish
from moderation_pipeline.warehouse.shared_database import named_database
from moderation_pipeline_tests.backends.scripted_model import reply

IDENTITY = ModelIdentity("openai", "http://scripted/v1", "scripted")


def bought(text: str, usd: float) -> StoredReply:
    return StoredReply(reply(text, usd=usd), None, None, "run of this machine", time.time())


@pytest.mark.usefixtures("shared_store")
def test_replies_batches_and_the_days_cost_are_carried_once_and_what_is_there_stays(tmp_path: Path) -> None:
    alone = SqliteReplies(tmp_path / "replies.sqlite")
    refused = StoredReply(None, "refused", "no\0thing", "run of this machine", time.time())
    for key, stored in ((b"a", bought("a", 0.25)), (b"b", bought("b", 0.5)), (b"c", refused)):
        asyncio.run(alone.put(key, IDENTITY, stored))
    alone.keep_batch("batch-1", IDENTITY, "run", ["one", "two"])
    alone.close()
    shared = PostgresReplies(named_database())
    asyncio.run(shared.put(b"a", IDENTITY, bought("there before", 1.0)))

    now = time.time()
    assert carried_over(tmp_path / "replies.sqlite", named_database(), now) == Carried(held=3, new=2)
    assert carried_over(tmp_path / "replies.sqlite", named_database(), now) == Carried(held=3, new=0)

    texts = {}
    for key in (b"a", b"b"):
        found = asyncio.run(shared.claim(Wish(key, "run"))).stored
        assert found is not None
        assert found.reply is not None
        texts[key] = found.reply.text
    assert texts == {b"a": "there before", b"b": "b"}
    assert shared.spent_today().usd == 1.0 + 0.75
    assert [(batch.batch_id, batch.requests) for batch in shared.sent_batches()] == [("batch-1", 2)]
    shared.close()


@pytest.mark.usefixtures("shared_store")
def test_a_folder_that_never_asked_has_nothing_to_carry_and_makes_no_store(tmp_path: Path) -> None:
    assert carried_over(tmp_path / "replies.sqlite", named_database(), time.time()) == Carried(0, 0)
    assert not list(tmp_path.iterdir())
