"""What a language model is asked: the rules first, then the part it plays, then one case in a data block.

The text is in `prompts/*.md`, and of the policy in `agents/policy.yaml`; both are reviewed like code. The long part
that every call shares comes first, so that providers' prompt caches hit; all that differs from call to call is in the
last message. Nothing that a config did goes into an Expert's prompt (law 3). How a reply is read is
`reply_parsing.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from importlib import resources

import orjson

from moderation_pipeline.agents.keyless.evidence import RULES, STEPS
from moderation_pipeline.agents.policy import PolicyExample, policy
from moderation_pipeline.agents.prompted.policy_text import brief_policy, full_policy
from moderation_pipeline.agents.prompted.prompt_form import PromptForm
from moderation_pipeline.backends.language_model import JsonValue, Message, ReplySchema
from moderation_pipeline.cases.case import Case, Line
from moderation_pipeline.cases.situation import Recalled, Situation, Standing, leading
from moderation_pipeline.plan import Action, Category, Plan
from moderation_pipeline.text.visible import shortened, visible

PROMPTS = resources.files("moderation_pipeline.agents.prompted") / "prompts"

MOST_OF_COMMENT = 4_000
MOST_OF_LINE = 300
"""Characters: a hostile wall of text must not crowd the rules out of a small model's context."""

RULE_ID = re.compile(r"^\*\*([A-Z]{1,3}\d{1,3})\b", re.MULTILINE)

TAIL = """{situation}The data block of this call stands between two lines that read {mark}.

{mark}
{data}
{mark}

Judge `comment`."""

FULL = ("policy", "channel", "data_block", "{part}", "answer")
BRIEF = ("policy", "channel", "brief_answer")
CATEGORY = ("policy", "channel", "category_answer")
"""The parts of the system message in their order, for models with room for it and for those with little."""


def prompt_text(name: str) -> str:
    """Return the text of a prompt file."""
    return (PROMPTS / f"{name}.md").read_text(encoding="utf-8")


def channel_rules(text: str) -> str:
    """Return a channel's own rules as a part of the prompt; a plain list becomes C1, C2 and so on."""
    if not text.strip():
        return ""
    if not RULE_ID.search(text):
        numbers = iter(range(1, 1_000))
        text = re.sub(r"^[-*] +", lambda _: f"**C{next(numbers)}** ", text, flags=re.MULTILINE)
    return (
        "## This channel's own rules\n\nThey count beside the rules above, and before them where they "
        f"differ.\n\n{text.strip()}\n"
    )


@dataclass(frozen=True)
class Instructions:
    """What is the same for every case of a run: a system message, and the reply's schema.

    `part` is `student` or `expert`; `own_rules` is the text of the channel's own rules file, or nothing.
    """

    part: str
    own_rules: str = ""
    form: PromptForm = PromptForm.FULL

    @cached_property
    def system(self) -> Message:
        """The system message: policy, the channel's rules, what the data block is, the part, the answer."""
        names = CATEGORY if self.form.asks_category else BRIEF if self.form.is_short else FULL
        parts = [self._text(name.format(part=self.part)) for name in names]
        return Message("system", "\n\n".join(part.strip() for part in parts if part))

    @cached_property
    def rules(self) -> tuple[str, ...]:
        """The identifiers of the rules that may be cited."""
        return (*policy().rule_ids, *RULE_ID.findall(channel_rules(self.own_rules)))

    def _text(self, name: str) -> str:
        if name == "channel":
            return channel_rules(self.own_rules)
        if name == "policy":
            if not self.form.is_short:
                return full_policy()
            return brief_policy(with_actions=not self.form.asks_category)
        if not name.endswith("answer"):
            return prompt_text(name)
        return prompt_text(name).format(
            categories=_listed(Category),
            actions=_listed(Action),
            rules=", ".join(f"`{rule}`" for rule in self.rules),
        )

    @cached_property
    def schema(self) -> ReplySchema:
        """The closed schema of the reply; what decides comes first, so that a cut reply still holds it."""
        properties: dict[str, JsonValue] = {
            "category": {"type": "string", "enum": [category.value for category in Category]},
            "action": {"type": "string", "enum": [action.value for action in Action]},
            "rule": {"type": "string", "enum": list(self.rules)},
            "duration_s": {"type": ["integer", "null"]},
            "confidence": {"type": "number"},
            "reasoning": {"type": "string"},
            "reply_text": {"type": ["string", "null"]},
        }
        if self.form.asks_category:
            properties = {"category": properties["category"]}
        return ReplySchema.of(
            "verdict",
            {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": False,
            },
        )

    @cached_property
    def version(self) -> str:
        """Twelve hex digits of all that is the same for every case, and of the form of what is not."""
        parts = [self.system.content, self.schema.json, TAIL, self.repair]
        if self.form.has_examples:
            parts += [_example(each, self.form) for each in policy().examples]
        return blake2b("\x1f".join(parts).encode(), digest_size=6).hexdigest()

    @property
    def repair(self) -> str:
        """What is said to a reply that can't be used, with `{reason}` in it."""
        return prompt_text("repair").replace("{keys}", listed_keys(self.schema))


def listed_keys(schema: ReplySchema) -> str:
    """Return the keys that a reply has, in words."""
    keys = [str(key) for key in orjson.loads(schema.json)["properties"]]
    return f"the keys {', '.join(keys[:-1])} and {keys[-1]}" if len(keys) > 1 else f"the key {keys[0]}"


