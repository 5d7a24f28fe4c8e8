"""How many replies a second the two reply stores keep, and find again, with one writer and with several.

    python -m benchmarks.fleet
    python -m benchmarks.fleet --replies 4000 --writers 1 2 8 --at-once 64

A writer is a process that asks for replies of its own through the cache, so many at once, of a model that answers in no
time: what is left is claim, reply, cost and the claim's end. Afterwards each asks for the same again. Postgres is
Debian's, started here, and writes to disk at every commit; SQLite, as everywhere in the project, when it is checked in.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import NamedTuple

from moderation_pipeline.backends.language_model import LanguageModel, Message, ModelIdentity, Reply, Request
from moderation_pipeline.backends.stores.open_store import open_store
from moderation_pipeline.backends.wrappers.prices import PriceList
from moderation_pipeline.backends.wrappers.reply_cache import CachedModel, Purchases
from moderation_pipeline.warehouse.folder import STORE_VARIABLE, DataFolder
from moderation_pipeline_tests.postgres_server import new_database, own_server

ON_DISK = {"fsync": "on", "full_page_writes": "on"}


class AtOnceModel(LanguageModel):
    """Answers in no time, with a reply of ordinary length."""

    @property
    def identity(self) -> ModelIdentity:
        """Whoever it is."""
        return ModelIdentity("openai", "http://at-once/v1", "at-once")

    async def complete(self, request: Request) -> Reply:
        """Return the same plan for everything."""
        text = '{"action": "allow", "category": "none", "confidence": 0.9, "reasoning": "Nothing against a rule."}'
        tokens = len(request.messages[0].content) // 4
        return Reply(
            text, "at-once-1", prompt_tokens=tokens, completion_tokens=30, list_cost_usd=1e-5, cost_usd=1e-5
        )


class Paces(NamedTuple):
    """Replies a second over all writers: bought, and found again."""

    bought: float
    found: float


def write(folder: Path, number: int, replies: int, at_once: int, together: Barrier) -> None:
    """Ask for replies, and for the same again, when all writers are ready."""
    store = open_store(DataFolder(folder))
    requests = [Request((Message("user", f"writer {number} asks for {each}"),)) for each in range(replies)]
    for _ in range(2):
        model = CachedModel(AtOnceModel(), store, Purchases(store.begin_run(f"run {number}")), PriceList([]))
        together.wait()
        asyncio.run(ask_all(model, requests, at_once))
        together.wait()
    store.close()


async def ask_all(model: LanguageModel, requests: Sequence[Request], at_once: int) -> None:
    """Ask for all, so many at once, as the loop does by batches."""
    for begin in range(0, len(requests), at_once):
        await asyncio.gather(*map(model.complete, requests[begin : begin + at_once]))


def paces_of(folder: Path, writers: int, replies: int, at_once: int) -> Paces:
    """Return how fast so many writers are together; `replies` is how many they ask for in all."""
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(writers + 1)
    processes = [
        context.Process(target=write, args=(folder, number, replies // writers, at_once, together))
        for number in range(writers)
    ]
    for process in processes:
        process.start()
    took_s = []
    for _ in range(2):
        together.wait()
        began = time.perf_counter()
        together.wait()
        took_s.append(time.perf_counter() - began)
    for process in processes:
        process.join()
    return Paces(*(replies // writers * writers / each for each in took_s))


@contextmanager
def postgres() -> Iterator[str]:
    """Give the address of an empty database that is written to disk."""
    with own_server(**ON_DISK) as server:
        yield new_database(server.url)


def measured(stores: Sequence[str], writers: Sequence[int], replies: int, at_once: int) -> None:
    print(f"{replies} replies, {at_once} at once a writer, {os.cpu_count()} cores")
    print(f"{'store':10}{'writers':>8}{'bought/s':>12}{'found/s':>12}")
    for store in stores:
        for count in writers:
            paces = one_measured(store, count, replies, at_once)
            print(f"{store:10}{count:8}{paces.bought:12,.0f}{paces.found:12,.0f}", flush=True)


def one_measured(store: str, writers: int, replies: int, at_once: int) -> Paces:
    with tempfile.TemporaryDirectory() as folder:
        if store == "sqlite":
            os.environ.pop(STORE_VARIABLE, None)
            return paces_of(Path(folder), writers, replies, at_once)
        with postgres() as address:
            os.environ[STORE_VARIABLE] = address
            return paces_of(Path(folder), writers, replies, at_once)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replies", type=int, default=8_000)
    parser.add_argument("--writers", type=int, nargs="+", default=[1, 2, 8])
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--stores", nargs="+", choices=["sqlite", "postgres"], default=["sqlite", "postgres"])
    given = parser.parse_args()
    measured(given.stores, given.writers, given.replies, given.at_once)


if __name__ == "__main__":
    main()
