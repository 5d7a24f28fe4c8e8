import errno
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO
from uuid import uuid4

import dagster as dg
import polars as pl
import pytest
from dagster._core.storage.defs_state.base import set_defs_state_storage
from upath import UPath

from moderation_pipeline.defs.partitions import chats, from_chat_to_run
from moderation_pipeline.warehouse.files import ForeignRowsError, SchemaMismatchError
from moderation_pipeline.warehouse.io_manager import WarehouseIOManager, partition_names
from moderation_pipeline.warehouse.tables import COMMENTS, METRICS
from moderation_pipeline_tests.warehouse.rows import rows_of


@pytest.fixture(autouse=True)
def no_instance_of_another_test() -> Iterator[None]:
    """Forget the instance that definitions were last loaded with: Dagster keeps it, and it ended with its test."""
    with set_defs_state_storage(None):
        yield


CONFIGS = dg.StaticPartitionsDefinition(["careful", "quick"])
RUNS = dg.MultiPartitionsDefinition({"chat": chats, "config": CONFIGS})
Made = Callable[[str, str], pl.DataFrame]


@pytest.fixture(params=["a folder", "an object store"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> UPath:
    if request.param == "a folder":
        return UPath(tmp_path / "warehouse")
    return UPath(f"memory://{uuid4().hex}/warehouse")


@pytest.fixture
def instance() -> dg.DagsterInstance:
    ephemeral = dg.DagsterInstance.ephemeral()
    ephemeral.add_dynamic_partitions("chats", ["arena", "dash"])
    return ephemeral


def a_row(chat: str, config: str) -> pl.DataFrame:
    return rows_of(METRICS, {"chat": chat, "config": config, "comments": len(config)})


def metrics_made_by(make: Made) -> dg.AssetsDefinition:
    @dg.asset(name="metrics", partitions_def=RUNS)
    def made(context: dg.AssetExecutionContext) -> pl.DataFrame:
        chat, config = partition_names(context.partition_key)
        return make(chat, str(config))

    return made


def materialise(
    base: UPath, instance: dg.DagsterInstance, partition: str, *assets: dg.AssetsDefinition, only: str
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        assets,
        selection=[only],
        partition_key=partition,
        instance=instance,
        resources={"io_manager": WarehouseIOManager(base)},
    )


def test_a_run_is_stored_under_its_chat_and_config(base: UPath, instance: dg.DagsterInstance) -> None:
    result = materialise(base, instance, "arena|quick", metrics_made_by(a_row), only="metrics")
    with (base / "metrics" / "arena" / "quick.parquet").open("rb") as file:
        assert pl.read_parquet(file).equals(a_row("arena", "quick"))
    (event,) = result.get_asset_materialization_events()
    assert event.materialization.metadata["dagster/row_count"].value == 1


def test_a_write_that_fails_midway_leaves_the_partition_that_was_there(
    base: UPath, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    materialise(base, instance, "arena|quick", metrics_made_by(a_row), only="metrics")
    write = pl.DataFrame.write_parquet

    def half_written(frame: pl.DataFrame, file: Path | IO[bytes]) -> None:
        whole = io.BytesIO()
        write(frame, whole)
        half = whole.getvalue()[: whole.tell() // 2]
        if isinstance(file, Path):
            file.write_bytes(half)
        else:
            file.write(half)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", half_written)
    with pytest.raises(OSError, match="No space left"):
        materialise(base, instance, "arena|quick", metrics_made_by(a_row), only="metrics")
    with (base / "metrics" / "arena" / "quick.parquet").open("rb") as file:
        assert pl.read_parquet(file).equals(a_row("arena", "quick"))


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda chat, config: a_row(chat, config).drop("f1"), SchemaMismatchError, "'f1' is missing"),
        (
            lambda chat, config: a_row(chat, config).with_columns(comments=pl.lit("many")),
            SchemaMismatchError,
            "'comments' is String, declared as Int64",
        ),
        (lambda chat, _: a_row(chat, "careful"), ForeignRowsError, "config is 'careful'"),
    ],
)
def test_a_frame_that_is_not_what_its_table_declares_is_refused_and_nothing_stored(
    base: UPath, instance: dg.DagsterInstance, make: Made, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        materialise(base, instance, "arena|quick", metrics_made_by(make), only="metrics")
    assert not (base / "metrics" / "arena" / "quick.parquet").exists()


def test_an_asset_that_is_no_table_has_nowhere_to_go(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    @dg.asset(partitions_def=chats)
    def feelings() -> pl.DataFrame:
        return pl.DataFrame()

    with pytest.raises(KeyError, match="'feelings' is no table of the warehouse"):
        materialise(UPath(tmp_path), instance, "arena", feelings, only="feelings")


Seen = dict[str, pl.DataFrame]


def counting(seen: Seen) -> dg.AssetsDefinition:
    """Return an asset that keeps, in `seen`, what it loads of its chat's runs."""

    @dg.asset(
        name="comments",
        partitions_def=chats,
        ins={
            "metrics": dg.AssetIn(
                partition_mapping=from_chat_to_run,
                metadata={"allow_missing_partitions": True},
                dagster_type=dict,
            )
        },
    )
    def counted(metrics: Seen) -> dg.MaterializeResult[None]:
        seen.update(metrics)
        return dg.MaterializeResult()

    return counted


@pytest.mark.parametrize("stored", [[], ["quick"], ["quick", "careful"]])
def test_a_chats_runs_are_loaded_by_name_and_those_that_were_not_made_left_out(
    base: UPath, instance: dg.DagsterInstance, stored: list[str]
) -> None:
    runs = metrics_made_by(a_row)
    for config in stored:
        materialise(base, instance, f"arena|{config}", runs, only="metrics")
    materialise(base, instance, "dash|quick", runs, only="metrics")
    seen: Seen = {}
    materialise(base, instance, "arena", runs, counting(seen), only="comments")
    assert set(seen) == {f"arena|{config}" for config in stored}
    assert all(frame.equals(a_row(*key.split("|"))) for key, frame in seen.items())


def test_a_partition_from_before_a_column_was_added_loads_with_nulls_there(
    base: UPath, instance: dg.DagsterInstance
) -> None:
    path = base / "comments" / "arena.parquet"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        rows_of(COMMENTS, {"chat": "arena", "text": "hi"}).drop("is_me").write_parquet(file)
    seen: list[pl.DataFrame] = []

    @dg.asset(name="comments", partitions_def=chats)
    def stored() -> pl.DataFrame:
        raise AssertionError("this asset was stored long ago")

    @dg.asset(name="metrics", partitions_def=chats)
    def reader(comments: pl.DataFrame) -> dg.MaterializeResult[None]:
        seen.append(comments)
        return dg.MaterializeResult()

    materialise(base, instance, "arena", stored, reader, only="metrics")
    assert seen[0].schema == COMMENTS.schema
    assert seen[0].select("text", "is_me").rows() == [("hi", None)]
