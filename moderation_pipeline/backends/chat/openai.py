"""OpenAI, and whatever speaks its chat protocol (vLLM, llama.cpp, Ollama, Groq, …)."""

from __future__ import annotations

from moderation_pipeline.backends.chat.chat_endpoint import AbilitiesMemory, ChatEndpoint
from moderation_pipeline.backends.chat.openai_client import OpenAIClient
from moderation_pipeline.backends.chat.sdk_client import Endpoint


class OpenAIModel(ChatEndpoint[OpenAIClient]):
    """A model behind OpenAI's protocol."""

    def __init__(self, endpoint: Endpoint, memory: AbilitiesMemory | None = None) -> None:
        super().__init__(OpenAIClient("openai", endpoint), "/chat/completions", memory)
