"""How well a channel's moderators are foreseen: the twin beside a notebook's gradient boosting, and how fast it is.

    POLARS_MAX_THREADS=1 OMP_NUM_THREADS=1 python -m benchmarks.moderators_twin [--scope all channel] [--only twin]

On twitch_dev, with what moderators did as labels. `moderators` goes through the stream once, judges each comment before
its label is seen, and learns from every label. The notebook fits scikit-learn's histogram gradient boosting on all
labels of the first half: on counts of who writes and how (made here with Polars' windows, not by ours), and on those
beside a cross-fitted score of a regression on the text. Both are scored on the second half: AUROC, average precision,
the share of acts in the most suspicious 5 %; AUROC and that share within channels with ten acts and more, as a mean.
Printed too: comments a second of CPU, refits included, and what the refits alone took.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_union

from benchmarks.keyless_quality import TWITCH
from benchmarks.research_stream import shared_data
from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.agents.labels_expert import LabelsExpert
from moderation_pipeline.agents.learned.learned_student import LearnedStudent
from moderation_pipeline.comments.columns import ColumnsSpec
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.config.agent_specs import LearnedSpec
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.evaluation.foreseen import foreseen_lines
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.statistics.resampled_ranking import LEAST_VIOLATIONS, RankingShown, ranking_of
from moderation_pipeline.warehouse.folder import DataFolder

Floats = NDArray[np.float64]

NEGATIVES = 20_000
"""Lines that nobody acted on, of which the notebook samples so many to fit on."""

FOLDS = 4


class TimedStudent(LearnedStudent):
    """The learned Student, which counts the time that its refits take."""

    refit_seconds = 0.0

    def _refit(self) -> None:
        began = time.process_time()
        super()._refit()
        self.refit_seconds += time.process_time() - began


class TwinRun(NamedTuple):
    """The probabilities by comment, and what they took."""

    probabilities: pl.DataFrame
    seconds: float
    refits: int
    refit_seconds: float


def run_twin(comments: pl.DataFrame, scope: str) -> TwinRun:
    """Run `moderators` over the chat."""
    folder = DataFolder.find()
    given = ConfigLibrary(folder).load("moderators").config.model_dump(mode="json")
    given["student"]["scope"] = scope
    config = Config.model_validate(given)
    named = NamedConfig(name="moderators", path=folder.root, config=config)
    spec = config.student
    if not isinstance(spec, LearnedSpec):
        raise TypeError(f"The config moderators has the Student {spec}, and not a learned one.")
    began = time.process_time()
    student = TimedStudent(spec, RulesStudent(), may_train=True)
    tables = moderate(
        comments,
        named,
        agents=Agents(student, LabelsExpert(comments), None),
        memory=None,
        ladder=Ladder(load_sanctions("default", folder)),
    )
    seconds = time.process_time() - began
    run = Run(
        named,
        tables.student_decisions,
        tables.expert_audits,
        tables.memory_snapshot,
        tables.action_log,
        pl.DataFrame(),
    )
    said = foreseen_lines(comments, run).select("comment_id", "probability")
    return TwinRun(said, seconds, student.refits, student.refit_seconds)


def counted(comments: pl.DataFrame) -> Floats:
    """Return what a notebook counts of who writes and how, of the lines before and the line itself."""
    user = ["channel", "user_id"]
    seconds = pl.col("sent_at").dt.timestamp("us") / 1e6
    low, text = pl.col("text").str.to_lowercase(), pl.col("text")
    length, letters = text.str.len_chars(), text.str.count_matches(r"\p{L}")
    frame = comments.select(
        "channel",
        "user_id",
        "text",
        low=low,
        t=seconds,
        near=low.str.replace_all(r"[^\p{L}\p{N}]+", "").str.head(12),
    )
    numbers = {
        "lines": pl.int_range(pl.len()).over(user),
        "pause": pl.col("t").diff().over(user),
        "pause of 5": pl.col("t").diff(5).over(user),
        "said": pl.int_range(pl.len()).over([*user, "low"]),
        "heard": pl.int_range(pl.len()).over(["channel", "low"]),
        "nearly said": pl.int_range(pl.len()).over([*user, "near"]),
        "nearly heard": pl.int_range(pl.len()).over(["channel", "near"]),
        "said pause": pl.col("t").diff().over([*user, "low"]),
        "heard pause": pl.col("t").diff().over(["channel", "low"]),
        "pace": pl.col("t").diff(20).over("channel"),
        "length": length,
        "words": text.str.count_matches(r"\S+"),
        "not ASCII": text.str.count_matches(r"[^\x00-\x7f]") / pl.max_horizontal(length, 1),
        "not Latin": text.str.count_matches(r"[\p{L}&&[^\p{Latin}]]") / pl.max_horizontal(letters, 1),
        "capitals": text.str.count_matches("[A-Z]") / pl.max_horizontal(letters, 1),
        "links": pl.col("low").str.count_matches(r"https?://|www\.|\w\.(?:com|gg|tv|net|org|ly)\b"),
        "mentions": text.str.count_matches("@", literal=True),
        "digits": text.str.count_matches(r"\d"),
        "asks": text.str.contains("?", literal=True),
    }
    found: Floats = frame.select(
        value.cast(pl.Float64).alias(name) for name, value in numbers.items()
    ).to_numpy()
    return found


def notebook(comments: pl.DataFrame, truth: NDArray[np.bool_], first: NDArray[np.bool_]) -> dict[str, Floats]:
    """Return the scores of gradient boosting on counts, and on counts and text, fitted on the first half's labels."""
    numbers = counted(comments)
    acted = np.flatnonzero(first & truth)
    others = np.random.default_rng(0).choice(np.flatnonzero(first & ~truth), NEGATIVES, replace=False)
    fitted = np.sort(np.concatenate([acted, others]))
    outcomes = truth[fitted]
    texts = comments["text"].str.to_lowercase().to_list()
    own = [texts[i] for i in fitted]
    union = make_union(
        TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b|[?!.]+"),
        TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(2, 5), min_df=2),
    )
    rows = csr_matrix(union.fit_transform(own))
    fold, by_fold = np.arange(len(fitted)) % FOLDS, np.zeros(len(fitted))
    for each in range(FOLDS):
        model = regression().fit(rows[fold != each], outcomes[fold != each])
        by_fold[fold == each] = model.decision_function(rows[fold == each])
    text = regression().fit(rows, outcomes)
    said = np.concatenate(
        [text.decision_function(union.transform(texts[i : i + 20_000])) for i in range(0, len(texts), 20_000)]
    )
    alone = boosting().fit(numbers[fitted], outcomes)
    both = boosting().fit(np.column_stack([numbers[fitted], by_fold]), outcomes)
    return {
        "notebook: gradient boosting on counts": alone.decision_function(numbers),
        "notebook: and on the text's score": both.decision_function(np.column_stack([numbers, said])),
    }


