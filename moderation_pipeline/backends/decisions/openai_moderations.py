"""OpenAI's moderation endpoint, which is free: a score for each of its own categories, whatever is asked.

Its questions are therefore its categories (`OpenAIModerationsSpec.labels`): each score is the answer to the yes/no
question of that name. It is shown the comment alone, for it judges all that it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping

from moderation_pipeline.backends.chat.openai_client import OpenAIClient
from moderation_pipeline.backends.chat.sdk_client import Endpoint
from moderation_pipeline.backends.decisions.decision_model import (
    DecisionModel,
    DecisionReply,
    DecisionRequest,
    Unusable,
    comment_text,
    yes_no,
)
from moderation_pipeline.backends.language_model import (
    GarbledReplyError,
    JsonValue,
    LanguageModelError,
    ModelIdentity,
    Reply,
)


class OpenAIModerations(DecisionModel):
    """The moderation endpoint as a decision model."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._client = OpenAIClient("openai_moderations", endpoint)

    @property
    def identity(self) -> ModelIdentity:
        """Backend, endpoint and model."""
        return self._client.identity

    async def decide(self, request: DecisionRequest) -> DecisionReply:
        """Return the score of every category that a question is named after."""
        body: JsonValue = {"model": self.identity.model, "input": comment_text(request.state)}
        reply = await self._client.asked("/moderations", body)
        scores = self._scores(reply)
        return DecisionReply(
            answers={
                each.name: yes_no(scores[each.name]) if each.name in scores else Unusable("no score")
                for each in request.questions
            },
            reply=Reply(
                text="",
                model=str(
                    (reply.get("model") if isinstance(reply, Mapping) else None) or self.identity.model
                ),
                prompt_tokens=0,  # it says nothing of tokens, and bills none
                completion_tokens=0,
            ),
        )

    async def served_models(self) -> list[str] | None:
        """Return the models that the endpoint lists; null where it has no list for this key."""
        try:
            return await self._client.served_models()
        except LanguageModelError:
            return None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _scores(self, reply: object) -> Mapping[str, object]:
        results = reply.get("results") if isinstance(reply, Mapping) else None
        first = results[0] if isinstance(results, list) and results else None
        scores = first.get("category_scores") if isinstance(first, Mapping) else None
        if not isinstance(scores, Mapping):
            raise GarbledReplyError(f"no scores in {str(reply)[:80]!r}")
        return scores
