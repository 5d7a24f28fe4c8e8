"""How Dagster's assets get into the warehouse and out of it: a Parquet file per partition, as Polars frames.

The base path may be a folder or an object store (anything `UPath` takes). What a frame must look like is
declared in `tables.py` and checked by `files.py`; `dagster-polars` fails on Polars 2 (0.27.12, measured).
"""

import io
from pathlib import Path
from typing import Any, get_origin
from weakref import finalize

import dagster as dg
import polars as pl
from upath import UPath

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.damage import DamagedFileError, set_aside
from moderation_pipeline.warehouse.files import EXTENSION, conform, read_partition, replaced_atomically
from moderation_pipeline.warehouse.one_attempt import StagedTables, settle
from moderation_pipeline.warehouse.tables import COMMENTS, LOOP_TABLES, TABLES, Table


class NotStoredError(ModerationError):
    """A partition that is to be read and was never written."""

    def __init__(self, table: Table, partition: str) -> None:
        made_by = (
            "'moderation run' or the job ingest reads the chat" if table is COMMENTS else "Make it first"
        )
        super().__init__(f"Table {table.name!r} holds nothing of {partition!r}. {made_by}.")


class WarehouseIOManager(dg.UPathIOManager):
    """Writes a table's partition whole or not at all, and only if it is what the table declares.

    In a folder the tables of a loop take their places with the last of them (`one_attempt.py`).

    An input whose type is a dictionary gets every partition it maps to, by `chat|config`; with the
    input's metadata `allow_missing_partitions` those that don't exist are left out.
    """

    extension = EXTENSION

    def __init__(self, base_path: UPath) -> None:
        super().__init__(base_path)
        self._base = base_path
        self._attempts: dict[str, StagedTables] = {}
        if _is_folder(base_path):
            settle(Path(base_path.path))
        finalize(self, _discard, self._attempts)

    def dump_to_path(self, context: dg.OutputContext, obj: pl.DataFrame, path: UPath) -> None:
        """Write the frame.

        Raises:
            SchemaMismatchError: a column is missing, unknown or of another type.
            ForeignRowsError: a row belongs to another partition than the one that is written.
        """
        table = _table(context.asset_key)
        chat, config = _names(table, context.partition_key)
        frame = conform(obj, table, chat=chat, config=config)
        if _is_folder(path) and table in LOOP_TABLES:
            self._stage(frame, Path(path.path), context.partition_key)
        elif _is_folder(path):
            with replaced_atomically(path.path) as temporary:
                frame.write_parquet(temporary)
        else:
            # Made whole first: a file system for object stores keeps what was written when writing fails midway.
            whole = io.BytesIO()
            frame.write_parquet(whole)
            path.write_bytes(whole.getvalue())

    def _stage(self, frame: pl.DataFrame, path: Path, partition_key: str) -> None:
        attempt = self._attempts.setdefault(partition_key, StagedTables(Path(self._base.path)))
        is_over = True
        try:
            is_over = attempt.put(frame, path)
        finally:
            if is_over:
                self._attempts.pop(partition_key).discard()

    def get_path_for_partition(
        self, context: dg.InputContext | dg.OutputContext, path: UPath, partition: str
    ) -> UPath:
        """Return where a partition is; one that is a config alone lies in the folder of its table's only chat."""
        only_chat = _table(context.asset_key).only_chat
        return super().get_path_for_partition(
            context, path, partition if only_chat is None else f"{only_chat}/{partition}"
        )

    def load_from_path(self, context: dg.InputContext, path: UPath) -> pl.DataFrame:
        """Return the partition's rows under the table's schema; columns added since then are null.

        Raises:
            NotStoredError: the partition was never written.
            DamagedFileError: it is no whole Parquet; it is set aside, so that it can be made anew.
        """
        if not path.exists():
            raise NotStoredError(_table(context.asset_key), path.stem)
        try:
            with path.open("rb") as file:
                return read_partition(file, _table(context.asset_key))
        except pl.exceptions.PolarsError as error:
            if _is_folder(path):
                set_aside(Path(path.path))
            raise DamagedFileError(Path(path.path), f"{str(error).splitlines()[0]}; set aside") from None

    def load_partitions(self, context: dg.InputContext) -> pl.DataFrame | dict[str, pl.DataFrame]:
        """Return one frame, or a dictionary of frames where the input is annotated as one."""
        # Dagster's own way warns of every partition that was left out, each an event in the run's database:
        # 126 of them, and a second, where four of eleven configs were run.
        may_be_missing = (context.definition_metadata or {}).get("allow_missing_partitions", False)
        frames = {}
        for key, path in self._get_paths_for_partitions(context).items():
            if may_be_missing and not path.exists():
                continue
            try:
                frames[key] = self.load_from_path(context, path)
            except DamagedFileError as error:
                if not may_be_missing:
                    raise
                context.log.warning(f"Left out: {error}")
        wanted = context.dagster_type.typing_type
        if dict in (wanted, get_origin(wanted)):
            return frames
        (frame,) = frames.values()
        return frame

    def get_metadata(
        self,
        context: dg.OutputContext,  # noqa: ARG002  (Dagster's)
        obj: pl.DataFrame,
    ) -> dict[str, dg.MetadataValue[Any]]:
        """Return the number of rows, which Dagster plots over time."""
        return {"dagster/row_count": dg.MetadataValue.int(obj.height)}


def _is_folder(path: UPath) -> bool:
    return path.protocol in ("", "file", "local")


def _discard(attempts: dict[str, StagedTables]) -> None:
    """Take away what a run wrote that failed or was stopped before the last of its tables."""
    for attempt in attempts.values():
        attempt.discard()


def partition_names(partition_key: str) -> tuple[str, str | None]:
    """Return chat and config of a partition key; config is null where the key is a chat alone."""
    if isinstance(partition_key, dg.MultiPartitionKey):
        keys = partition_key.keys_by_dimension
        return keys["chat"], keys["config"]
    return partition_key, None


def _names(table: Table, partition_key: str) -> tuple[str, str | None]:
    if table.only_chat is not None:
        return table.only_chat, partition_key
    return partition_names(partition_key)


def _table(asset_key: dg.AssetKey) -> Table:
    name = asset_key.to_python_identifier()
    if name not in TABLES:
        raise KeyError(f"Asset {name!r} is no table of the warehouse. Tables are: {', '.join(TABLES)}.")
    return TABLES[name]
