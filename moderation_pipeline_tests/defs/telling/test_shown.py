from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from moderation_pipeline.definitions import STAGES
from moderation_pipeline.defs.telling.shown import COLUMNS, shown
from moderation_pipeline.warehouse.folder import DATA_VARIABLE
from moderation_pipeline.warehouse.tables import TABLES


def specs_of(assets: list[dg.AssetsDefinition]) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for each in assets for spec in each.specs}


def test_every_asset_says_where_its_code_is_and_every_table_what_its_columns_mean() -> None:
    found = specs_of(shown(dg.load_assets_from_modules(STAGES)))
    assert set(TABLES) <= set(found)
    for name, spec in found.items():
        (reference,) = spec.metadata["dagster/code_references"].code_references
        assert Path(reference.file_path).exists(), name
        assert spec.description, name
    for name, table in TABLES.items():
        columns = {column.name: column for column in found[name].metadata[COLUMNS].columns}
        assert list(columns) == table.schema.names()
        assert columns["chat"].description


def test_freshness_is_asked_for_where_there_are_nights_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    assert specs_of(shown(dg.load_assets_from_modules(STAGES)))["metrics"].freshness_policy is None
    (tmp_path / "nights.yaml").write_text("configs: [hybrid]\n")
    found = specs_of(shown(dg.load_assets_from_modules(STAGES)))
    assert found["metrics"].freshness_policy is not None
    assert found["comments"].freshness_policy is None
