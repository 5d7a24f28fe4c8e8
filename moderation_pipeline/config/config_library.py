"""The configs that can be named: the ready-made ones and the user's own, read and laid over what they extend.

What may be written in one is in `run_config.py`, what is said when it is wrong in `config_errors.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from moderation_pipeline.config.config_errors import ConfigError, Written, worded
from moderation_pipeline.config.replacing import Replacement
from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.config.yaml_model import read_mapping
from moderation_pipeline.errors import closest
from moderation_pipeline.slugs import slugify
from moderation_pipeline.warehouse.folder import DataFolder

READY_MADE = resources.files("moderation_pipeline.defaults") / "configs"


class ConfigLibrary:
    """The configs that can be named: the ready-made ones, and the user's own, which win.

    A name is made from the file's, as a slug. A user's file that extends its own name extends the ready-made
    config it replaces.

    Raises:
        ConfigError: two files of the user's folder would have one name.
    """

    def __init__(self, folder: DataFolder) -> None:
        self._ready_made = _yaml_files(Path(str(READY_MADE)))
        self._own = _yaml_files(folder.configs)
        self._folder = folder.configs

    def names(self) -> list[str]:
        """Return the names, sorted."""
        return sorted({**self._ready_made, **self._own})

    def path(self, name: str) -> Path:
        """Return the file of the config of that name.

        Raises:
            ConfigError: no such config.
        """
        path = self._own.get(name) or self._ready_made.get(name)
        if path is None:
            raise ConfigError(
                f"There is no config {name!r}.{closest(name, self.names())} Configs are: "
                f"{', '.join(self.names())}. A file {self._folder / 'NAME.yaml'} makes one more."
            )
        return path

    def files(self, name: str) -> list[Path]:
        """Return the file of the config of that name, and those that it extends.

        Raises:
            ConfigError: no such config, or one of the files can't be used.
        """
        return [each.path for each in self._written(name, self.path(name))]

    def is_own(self, name: str) -> bool:
        """Whether the config is the user's own, rather than ready-made."""
        return name in self._own

    def load(self, name: str) -> NamedConfig:
        """Return the config of that name.

        Raises:
            ConfigError: no such config, a file that is no YAML mapping, a key or value that is not allowed,
                or `extends` that runs in a circle.
        """
        path = self.path(name)
        files = self._written(name, path)
        merged: dict[str, Any] = {}
        for file in reversed(files):
            merged = _overlaid(merged, file.content)
        try:
            config = Config.model_validate(merged)
        except ValidationError as error:
            raise ConfigError(worded(error, files, Config)) from None
        return NamedConfig(name=name, path=path, config=config, replaces=self._replaced(files))

    def _replaced(self, files: list[Written]) -> tuple[Replacement, ...]:
        """Return which of the files are the user's own under the name of a ready-made config."""
        names = {path: name for name, path in self._own.items() if name in self._ready_made}
        written = [file.path for file in files if file.path in names]
        return tuple(Replacement("config", path, self._ready_made[names[path]]) for path in written)

    def _written(self, name: str, path: Path) -> list[Written]:
        """Return what the config's own file says, then what it extends, then what that extends."""
        files: list[Written] = []
        names = [name]
        while True:
            content = read_mapping(path)
            parent = content.pop("extends", None)
            files.append(Written(path, content))
            if parent is None:
                return files
            replaced = self._ready_made.get(name) if parent == name and path == self._own.get(name) else None
            if parent in names and replaced is None:
                raise ConfigError(f"{path}: extends: goes in a circle: {' -> '.join([*names, parent])}.")
            path = replaced or self._parent(str(parent), path)
            name = str(parent)
            names.append(name)

    def _parent(self, name: str, extended_by: Path) -> Path:
        try:
            return self.path(name)
        except ConfigError as error:
            raise ConfigError(f"{extended_by}: extends: {error}") from None


def _yaml_files(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        name = slugify(path.stem)
        if name in files:
            raise ConfigError(
                f"{files[name]} and {path} would both be the config {name!r}: rename one of them."
            )
        files[name] = path
    return files


def _overlaid(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `under` with `over` laid on it, part by part; a part whose backend changes is replaced whole.

    So is one that becomes tiers, or ceases to be: the keys of the one are no keys of the other.
    """
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            changed = "backend" in value and value["backend"] != below.get("backend")
            changed |= "tiers" in value or ("tiers" in below and "backend" in value)
            result[key] = dict(value) if changed else _overlaid(below, value)
        else:
            result[key] = value
    return result
