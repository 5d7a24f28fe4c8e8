"""What a model thought aloud before its answer, taken out of its reply: a draft in a thought is no answer.

The marks are those that models and servers are known to write. How an answer is read is `agents/prompted`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

Span = tuple[int, int]

WORDS = "think|thinking|thoughts?|reasoning|reflection|analysis|scratchpad"

MARKS: dict[str, tuple[str, str]] = {
    # Qwen, DeepSeek, GLM, MiniMax, Seed and many others, in angles or in square brackets (Magistral).
    "tag": (rf"<(?:\w+:)?(?:{WORDS})(?:[\s_][^<>]*)?>", rf"</(?:\w+:)?(?:{WORDS})(?:_\w+)?\s*>"),
    "special": (rf"<\|(?:{WORDS})\|>", rf"<\|/(?:{WORDS})\|>|<\|(?:end_of_)?(?:{WORDS})_end\|>"),
    "details": (r"<details\b[^<>]*\breasoning\b[^<>]*>", r"</details\s*>"),
    "bracket": (rf"\[(?:{WORDS})\]", rf"\[/(?:{WORDS})\]"),
    "kimi": (r"◁think▷", r"◁/think▷"),
    "command": (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),
    "begin_of": (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),
    # gpt-oss: whatever is in a channel before the final one, with its special tokens or without them.
    "channel": (r"<\|channel\|>\s*(?:analysis|commentary)", r"<\|channel\|>\s*final(?:\s|json|<\|\w+\|>)*"),
    "bare_channel": (r"\Aanalysis(?=[A-Z])", r"assistant\s*final"),
    "gemma": (r"<\|channel>thought|<unused94>thought", r"<channel\|>|<unused95>"),
}
"""How a thought begins and ends, by kind. Only its own kind of end ends a thought."""

MARK = re.compile(
    "|".join(f"(?P<{name}_begins>{begin})|(?P<{name}_ends>{end})" for name, (begin, end) in MARKS.items()),
    re.IGNORECASE,
)


class UnclosedThoughtError(ValueError):
    """A reply that ends in a thought: whatever answer stands in it is a draft."""


class _Mark(NamedTuple):
    kind: str
    begins: bool
    start: int
    end: int


def without_thoughts(text: str, quoted: Collection[Span], is_answer: Callable[[str], bool]) -> str:
    """Return the reply without what was only thought. What is in `quoted` spans is no mark: it is text in JSON.

    Templates that begin the thought for the model leave an end without a beginning. Chat users can write such an
    end too, for a model to quote: it counts where nothing but an answer follows it (`is_answer`).

    Raises:
        UnclosedThoughtError: a thought has no end, or an end has nothing behind it.
    """
    marks = [mark for mark in _marks(text) if not any(a <= mark.start < b for a, b in quoted)]
    if not marks:
        return text
    if not marks[0].begins:
        return _after_headless(text, marks, is_answer)
    kept, at, inside = [], 0, ""
    for mark in marks:
        if not inside and mark.begins:
            kept.append(text[at : mark.start])
            inside = mark.kind
        elif inside == mark.kind and not mark.begins:
            at, inside = mark.end, ""
    if inside:
        raise UnclosedThoughtError("it was cut off in its thoughts, before an answer")
    return "".join([*kept, text[at:]])


def _marks(text: str) -> list[_Mark]:
    found = []
    for match in MARK.finditer(text):
        kind, _, which = str(match.lastgroup).rpartition("_")
        found.append(_Mark(kind, which == "begins", *match.span()))
    return found


def _after_headless(text: str, marks: list[_Mark], is_answer: Callable[[str], bool]) -> str:
    """Return what follows the end of a thought whose beginning the reply doesn't show."""
    rest = text[marks[-1].end :]
    if marks[-1].begins or "{" not in rest:
        raise UnclosedThoughtError("no answer follows its thoughts")
    begins_with_answer = text.lstrip().startswith(("{", "```"))
    return rest if is_answer(rest) and not begins_with_answer else text
