"""`moderation run` with nothing inside: the same program, but that every asset and check has an empty body.

Started by `startup.py`. The command, the definitions, resources, jobs, partitions, dependencies and the instance
are the real ones, and tables are stored and loaded as ever; they only have no rows, and all checks hold. The
instance is the one that Dagster opens by itself, without this project's kept connections.
"""

import functools
import sys
from collections.abc import Callable, Iterator

import dagster as dg

from moderation_pipeline.cli import called_with
from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.home import instance
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import TABLES

Body = Callable[..., object]


def emptied(definition: dg.AssetsDefinition, body: Callable[[Body], Body]) -> None:
    """Put another body in place of a definition's own; its signature, so its inputs, stay as they are."""
    op = definition.op
    op._compute_fn = op.compute_fn._replace(decorated_fn=body(op.compute_fn.decorated_fn))  # type: ignore


def result(key: dg.AssetKey) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Return an asset without rows, or without a value where it is no table."""
    if key.to_user_string() == "synthetic_comments":
        chats = DataFolder.find().chats
        chats.mkdir(parents=True, exist_ok=True)
        (chats / "synthetic.jsonl").touch()  # without a file there is no chat to go on with
    table = TABLES.get(key.to_user_string())
    if table is None:
        return dg.MaterializeResult(asset_key=key)
    return dg.MaterializeResult(asset_key=key, value=table.empty())


def no_assets(definition: dg.AssetsDefinition) -> Callable[[Body], Body]:
    """Return what makes an empty body of an asset's: it gives every output at once."""
    keys = [definition.keys_by_output_name[output.name] for output in definition.op.output_defs]

    def empty(real: Body) -> Body:
        @functools.wraps(real)
        def one(*_: object, **__: object) -> object:
            return result(keys[0])

        @functools.wraps(real)
        def many(*_: object, **__: object) -> Iterator[object]:
            yield from map(result, keys)

        return one if len(keys) == 1 else many

    return empty


def no_checks(definition: dg.AssetsDefinition) -> Callable[[Body], Body]:
    """Return what makes an empty body of a check's: everything holds."""

    def empty(real: Body) -> Body:
        @functools.wraps(real)
        def passing(*_: object, **__: object) -> Iterator[dg.AssetCheckResult]:
            for spec in definition.check_specs:
                yield dg.AssetCheckResult(passed=True, asset_key=spec.asset_key, check_name=spec.name)

        return passing

    return empty


if __name__ == "__main__":
    instance.with_kept_connections = lambda ref: ref  # type: ignore
    for asset in defs.assets or ():
        if isinstance(asset, dg.AssetsDefinition):
            emptied(asset, no_assets(asset))
    for checks in defs.asset_checks or ():
        emptied(checks, no_checks(checks))
    sys.exit(called_with(["run"]))
