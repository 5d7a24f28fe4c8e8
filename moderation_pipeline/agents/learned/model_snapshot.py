"""A learned head as it is kept: arrays in one file, words in another; never pickled.

`<stem>.npz` holds weights and what was trained on, as numbers; `<stem>.json` the terms, the classes and the
calibration. A later run starts from both, and goes on learning from all of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.agents.conduct.conduct_levels import NOT_LOOKED_AT, WIDTH, conduct_names
from moderation_pipeline.agents.learned.calibration import Calibration
from moderation_pipeline.agents.learned.head import Head, Way
from moderation_pipeline.agents.learned.linear_fits import Linear
from moderation_pipeline.agents.learned.reading.channel_ways import Peculiar
from moderation_pipeline.agents.learned.reading.feature_rows import Known
from moderation_pipeline.agents.learned.reading.vocabulary import Numbered, Vocabulary
from moderation_pipeline.errors import ModerationError

Floats = NDArray[np.float64]


ALWAYS_LEARNT = -1
"""The fold of what a run began with: it is in every fit, and judged by none."""

AS_BEFORE = Way(1.0, reads_conduct=False)
"""The way to fit of a head that was kept before there was a choice."""

CONDUCT = "conduct"
"""The key of the names of levels: heads that were kept before there were any lack it."""


class NoSnapshotError(ModerationError):
    """A run to start from that left no learned head."""


class OtherConductError(ModerationError):
    """A head to start from whose columns of conduct are not this version's."""


class HowAudited(NamedTuple):
    """What is known of a run's own example besides what is fitted: its fold, and how its audit came about.

    `user` is whoever wrote it, null where nobody knows; `near_copies` a number that it shares with its near-copies
    alone, null where audits are many.

    `weight` is 1 / the audit's probability, `is_fair` whether chance chose it; `base_is_right` whether the base saw a
    violation where the audit does.
    """

    fold: int
    weight: float
    is_fair: bool
    base_is_right: bool
    user: str | None
    near_copies: int | None


@dataclass(frozen=True, slots=True)
class Example:
    """An audited case that may be trained on; `outcome` is "action/category", null for no violation.

    `shown` is null of those that a run began with.
    """

    known: Known
    numbers: Floats
    outcome: str | None
    shown: HowAudited | None = None

    @property
    def fold(self) -> int:
        """The fold that it is judged in, of heads that were fitted on the others."""
        return ALWAYS_LEARNT if self.shown is None else self.shown.fold

    @property
    def weight(self) -> float:
        """How many comments it stands for."""
        return 1.0 if self.shown is None else self.shown.weight


@dataclass(frozen=True, slots=True)
class ModelSnapshot:
    """A head, its calibration and vocabulary, the base's options that are features, and the training examples.

    `peculiar` is what the columns of single channels are of (`channel_ways.py`). `chats` are those whose audits are
    among the examples, this run's own (`keep_heads` names it) and earlier ones'.
    """

    head: Head
    calibration: Calibration
    vocabulary: Vocabulary
    options: tuple[tuple[str, str], ...]
    examples: tuple[Example, ...]
    chats: tuple[str, ...] = ()
    way: Way = AS_BEFORE
    peculiar: tuple[Peculiar, ...] = ()


