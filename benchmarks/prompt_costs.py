"""What each form of the prompt takes in tokens, and what the ready-made configs cost per 1,000 comments at list prices.

    python -m benchmarks.prompt_costs [--comments 300]

Asks nobody. Prompts are those of the first comments of the synthetic chat, with the lines around them that a config
shows by default. Tokens are counted as bytes / 4: Qwen2.5's tokenizer makes .97 to 1.11 of that of the fixed part, and
1.1 to 1.3 of a comment. "Cached" takes the fixed part at the price of cached input, where the provider has one; a
thought is not counted, for how long it is nobody knows beforehand. By batch an Expert's costs halve.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import orjson

from moderation_pipeline.agents.prompted.prompt import Instructions, ShownOfCase, case_message
from moderation_pipeline.agents.prompted.prompt_form import PromptForm, form_of
from moderation_pipeline.backends.chat.openai_client import OPENAI_URL
from moderation_pipeline.backends.chat.together import TOGETHER_URL
from moderation_pipeline.backends.language_model import ModelIdentity
from moderation_pipeline.backends.wrappers.prices import PriceList, TokenPrice
from moderation_pipeline.backends.wrappers.token_count import roughly_counted
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation, Standing
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.model_specs import RemoteSpec
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, write_synthetic
from moderation_pipeline.warehouse.folder import DataFolder

URLS = {"openai": OPENAI_URL, "together": TOGETHER_URL}

A_PLAN = {
    "category": "harassment",
    "action": "delete",
    "rule": "R1",
    "duration_s": None,
    "confidence": 0.9,
    "reasoning": "It insults another viewer and tells them to leave.",
    "reply_text": None,
}
"""A reply of usual length."""


class Tokens(NamedTuple):
    """Tokens of one call: what is the same for every comment, what is the comment's own, and what is written."""

    fixed: float
    own: float
    written: float


def cases_of(comments: int) -> list[Case]:
    """Return the first comments of the synthetic chat."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "synthetic.jsonl"
        write_synthetic(path, SyntheticSettings(comments=comments))
        return next(iter(Stream(ingest(path, "synthetic").comments).batches(comments)))


def tokens_of(form: PromptForm, part: str, cases: Sequence[Case]) -> Tokens:
    """Return the mean tokens of a call in that form."""
    instructions, shown = Instructions(part, form=form), ShownOfCase(form=form)
    situation = Situation(Standing(0, None)) if part == "student" else None
    own = [roughly_counted(case_message(case, shown, situation=situation).content) for case in cases]
    reply = {"category": "harassment"} if form.asks_category else A_PLAN
    fixed = roughly_counted(instructions.system.content) + roughly_counted(instructions.schema.json)
    return Tokens(fixed, sum(own) / len(own), roughly_counted(orjson.dumps(reply).decode()))


def usd_per_1000(tokens: Tokens, price: TokenPrice, *, is_cached: bool) -> float:
    """Return the dollars of a thousand calls."""
    cached = round(1000 * tokens.fixed) if is_cached else 0
    return price.usd(round(1000 * (tokens.fixed + tokens.own)), round(1000 * tokens.written), cached)


def report_forms(cases: Sequence[Case]) -> None:
    """Print the tokens of each form."""
    print(f"{'form':<20} {'fixed':>6} {'a comment':>10} {'written':>8}")
    for form in PromptForm:
        fixed, own, written = tokens_of(form, "student", cases)
        print(f"{form:<20} {fixed:6.0f} {own:10.0f} {written:8.0f}")


def report_configs(cases: Sequence[Case], names: Sequence[str]) -> None:
    """Print what 1,000 comments cost under ready-made configs."""
    print(
        f"\n{'config':<18} {'part':<8} {'model':<22} {'form':<9} {'calls':>5} {'$':>7} {'cached':>7} {'by batch':>8}"
    )
    library, prices = ConfigLibrary(DataFolder(Path("/nonexistent"))), PriceList.load()
    for name in names:
        config = library.load(name).config
        for part, spec, share in (
            ("student", config.student, 1.0),
            ("expert", config.expert, config.audit.rate),
        ):
            if not isinstance(spec, RemoteSpec):
                continue
            form = form_of(spec).form
            price = prices.price(ModelIdentity(spec.backend, URLS[spec.backend], spec.model))
            if price is None:
                continue
            tokens = tokens_of(form, part, cases)
            full, cached = (share * usd_per_1000(tokens, price, is_cached=each) for each in (False, True))
            batch = f"{full / 2:8.3f}" if part == "expert" else f"{'–':>8}"
            who = f"{name:<18} {part:<8} {spec.model:<22} {form:<9} {share * 1000:5.0f}"
            print(f"{who} {full:7.3f} {cached:7.3f} {batch}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--comments", type=int, default=300)
    cases = cases_of(parser.parse_args().comments)
    report_forms(cases)
    report_configs(cases, ("openai", "together", "hybrid_decisions"))


if __name__ == "__main__":
    main()
