"""How well the keyless agents judge: rules, careful rules, and two baselines nobody should lose to.

    python benchmarks/keyless_quality.py [--all-conda] [--functionalities] [--only DATA …]

Reads the labelled data from the folder MODERATION_SHARED_DATA (else ../shared/data beside the repository) and
prints, for CONDA (valid split, in its stream) and HateCheck (all), precision, recall and F1 of violation, and
macro-F1; the agents are told to expect as many violations as there are. For the chat of 27 Twitch channels, of which
moderators acted on 3.7 lines in 1,000, it prints sanctions, wrongful ones and recall under a live chat's default,
beside the same agents that are not told how rare violations are.

On HateCheck `hate only` counts a plan as positive where its category is hate, which is what HateCheck asks;
`violation` counts every category, so that a threat to one person, which HateCheck labels non-hateful and the chat
rules forbid, is an error there.

What was developed on what: the lexicon's weights on CONDA's train split; what is rare, on a half of the Twitch
channels, chosen by a hash of their names; the careful rules' reading of hate on the list of functionalities in Röttger
et al. (2021) and on a seeded half of HateCheck's templates. The other half is reported apart. It is held out less
strictly than a new data set would be: HateCheck is built from templates in several variants, and although no template
is in both halves, what a functionality tests is in both. The lists of other languages were developed on German and
Spanish of multilingual HateCheck; French and Italian were looked at once, after which docs/measured.md gives both
numbers.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

import polars as pl
from sklearn.metrics import f1_score, precision_recall_fscore_support

from moderation_pipeline.agents.keyless.careful_rules import CarefulRulesExpert
from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation, Standing
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.comments.columns import ColumnsSpec
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.config.run_config import ExpectedSpec
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline.plan import Action, Category, Plan
from moderation_pipeline.text.language import languages
from moderation_pipeline.text.normalise import normalise, normalise_text
from moderation_pipeline.warehouse.tables import COMMENTS

TWENTY_SEVEN_WORDS = re.compile(
    r"\b(?:fuck\w*|shit\w*|bitch\w*|cunt\w*|ass|asshole|dick|cock|pussy|whore|slut|fag\w*|nigg\w*|retard\w*|idiot\w*"
    r"|stupid|dumb|moron|noob\w*|trash|garbage|suck\w*|kys|stfu|ez|gay|rape\w*)\b"
)


def shared_data() -> Path:
    """Return the folder of the labelled data, or leave with a word about where it was looked for."""
    folder = Path(os.environ.get("MODERATION_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        raise SystemExit(
            f"No labelled data in {folder}. Set MODERATION_SHARED_DATA to the folder that holds it."
        )
    return folder


def as_comments(data: pl.DataFrame, channel: str, user: str) -> pl.DataFrame:
    """Return a comments table of the data's rows, in their order."""
    n = data.height
    given = {
        "chat": pl.repeat("benchmark", n, eager=True),
        "comment_id": data["message_id"],
        "position": pl.int_range(n, dtype=pl.Int64, eager=True),
        "channel": data[channel],
        "user_id": data[user],
        "user_name": data[user],
        "text": data["text"],
        "normalised": normalise(data["text"]),
        "language": languages(data["text"]),
        "label_is_violation": data["label_toxic"],
    }
    flags = [name for name in COMMENTS.schema if name.startswith("is_")]
    zeros = {
        name: pl.repeat(0, n, dtype=pl.Int32, eager=True) for name in ("user_repeats", "channel_repeats")
    }
    false = {name: pl.repeat(False, n, eager=True) for name in flags}
    false["is_command"] = data["text"].str.starts_with("!")
    frame = pl.DataFrame({**given, **zeros, **false})
    rest = [
        pl.lit(None, kind).alias(name) for name, kind in COMMENTS.schema.items() if name not in frame.columns
    ]
    return frame.with_columns(rest).select(COMMENTS.schema.names())


EXPECTED = {"conda": 195 / 1000, "hatecheck": 688 / 1000, "twitch": ExpectedSpec().usual / 1000}
"""The share of violations that the agents are told to expect."""


def cases_of(comments: pl.DataFrame, expected: float | None) -> list[Case]:
    """Return the cases of a chat, in its stream."""
    return [case for batch in Stream(comments, expected).batches(1024) for case in batch]


def plans_of(cases: Sequence[Case]) -> dict[str, list[Plan]]:
    """Return each agent's plans for the cases; what is not judged is let be, and scored as that."""
    return {
        name: [verdict.standing.plan or LET_BE for verdict in verdicts]
        for name, verdicts in verdicts_of(cases).items()
    }


LET_BE = Plan(Action.ALLOW, Category.NONE, confidence=0.0)


