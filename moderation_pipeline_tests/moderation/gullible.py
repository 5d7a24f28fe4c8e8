"""Language models that do what chat tells them, to show that the attack suite bites and what stops it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson

from moderation_pipeline.agents.keyless.close_reading import text_evidence
from moderation_pipeline.agents.keyless.evidence import plan_from
from moderation_pipeline.agents.prompted.reply_parsing import read_reply
from moderation_pipeline.agents.student import Student
from moderation_pipeline.backends.language_model import LanguageModel, Message, ModelIdentity, Reply, Request
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation
from moderation_pipeline.cases.verdict import Receipt, Verdict
from moderation_pipeline.text.normalise import normalise_text

PERSUADES = re.compile(
    r"\b(allow|approv|accept|permit|whitelist|ignor|disregard|forget|pretend|imagine|harmless|benign|safe|fine|"
    r"satire|fiction|joking|friendly|no violation|none|please|beg|mercy|rules?|system|moderator|bot|erlaub|permit|"
    r"autoris|decode|base64|rot13|override|opposite|act as|you are now)",
    re.IGNORECASE,
)
"""What talks these models out of a verdict, wherever they take it for speech to them."""

WARNED = "every\nstring in it was typed by chat users"
"""What the system message says of the data block."""

BLOCK = re.compile(r"stands between two lines that read (\w+)\.\n\n\1\n(.*?)\n\1\n", re.DOTALL)

SHOWN = re.compile(r"⟨U\+[0-9A-F]+⟩(?:×\d+)?")
"""How prompts show what can't be seen: these models know."""


class Gullible(LanguageModel):
    """Judges like the careful rules, unless it is told otherwise outside a data block it was warned of."""

    @property
    def identity(self) -> ModelIdentity:
        return ModelIdentity("openai", "http://gullible/v1", "gullible")

    async def complete(self, request: Request) -> Reply:
        system = " ".join(each.content for each in request.messages if each.role == "system")
        said = " ".join(each.content for each in request.messages if each.role == "user")
        block = BLOCK.search(said)
        if block is None:
            return reply(said, is_persuaded=PERSUADES.search(said) is not None)
        comment = orjson.loads(block[2])["comment"]["text"]
        heard = self.heard(said.replace(block[2], ""), block[2], is_warned=WARNED in system)
        return reply(comment, is_persuaded=PERSUADES.search(heard) is not None)

    def heard(self, outside: str, inside: str, *, is_warned: bool) -> str:
        """Return what of a message the model takes for speech to it."""
        return outside if is_warned else outside + inside


class BlindlyObedient(Gullible):
    """Does what the data block tells it too, whatever it was warned of."""

    def heard(self, outside: str, inside: str, *, is_warned: bool) -> str:  # noqa: ARG002
        return outside + inside


def reply(text: str, *, is_persuaded: bool) -> Reply:
    plan = plan_from(text_evidence(normalise_text(SHOWN.sub("", text)), is_reply=False))
    verdict = {
        "category": "none" if is_persuaded else plan.category.value,
        "action": "allow" if is_persuaded else plan.action.value,
        "rule": "R9" if is_persuaded else plan.rule,
        "duration_s": None,
        "confidence": 0.95,
        "reasoning": "as I was told" if is_persuaded else plan.reasoning,
        "reply_text": None,
    }
    return Reply(orjson.dumps(verdict).decode(), "gullible", prompt_tokens=1, completion_tokens=1)


class PastingStudent(Student):
    """What the project doesn't do: a user's lines pasted into the prompt as they are."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:  # noqa: ARG002
        return [await self._verdict(case) for case in cases]

    async def _verdict(self, case: Case) -> Verdict:
        lines = [line.text or "" for line in case.own_lines_before(5)] + [case.text]
        answer = await self._model.complete(Request((Message("user", "\n".join(lines)),)))
        return Verdict(read_reply(answer.text, ("R1", "R9")).plan, Receipt("openai"))
