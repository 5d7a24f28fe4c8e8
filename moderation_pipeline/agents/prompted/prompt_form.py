"""The forms a prompt can take, and which one `prompt: auto` means for a model.

What each part says is `prompt.py`'s; what was measured of the forms is in docs/measured.md.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from moderation_pipeline.config.model_specs import LanguageModelSpec

SMALL_UP_TO = 4.0
"""Billions of parameters up to which a model is asked in the short form."""

SIZE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s*([bBmM])(?![a-zA-Z])")
"""How names tell a model's size: `Qwen2.5-0.5B-Instruct`, `SmolLM2-135M`."""


class PromptForm(StrEnum):
    """What a model is told and asked for."""

    FULL = "full"
    """The whole policy, and a whole plan."""
    BRIEF = "brief"
    """The policy in a line a rule, and a plan as a skeleton to fill in."""
    EXAMPLES = "examples"
    """The same, with worked examples of both kinds, in another order for each comment."""
    CATEGORY = "category"
    """The policy in a line a rule, and the category alone: the action follows in code."""
    CATEGORY_EXAMPLES = "category_examples"
    """The same, with worked examples."""

    @property
    def is_short(self) -> bool:
        """Whether the policy is told in a line a rule."""
        return self is not PromptForm.FULL

    @property
    def asks_category(self) -> bool:
        """Whether the category alone is asked for."""
        return self in (PromptForm.CATEGORY, PromptForm.CATEGORY_EXAMPLES)

    @property
    def has_examples(self) -> bool:
        """Whether worked examples are shown."""
        return self in (PromptForm.EXAMPLES, PromptForm.CATEGORY_EXAMPLES)


SMALL_FORM = PromptForm.CATEGORY
"""What a small model is asked. A model of half a billion parameters contradicted itself in 13 of 16 whole plans
(`category: none` with `action: reply`), which can't happen where the action follows from the category in code; it reads
half as much and writes a sixth. Which of the forms judges best no model that small has shown (docs/measured.md)."""


class ChosenForm(NamedTuple):
    """A form, and why it was taken where the config left it open."""

    form: PromptForm
    why: str | None = None


def form_of(spec: LanguageModelSpec) -> ChosenForm:
    """Return the form that a spec asks for; `auto` goes by the size in the model's name."""
    if spec.prompt != "auto":
        return ChosenForm(PromptForm(spec.prompt))
    billions = size_in_billions(spec.model)
    if billions is None:
        return ChosenForm(
            PromptForm.FULL,
            f"{spec.model!r} is asked with the full prompt, for its name tells no size; for one of up to "
            f"{SMALL_UP_TO:g} billion parameters set `prompt: {SMALL_FORM}`.",
        )
    form = SMALL_FORM if billions <= SMALL_UP_TO else PromptForm.FULL
    bound = "at most" if billions <= SMALL_UP_TO else "more than"
    return ChosenForm(
        form,
        f"{spec.model!r} is asked with `prompt: {form}`, for {billions:g} billion parameters are {bound} "
        f"{SMALL_UP_TO:g}.",
    )


def shows_memories(spec: LanguageModelSpec) -> bool:
    """Return whether a Student is shown memories; `auto` goes by the size in the model's name, as the form does."""
    if isinstance(spec.shows_memories, bool):
        return spec.shows_memories
    billions = size_in_billions(spec.model)
    return billions is None or billions > SMALL_UP_TO


def size_in_billions(model: str) -> float | None:
    """Return the size that a model's name tells, the largest where it tells several; null where it tells none."""
    found = [(float(number), unit.lower()) for number, unit in SIZE.findall(model.replace("-", " "))]
    sizes = [number / 1000 if unit == "m" else number for number, unit in found]
    return max(sizes, default=None)