def verdicts_of(cases: Sequence[Case]) -> dict[str, list[Verdict]]:
    """Return each agent's verdicts on the cases."""
    nothing = [Situation(Standing(0, None))] * len(cases)
    decided = asyncio.run(RulesStudent().decide(cases, nothing))
    audited = asyncio.run(CarefulRulesExpert().audit(cases))
    return {"rules": decided, "careful rules": audited}


def score_line(name: str, truth: Sequence[bool], said: Sequence[bool]) -> str:
    """Return one row of the printed table."""
    precision, recall, f1, _ = precision_recall_fscore_support(truth, said, average="binary", zero_division=0)
    macro = f1_score(truth, said, average="macro", zero_division=0)
    return f"{name:<32} {precision:9.3f} {recall:6.3f} {f1:6.3f} {macro:8.3f} {len(truth):7d}"


HEADER = f"{'':<32} {'precision':>9} {'recall':>6} {'F1':>6} {'macro-F1':>8} {'rows':>7}"


def report_conda(data: pl.DataFrame, split: str | None) -> None:
    """Print the table for CONDA: its whole stream is read, one split's labels are scored."""
    cases = cases_of(as_comments(data, "channel", "user_id"), EXPECTED["conda"])
    scored = data.select(
        pl.col("label_toxic").is_not_null() & (pl.lit(True) if split is None else pl.col("split") == split)
    ).to_series()
    keep = [index for index, is_scored in enumerate(scored) if is_scored]
    truth = [data["label_toxic"][index] for index in keep]
    print(f"\nCONDA, {split or 'all labelled'}: violation\n{HEADER}")
    print(score_line("always violation", truth, [True] * len(truth)))
    print(score_line("27 words", truth, [has_word(cases[index]) for index in keep]))
    for name, plans in plans_of(cases).items():
        print(score_line(name, truth, [plans[index].is_violation for index in keep]))


def has_word(case: Case) -> bool:
    """Whether the text holds one of 27 words, as it came."""
    return TWENTY_SEVEN_WORDS.search(case.text.lower()) is not None


GROUPS = re.compile(
    r"\b(?:wom[ae]n|female|trans(?: people| person)?|gays?|homosexual\w*|black(?: people| person)?|blacks"
    r"|people|person|disabled(?: people| person)?|muslims?|immigrants?)\b"
)
"""The names of HateCheck's seven groups, without which a template is one string."""


def template_of(text: str) -> str:
    """Return the template that a case was filled into."""
    return re.sub(r"[^a-z]+", " ", GROUPS.sub("", text.lower())).strip()


def bare(text: str) -> str:
    """Return the template of the normalised text without articles, by which variants of one are told."""
    return re.sub(r"\b(?:an?|the|these|those|this|that)\b| ", "", template_of(normalise_text(text)))


def held_out(texts: Sequence[str]) -> list[int]:
    """Return the rows whose template, in any variant, is not in the half that was developed on."""
    developed = {bare(text) for text in texts if is_developed_on(text)}
    return [row for row, text in enumerate(texts) if bare(text) not in developed]


def is_developed_on(text: str) -> bool:
    """Whether a HateCheck case belongs to the half that the careful rules were developed on."""
    return blake2b(f"7{template_of(text)}".encode(), digest_size=1).digest()[0] < 128


def report_hatecheck(data: pl.DataFrame, by_functionality: bool) -> None:
    """Print the tables for HateCheck, its two halves and, if wanted, each functionality."""
    data = data.with_columns(pl.col("message_id").alias("channel"), pl.col("message_id").alias("user_id"))
    cases = cases_of(as_comments(data, "channel", "user_id"), EXPECTED["hatecheck"])
    truth = data["label_toxic"].to_list()
    said = plans_of(cases)
    readings: dict[str, Callable[[Plan], bool]] = {
        "violation": lambda plan: plan.is_violation,
        "hate only": lambda plan: plan.category is Category.HATE,
    }
    halves = {
        "all": list(range(data.height)),
        "held out": held_out(data["text"].to_list()),
    }
    for part, rows in halves.items():
        known = [truth[i] for i in rows]
        print(f"\nHateCheck, {part} (published: Perspective macro-F1 .702)\n{HEADER}")
        print(score_line("always violation", known, [True] * len(rows)))
        print(score_line("27 words", known, [has_word(cases[i]) for i in rows]))
        for reading, counts in readings.items():
            for name, plans in said.items():
                print(score_line(f"{name}, {reading}", known, [counts(plans[i]) for i in rows]))
    if by_functionality:
        print_functionalities(data, said, readings)


