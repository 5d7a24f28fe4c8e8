"""Tests of the data folder's secret."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from moderation_pipeline.warehouse.chance_secret import BYTES, chance_secret
from moderation_pipeline.warehouse.folder import DataFolder


def test_a_folder_has_one_secret_which_only_its_owner_reads(tmp_path: Path) -> None:
    one, other = DataFolder(tmp_path / "one"), DataFolder(tmp_path / "other")

    assert chance_secret(one) == chance_secret(one)
    assert chance_secret(one) != chance_secret(other)
    assert len(chance_secret(one)) == 2 * BYTES
    assert stat.S_IMODE(one.chance_secret.stat().st_mode) == 0o600
    assert os.listdir(one.root) == [one.chance_secret.name], "nothing else is left behind"


def test_many_who_ask_at_once_are_told_the_same(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)

    with ThreadPoolExecutor(8) as pool:
        told = set(pool.map(lambda _: chance_secret(folder), range(32)))

    assert len(told) == 1
