"""`moderation cache`: what is held is counted, and only what was named is dropped."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from moderation_pipeline.backends.language_model import RefusedReplyError
from moderation_pipeline.backends.wrappers.cache_upkeep import CacheUpkeep
from moderation_pipeline.backends.wrappers.prices import PriceList
from moderation_pipeline.backends.wrappers.reply_cache import CachedModel, Purchases
from moderation_pipeline.backends.wrappers.reply_store import DAY_S, ReplyStore
from moderation_pipeline_tests.backends.scripted_model import ScriptedModel, reply, request


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of five replies, one a day, the last of them a refusal."""
    path = tmp_path / "replies.sqlite"
    today = [0.0]
    store = ReplyStore(path, now=lambda: today[0] * DAY_S)
    model = ScriptedModel([*"abcd", RefusedReplyError("no", reply=reply(""))])
    asker = CachedModel(model, store, Purchases(store.begin_run("run")), PriceList([]))
    for text in "abcd":
        asyncio.run(asker.complete(request(text)))
        today[0] += 1
    with pytest.raises(RefusedReplyError):
        asyncio.run(asker.complete(request("e")))
    store.close()
    return path


def upkeep(path: Path) -> CacheUpkeep:
    return CacheUpkeep(path, now=4 * DAY_S)


def test_what_is_held_is_shown_by_model(path: Path) -> None:
    (held,) = upkeep(path).show()

    assert (held.backend, held.model, held.replies, held.bad_replies) == ("openai", "scripted", 5, 1)
    assert held.list_cost_usd == pytest.approx(0.05)
    assert held.oldest_days == pytest.approx(4)
    assert held.megabytes > 0


def test_dropping_errors_keeps_good_replies(path: Path) -> None:
    dropped = upkeep(path).drop_errors()

    assert dropped.replies == 1
    assert dropped.list_cost_usd == pytest.approx(0.01)
    assert upkeep(path).show()[0].replies == 4


def test_old_replies_are_dropped_by_age(path: Path) -> None:
    assert upkeep(path).drop_older_than(days=2.5).replies == 2
    assert upkeep(path).show()[0].oldest_days == pytest.approx(2)


def test_the_oldest_replies_are_dropped_until_the_rest_fits(path: Path) -> None:
    each = upkeep(path).show()[0].megabytes / 5

    assert upkeep(path).drop_beyond(megabytes=each * 2.5).replies == 3
    assert upkeep(path).show()[0].oldest_days == pytest.approx(1)
    assert upkeep(path).drop_beyond(megabytes=1.0).replies == 0


def test_an_empty_data_folder_holds_nothing_and_stays_empty(tmp_path: Path) -> None:
    nothing = upkeep(tmp_path / "replies.sqlite")

    assert nothing.show() == []
    assert nothing.drop_errors().replies == 0
    assert nothing.forget_endpoints() == 0
    assert not list(tmp_path.iterdir())