@dataclass(frozen=True, slots=True)
class ShownOfCase:
    """How much of the chat around a comment a model is shown."""

    context_lines: int = 6
    own_lines: int = 3
    form: PromptForm = PromptForm.FULL


def case_message(
    case: Case, shown: ShownOfCase, *, situation: Situation | None = None, proposed: Plan | None = None
) -> Message:
    """Return the last message: one case. `situation` is for Students, `proposed` for an Expert not blind."""
    data = case_data(case, shown, situation=situation, proposed=proposed)
    text = orjson.dumps(data).decode()
    said = "" if situation is None or shown.form.asks_category else _standing(situation.standing)
    examples = worked_examples(case.normalised, shown.form) if shown.form.has_examples else ""
    return Message("user", TAIL.format(situation=said + examples, mark=mark_for(text), data=text))


def said_before(asked: Sequence[tuple[Case, Situation]], shown: ShownOfCase) -> str:
    """Return what is said ahead of several cases: their users' standing by number, and the first one's examples."""
    standings = "\n".join(
        f"{number}. {_standing(situation.standing).strip()}"
        for number, (_, situation) in enumerate(asked, start=1)
    )
    examples = worked_examples(asked[0][0].normalised, shown.form) if shown.form.has_examples else ""
    return ("" if shown.form.asks_category else f"{standings}\n\n") + examples


def case_data(
    case: Case, shown: ShownOfCase, *, situation: Situation | None = None, proposed: Plan | None = None
) -> dict[str, JsonValue]:
    """Return what a model is shown of a case, as JSON: what the data block holds, or a decision model's state."""
    data: dict[str, JsonValue] = {"channel": visible(case.channel)}
    if situation is not None and situation.recalled:
        data["worked_cases"] = [_worked(memory) for memory in leading(situation.recalled)]
    if lines := case.lines_before(shown.context_lines):
        data["earlier_lines"] = [_line(line) for line in lines]
    if own := case.own_lines_before(shown.own_lines):
        data["own_earlier_lines"] = [_cut(line.text) for line in own]
    if facts := _facts(case):
        data["facts"] = facts
    if proposed is not None:
        data["proposed_by_student"] = _plan(proposed)
    comment: JsonValue = {
        "user": _name(case.user_name),
        "text": visible(shortened(case.text, MOST_OF_COMMENT)),
    }
    data["comment"] = comment
    return data


def worked_examples(text: str, form: PromptForm) -> str:
    """Return the policy's examples of both kinds, beginning with another one for each text.

    In an order that never changes, a small model answers with the last of them, or with the one whose place it knows.
    """
    examples = policy().examples
    first = int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") % len(examples)
    lines = [_example(each, form) for each in (*examples[first:], *examples[:first])]
    return "Examples of other comments, judged:\n\n" + "\n".join(lines) + "\n\n"


def _example(example: PolicyExample, form: PromptForm) -> str:
    verdict: dict[str, JsonValue] = {"category": example.category.value}
    if not form.asks_category:
        action = STEPS[example.category][1] if example.category is not Category.NONE else Action.ALLOW
        verdict |= {"action": action.value, "rule": RULES[example.category], "reasoning": example.reason}
    return f"{orjson.dumps(example.text).decode()} → {orjson.dumps(verdict).decode()}"


def shown_state(memory: Recalled) -> str:
    """Return what a model is shown of the comment that a memory is of."""
    return _cut(memory.state)


def mark_for(text: str) -> str:
    """Return a mark that the text doesn't hold: a hash of it, hashed on until that is so."""
    mark = blake2b(text.encode(), digest_size=8).hexdigest()
    while mark in text:
        mark = blake2b((mark + text).encode(), digest_size=8).hexdigest()
    return mark


def _standing(standing: Standing) -> str:
    in_force = f", {standing.sanction} in force" if standing.sanction else ""
    plural = "" if standing.strikes == 1 else "s"
    return f"The user's standing: {standing.strikes} strike{plural}{in_force}.\n\n"


def _worked(memory: Recalled) -> JsonValue:
    return {"comment": shown_state(memory), "decided": _plan(memory.plan), "confirmed": memory.support}


def _plan(plan: Plan) -> JsonValue:
    decided: dict[str, JsonValue] = {"category": plan.category.value, "action": plan.action.value}
    if plan.rule:
        decided["rule"] = plan.rule
    if plan.reasoning:
        decided["reasoning"] = _cut(plan.reasoning)
    return decided


def _line(line: Line) -> JsonValue:
    return {"user": _name(line.user_name), "text": _cut(line.text)}


def _facts(case: Case) -> list[JsonValue]:
    """Return what the chat says about the comment besides its words; nothing that a config did."""
    told = (
        ("written by a moderator", case.is_moderator),
        ("written by the broadcaster", case.is_broadcaster),
        ("the user's first message here", case.is_first_message),
        ("an answer to another comment", case.reply_to is not None),
        (f"the user wrote the same {case.user_repeats} times just before", case.user_repeats),
        (f"others wrote the same {case.channel_repeats} times just before", case.channel_repeats),
    )
    return [fact for fact, holds in told if holds]


def _name(name: str | None) -> str | None:
    return None if name is None else visible(shortened(name, 40))


def _cut(text: str) -> str:
    return visible(shortened(text, MOST_OF_LINE))


def _listed(values: Sequence[str] | type[Action] | type[Category]) -> str:
    return ", ".join(f"`{value}`" for value in values)
