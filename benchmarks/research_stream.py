"""The research stream: CONDA's labelled comments, matches in a seeded random order; and how a run of it scores.

Read from the folder MODERATION_SHARED_DATA, else ../shared/data beside the repository; never copied from it.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moderation_pipeline.comments.columns import ColumnsSpec
from moderation_pipeline.comments.ingest import ingest

Flags = NDArray[np.bool_]

COLUMNS = {
    "comment_id": "message_id",
    "text": {"column": "text", "separator": "[SEPA]"},
    "channel": "channel",
    "user_id": "user_id",
    "order_by": ["place"],
    "split": "split",
    "label_is_violation": "label_toxic",
}

FILE = "conda_dota2.parquet"


def labelled_data() -> Path:
    """Return where the labelled data is looked for."""
    return Path(os.environ.get("MODERATION_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")


def is_labelled_data_there() -> bool:
    """Whether the comments of the research stream can be had."""
    return (labelled_data() / FILE).is_file()


def shared_data() -> Path:
    """Return the folder of the labelled data, or leave with a word about where it was looked for."""
    folder = labelled_data()
    if not folder.is_dir():
        raise SystemExit(
            f"No labelled data in {folder}. Set MODERATION_SHARED_DATA to the folder that holds it."
        )
    return folder


def write_research_stream(path: Path, seed: int, comments: int | None = None) -> None:
    """Write the labelled comments, or the first of them, as a chat file; what its columns are goes beside it.

    The matches are in the order that the seed shuffles.
    """
    data = pl.read_parquet(shared_data() / FILE).filter(pl.col("label_toxic").is_not_null())
    matches = data["channel"].unique(maintain_order=True).to_list()
    random.Random(seed).shuffle(matches)
    place = {match: number for number, match in enumerate(matches)}
    shuffled = data.with_columns(place=pl.col("channel").replace_strict(place)).sort("place", "seq")
    first = shuffled if comments is None else shuffled.head(comments)
    first.with_columns(place=pl.int_range(pl.len())).write_parquet(path)
    path.with_name(f"{path.name}.columns.yaml").write_text(json.dumps(COLUMNS), "utf-8")


def research_stream(seed: int) -> pl.DataFrame:
    """Return the comments table of the labelled comments, matches in the order that the seed shuffles."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "research.parquet"
        write_research_stream(path, seed)
        return ingest(path, "research", columns=ColumnsSpec.model_validate(COLUMNS)).comments


class Score(NamedTuple):
    """F1 of violation on the second half, and the share audited of each half.

    `held_out` is the Student's F1 on those lines of the second half that are in CONDA's valid split, on which
    no word or weight of the rules was developed.
    """

    student: float
    system: float
    held_out: float
    audited_first: float
    audited_second: float


def f1(predicted: Flags, truth: Flags) -> float:
    """Return F1 of the positive class."""
    return 2 * float((predicted & truth).sum()) / max(1, int(predicted.sum() + truth.sum()))


def scored(comments: pl.DataFrame, predicted: Flags, audited: Flags) -> Score:
    """Score the Student's plans; the system's are the labels wherever it audited."""
    truth = comments["label_is_violation"].to_numpy().astype(np.bool_)
    half = len(truth) // 2
    second = np.arange(len(truth)) >= half
    held_out = second & (comments["split"] == "valid").to_numpy()
    return Score(
        f1(predicted[second], truth[second]),
        f1(np.where(audited, truth, predicted)[second], truth[second]),
        f1(predicted[held_out], truth[held_out]),
        float(audited[:half].mean()),
        float(audited[half:].mean()),
    )
