"""`moderation cache`: what is held is counted, and only what was named is dropped."""

from __future__ import annotations

import asyncio

import pytest

from moderation_pipeline.backends.language_model import RefusedReplyError
from moderation_pipeline.backends.stores.open_store import upkeep_of_store
from moderation_pipeline.backends.stores.stored_replies import DAY_S, CacheUpkeep
from moderation_pipeline.backends.wrappers.prices import PriceList
from moderation_pipeline.backends.wrappers.reply_cache import CachedModel, Purchases
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.backends.scripted_model import ScriptedModel, reply, request
from moderation_pipeline_tests.backends.stores.opened import opened


@pytest.fixture
def held(folder: DataFolder) -> DataFolder:
    """A store of five replies, one a day, the last of them a refusal."""
    today = [0.0]
    store = opened(folder, now=lambda: today[0] * DAY_S)
    model = ScriptedModel([*"abcd", RefusedReplyError("no", reply=reply(""))])
    asker = CachedModel(model, store, Purchases(store.begin_run("run")), PriceList([]))
    for text in "abcd":
        asyncio.run(asker.complete(request(text)))
        today[0] += 1
    with pytest.raises(RefusedReplyError):
        asyncio.run(asker.complete(request("e")))
    store.close()
    return folder


def upkeep(folder: DataFolder) -> CacheUpkeep:
    return upkeep_of_store(folder, now=4 * DAY_S)


def test_what_is_held_is_shown_by_model(held: DataFolder) -> None:
    (model,) = upkeep(held).show()

    assert (model.backend, model.model, model.replies, model.bad_replies) == ("openai", "scripted", 5, 1)
    assert model.list_cost_usd == pytest.approx(0.05)
    assert model.oldest_days == pytest.approx(4)
    assert model.megabytes > 0


def test_dropping_errors_keeps_good_replies(held: DataFolder) -> None:
    dropped = upkeep(held).drop_errors()

    assert dropped.replies == 1
    assert dropped.list_cost_usd == pytest.approx(0.01)
    assert upkeep(held).show()[0].replies == 4


def test_old_replies_are_dropped_by_age(held: DataFolder) -> None:
    assert upkeep(held).drop_older_than(days=2.5).replies == 2
    assert upkeep(held).show()[0].oldest_days == pytest.approx(2)


def test_the_oldest_replies_are_dropped_until_the_rest_fits(held: DataFolder) -> None:
    each = upkeep(held).show()[0].megabytes / 5

    assert upkeep(held).drop_beyond(megabytes=each * 2.5).replies == 3
    assert upkeep(held).show()[0].oldest_days == pytest.approx(1)
    assert upkeep(held).drop_beyond(megabytes=1.0).replies == 0


def test_an_empty_data_folder_holds_nothing_and_stays_empty(folder: DataFolder) -> None:
    nothing = upkeep(folder)

    assert nothing.show() == []
    assert nothing.drop_errors().replies == 0
    assert nothing.forget_endpoints() == 0
    assert not list(folder.root.iterdir())
