"""What may be said of the nightly job, and what is said when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from moderation_pipeline.config.config_errors import ConfigError
from moderation_pipeline.config.nights import night_settings
from moderation_pipeline.warehouse.folder import DataFolder


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


def test_a_night_is_at_three_under_the_default_config_where_nothing_is_said(folder: DataFolder) -> None:
    settings = night_settings(folder)
    assert (settings.cron, settings.zone, settings.configs) == ("0 3 * * *", "UTC", ("hybrid",))
    assert not settings.fresh


def test_hour_zone_and_configs_are_settings(folder: DataFolder) -> None:
    folder.nights.write_text('at: "22:45"\nzone: Europe/Berlin\nconfigs: [learned, hybrid]\n')
    settings = night_settings(folder)
    assert (settings.cron, settings.zone, settings.configs) == (
        "45 22 * * *",
        "Europe/Berlin",
        ("learned", "hybrid"),
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('at: "25:00"', "an hour and minute"),
        ('at: "03:00+02:00"', "an hour and minute"),
        ('at: "03:00:30"', "an hour and minute"),
        ('at: "03:00"\nat: "04:00"', "the key 'at' stands twice"),
        ("zone: Europe/Berln", "Did you mean 'Europe/Berlin'?"),
        ("configs: []", "must name one config"),
        ("hour: 3", "no such key"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(folder: DataFolder, said: str, told: str) -> None:
    folder.nights.write_text(said)
    with pytest.raises(ConfigError) as error:
        night_settings(folder)
    assert told in str(error.value)
    assert "nights.yaml" in str(error.value)