def report_multilingual(data: pl.DataFrame) -> None:
    """Print, by language, the agents with English words alone (as where nobody tells the language) and with its own.

    Who says always or never has no precision to speak of, so macro-F1 is what to look at.
    """
    data = data.with_columns(pl.col("message_id").alias("channel"), pl.col("message_id").alias("user_id"))
    comments = as_comments(data, "channel", "user_id")
    untold = comments.with_columns(language=pl.lit(None, pl.String))
    said = {
        who: verdicts_of([case for batch in Stream(frame).batches(1024) for case in batch])
        for who, frame in (("English words", untold), ("language told", comments))
    }
    for language in sorted(data["lang"].unique()):
        rows = [row for row, each in enumerate(data["lang"]) if each == language]
        truth = [data["label_toxic"][row] for row in rows]
        print(f"\nHateCheck in '{language}'\n{HEADER}  not judged")
        print(score_line("always violation", truth, [True] * len(rows)))
        print(score_line("never violation", truth, [False] * len(rows)))
        for who, verdicts in said.items():
            for name, each in verdicts.items():
                plans = [each[row].standing.plan for row in rows]
                flagged = [plan is not None and plan.is_violation for plan in plans]
                print(f"{score_line(f'{name}, {who}', truth, flagged)} {plans.count(None) / len(rows):11.1%}")


def print_functionalities(
    data: pl.DataFrame, said: dict[str, list[Plan]], readings: dict[str, Callable[[Plan], bool]]
) -> None:
    """Print the accuracy per functionality, which is how HateCheck means to be read."""
    columns = {
        f"{name}, {reading}": [counts(plan) for plan in plans]
        for reading, counts in readings.items()
        for name, plans in said.items()
    }
    table = data.with_columns(*(pl.Series(name, values) for name, values in columns.items()))
    accuracy = table.group_by("label_raw").agg(
        pl.len(), *((pl.col(name) == pl.col("label_toxic")).mean().round(3) for name in columns)
    )
    with pl.Config(tbl_rows=40, tbl_cols=10, tbl_width_chars=160):
        print(accuracy.sort("label_raw"))


TWITCH = {
    "comment_id": "message_id",
    "text": "text",
    "channel": "channel",
    "user_id": "user_id",
    "sent_at": "sent_at",
    "is_emote_only": "emotes_only",
    "label_is_violation": "label_toxic",
}


def is_half_developed_on(channel: str) -> bool:
    """Whether a channel belongs to the half that the reading of what is rare was developed on."""
    return blake2b(channel.encode(), digest_size=1).digest()[0] % 2 == 0


def report_twitch(path: Path) -> None:
    """Print the table for the Twitch channels: what moderators acted on is taken for the truth."""
    comments = ingest(path, "twitch", columns=ColumnsSpec.model_validate(TWITCH)).comments
    print("\nTwitch, sanctions per 1,000 comments; a violation is what a moderator acted on")
    print(f"{'':<44} {'sanctions':>9} {'wrongful':>8} {'recall':>6} {'precision':>9} {'comments':>8}")
    for told, expected in (("told how rare", EXPECTED["twitch"]), ("not told", None)):
        for name, plans in plans_of(cases_of(comments, expected)).items():
            acts = pl.Series([plan.action not in (Action.ALLOW, Action.REPLY) for plan in plans])
            judged = comments.select("channel", label="label_is_violation").with_columns(acts=acts)
            known = judged.filter(pl.col("label").is_not_null()).with_columns(
                developed=pl.col("channel").map_elements(is_half_developed_on, return_dtype=pl.Boolean)
            )
            for half, rows in (
                ("developed on", known.filter("developed")),
                ("kept back", known.filter(~pl.col("developed"))),
            ):
                print(f"{f'{name}, {told}, {half}':<44} {_rates(rows)}")


def _rates(rows: pl.DataFrame) -> str:
    acted = rows.filter("acts")
    right, violations = int(acted["label"].sum()), int(rows["label"].sum())
    per_1000 = 1000 / rows.height
    return (
        f"{acted.height * per_1000:9.2f} {(acted.height - right) * per_1000:8.2f} {right / violations:6.3f} "
        f"{right / max(1, acted.height):9.3f} {rows.height:8,d}"
    )


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all-conda", action="store_true", help="score train as well as valid")
    parser.add_argument(
        "--functionalities", action="store_true", help="HateCheck's accuracy per functionality"
    )
    parser.add_argument("--only", nargs="+", choices=list(EXPECTED), default=list(EXPECTED))
    given = parser.parse_args()
    folder = shared_data()
    if "conda" in given.only:
        report_conda(pl.read_parquet(folder / "conda_dota2.parquet"), None if given.all_conda else "valid")
    if "hatecheck" in given.only:
        report_hatecheck(pl.read_parquet(folder / "hatecheck.parquet"), given.functionalities)
        report_multilingual(pl.read_parquet(folder / "multilingual_hatecheck_dev.parquet"))
    if "twitch" in given.only:
        report_twitch(folder / "twitch_dev.parquet")


if __name__ == "__main__":
    main()