def save_snapshot(snapshot: ModelSnapshot, stem: Path) -> None:
    """Write both files, the JSON last: a snapshot is there once its JSON is."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    with stem.with_suffix(".npz.part").open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **_arrays(snapshot))
    stem.with_suffix(".npz.part").replace(stem.with_suffix(".npz"))
    words = {
        "classes": snapshot.head.classes,
        "calibration": asdict(snapshot.calibration),
        "options": snapshot.options,
        "chats": snapshot.chats,
        "outcomes": [each.outcome for each in snapshot.examples],
        "documents": snapshot.vocabulary.documents,
        "terms": snapshot.vocabulary.names,
        CONDUCT: conduct_names(),
        "way": snapshot.way,
        "peculiar": snapshot.peculiar,
        "channels": [each.known.channel for each in snapshot.examples],
    }
    part = stem.with_suffix(".json.part")
    part.write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
    part.replace(stem.with_suffix(".json"))


def load_snapshot(stem: Path) -> ModelSnapshot:
    """Return the snapshot that `save_snapshot` wrote.

    Raises:
        NoSnapshotError: there is none; the message names the file.
        OtherConductError: it reads other aspects of who writes than this version does.
    """
    if not stem.with_suffix(".json").is_file():
        raise NoSnapshotError(
            f"There is no learned head at {stem.with_suffix('.json')}. Run that chat under that config first, "
            "with a learned Student and enough audits, or leave start_from out."
        )
    words = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
    if words.get(CONDUCT, conduct_names()) != conduct_names():
        raise OtherConductError(
            f"The learned head at {stem.with_suffix('.json')} reads other aspects of who writes than this version "
            "does. Run that chat under that config again, or leave start_from out."
        )
    with np.load(stem.with_suffix(".npz"), allow_pickle=False) as arrays:
        which = _linear(arrays, "which", words) if "which_weights" in arrays else None
        head = Head(_linear(arrays, "gate", words), tuple(words["classes"]), which)
        vocabulary = Vocabulary.restored(words["terms"], arrays["document_counts"], words["documents"])
        examples = tuple(_examples(arrays, words))
    options = tuple((question, option) for question, option in words["options"])
    return ModelSnapshot(
        head=head,
        calibration=Calibration(**words["calibration"]),
        vocabulary=vocabulary,
        options=options,
        examples=examples,
        chats=tuple(words["chats"]),
        way=Way(*words.get("way", AS_BEFORE)),
        peculiar=tuple((channel, column) for channel, column in words.get("peculiar", ())),
    )


def _linear(arrays: np.lib.npyio.NpzFile, name: str, words: Mapping[str, object]) -> Linear:
    """Return a fit; one from before conduct was read has no weight for it yet, and gets them as it learns on."""
    weights = arrays[f"{name}_weights"]
    if CONDUCT not in words:
        weights = np.insert(weights, [arrays["numbers"].shape[1]] * WIDTH, 0.0, axis=1)
    return Linear(weights, arrays[f"{name}_intercepts"])


def _arrays(snapshot: ModelSnapshot) -> dict[str, NDArray[np.generic]]:
    head, examples = snapshot.head, snapshot.examples
    terms = [each.known.terms for each in examples]
    arrays: dict[str, NDArray[np.generic]] = {
        "gate_weights": head.gate.weights,
        "gate_intercepts": head.gate.intercepts,
        "document_counts": snapshot.vocabulary.document_counts,
        "numbers": np.array([each.numbers for each in examples]),
        "levels": np.array([each.known.levels for each in examples]),
        "term_numbers": np.concatenate([each.numbers for each in terms]),
        "term_weights": np.concatenate([each.weights for each in terms]),
        "term_counts": np.array([len(each.numbers) for each in terms]),
        "word_counts": np.array([each.words for each in terms]),
    }
    if head.which is not None:
        arrays |= {"which_weights": head.which.weights, "which_intercepts": head.which.intercepts}
    return arrays


def _examples(arrays: np.lib.npyio.NpzFile, words: Mapping[str, Any]) -> list[Example]:
    outcomes: list[str | None] = words["outcomes"]
    ends = np.cumsum(arrays["term_counts"])[:-1]
    levels = arrays["levels"] if "levels" in arrays else [NOT_LOOKED_AT] * len(outcomes)
    return [
        Example(Known(channel, seen, Numbered(numbers, weights, int(count))), row, outcome)
        for numbers, weights, count, row, channel, seen, outcome in zip(
            np.split(arrays["term_numbers"], ends),
            np.split(arrays["term_weights"], ends),
            arrays["word_counts"],
            arrays["numbers"],
            words.get("channels", [""] * len(outcomes)),
            levels,
            outcomes,
            strict=True,
        )
    ]