def regression() -> LogisticRegression:
    """Return the notebook's regression on text."""
    return LogisticRegression(C=1, solver="liblinear", dual=True, class_weight="balanced", max_iter=500)


def boosting() -> HistGradientBoostingClassifier:
    """Return the notebook's gradient boosting."""
    return HistGradientBoostingClassifier(
        max_leaf_nodes=15,
        learning_rate=0.05,
        max_iter=150,
        min_samples_leaf=30,
        l2_regularization=5,
        random_state=0,
    )


def print_row(name: str, judged: pl.DataFrame, scores: Floats) -> None:
    """Print one row of the table: over all channels, and as a mean within channels."""
    frame = judged.with_columns(pl.Series("score", scores))
    whole = ranked(frame)
    within = [
        found
        for _, own in sorted(frame.group_by("channel"))
        if own["label"].sum() >= LEAST_VIOLATIONS and (found := ranked(own)).auroc.estimate is not None
    ]
    means = [np.mean([each[part].estimate or 0.0 for each in within]) for part in range(len(whole))]
    cells = [
        f"{each.estimate:.4f} [{each.low:.4f}, {each.high:.4f}]"
        if each.low is not None
        else f"{each.estimate}"
        for each in whole
    ]
    print(f"{name:<40} {'  '.join(cells)}   {means[0]:.3f} {means[2]:.3f}", flush=True)


def ranked(frame: pl.DataFrame) -> RankingShown:
    """Return how well the scores rank the labels."""
    who = frame["who"].rank("dense").cast(pl.Int64).to_numpy() - 1
    return ranking_of(frame["score"].to_numpy(), frame["label"].to_numpy().astype(np.bool_), who, seed=1)


def report(comments: pl.DataFrame, scopes: Sequence[str], only: Sequence[str]) -> None:
    """Print both sides, then the speed."""
    known = comments["label_is_violation"].is_not_null().to_numpy()
    truth = comments["label_is_violation"].fill_null(value=False).to_numpy().astype(np.bool_)
    is_first = np.arange(comments.height) < comments.height // 2
    second = np.flatnonzero(known & ~is_first)
    judged = comments.select("channel", who=pl.col("user_id"), label="label_is_violation")[second]
    print(
        f"{comments.height:,} comments, {truth[is_first].sum()} and {truth[second].sum()} acted on in each half"
    )
    print(
        f"{'second half':<40} {'AUROC':<24}  {'average precision':<24}  {'acts in top 5 %':<24}   within channels"
    )
    if "notebook" in only:
        for name, scores in notebook(comments, truth, known & is_first).items():
            print_row(name, judged, scores[second])
    speeds = []
    for scope in scopes if "twin" in only else ():
        run = run_twin(comments, scope)
        said = comments.select("comment_id").join(
            run.probabilities, on="comment_id", how="left", maintain_order="left"
        )
        print_row(
            f"moderators, scope: {scope}", judged, said["probability"].fill_null(0.0).to_numpy()[second]
        )
        speeds.append(
            f"scope {scope}: {comments.height / run.seconds:,.0f} comments/s of CPU ({run.seconds:.0f} s), of which"
            f" {run.refits} refits took {run.refit_seconds:.0f} s"
        )
    print("\n".join(speeds))


def main() -> None:
    """Read the arguments and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scope", nargs="+", choices=("all", "channel"), default=["all", "channel"])
    parser.add_argument("--comments", type=int, help="of the stream, the first so many; left out, all")
    parser.add_argument("--only", nargs="+", choices=("twin", "notebook"), default=["twin", "notebook"])
    given = parser.parse_args()
    path = shared_data() / "twitch_dev.parquet"
    comments = ingest(path, "twitch", columns=ColumnsSpec.model_validate(TWITCH)).comments.sort("position")
    report(comments if given.comments is None else comments.head(given.comments), given.scope, given.only)


if __name__ == "__main__":
    main()
