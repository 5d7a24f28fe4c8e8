"""Writing with transformers: prompts in, text and the likelihood of its tokens out. All that imports torch.

What all prompts begin with (the rules: most of each prompt) is read once; its keys and values are kept and
given to every batch. A reply that must be JSON is begun with a brace, and ends where that brace is closed.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DynamicCache,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
)
from transformers.cache_utils import DynamicLayer

from moderation_pipeline.backends.language_model import (
    CUT,
    Message,
    Reply,
    Request,
    TokenLogprob,
    TooLongError,
)
from moderation_pipeline.backends.local.local_work import cannot_load, local_device

BRACE = "{"
LEAST_SHARED = 32
"""Tokens: a shorter common beginning is not worth keeping."""


class Generator:
    """A loaded model and its tokenizer."""

    def __init__(self, model: str, device: str = "auto", *, keeps_beginning: bool = True) -> None:
        chosen = local_device(device)
        # On a GPU half precision is what the weights were trained in; on a CPU it is slower than single.
        dtype = torch.bfloat16 if chosen.startswith("cuda") else torch.float32
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(model, padding_side="left")
            self.model: Any = AutoModelForCausalLM.from_pretrained(model, dtype=dtype).to(chosen).eval()
        except (OSError, ValueError) as error:
            raise cannot_load("hf", model, error) from None
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.device = chosen
        self.name = model
        self._keeps_beginning = keeps_beginning
        self._beginning: tuple[list[int], DynamicCache] | None = None

    @property
    def context_tokens(self) -> int:
        """How many tokens, prompt and reply together, the model can attend to."""
        return int(getattr(self.model.config, "max_position_embeddings", 0) or 1_000_000)

    def write(self, requests: Sequence[Request]) -> list[Reply | TooLongError]:
        """Write one reply per request, in order; a prompt that leaves no room for a reply is an error."""
        prompts = [self._prompt(request) for request in requests]
        limit = self.context_tokens
        fits = [
            len(ids) + request.max_tokens <= limit for ids, request in zip(prompts, requests, strict=True)
        ]
        written = iter(
            self._generate(
                [ids for ids, fit in zip(prompts, fits, strict=True) if fit],
                [request for request, fit in zip(requests, fits, strict=True) if fit],
            )
        )
        return [
            next(written) if fit else TooLongError(f"{len(ids)} tokens, and the model takes {limit}")
            for ids, fit in zip(prompts, fits, strict=True)
        ]

    def _prompt(self, request: Request) -> list[int]:
        text = self._templated(request.messages)
        if request.schema is not None:
            text += BRACE
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _templated(self, messages: Sequence[Message]) -> str:
        if self.tokenizer.chat_template:
            turns = [message._asdict() for message in messages]
            templated: str = self.tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True
            )
            return templated
        # A model without a template, such as gpt2, only continues text.
        return "\n\n".join([*(message.content for message in messages), "Answer:\n"])

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _generate(self, prompts: Sequence[list[int]], requests: Sequence[Request]) -> list[Reply]:
        if not prompts:
            return []
        shared, cache = self._shared_beginning(prompts)
        longest = max(len(ids) for ids in prompts)
        pad = self.tokenizer.pad_token_id
        rows, masks = [], []
        for ids in prompts:
            # Padding goes between the kept beginning and the rest: the beginning is where it was when read.
            gap = longest - len(ids)
            rows.append(ids[:shared] + [pad] * gap + ids[shared:])
            masks.append([1] * shared + [0] * gap + [1] * (len(ids) - shared))
        inputs = torch.tensor(rows, device=self.device)
        likelihoods = Likelihoods()
        closing = ClosedBrace(self.tokenizer, longest, [request.schema is not None for request in requests])
        output = self.model.generate(
            input_ids=inputs,
            attention_mask=torch.tensor(masks, device=self.device),
            past_key_values=cache,
            max_new_tokens=max(request.max_tokens for request in requests),
            logits_processor=LogitsProcessorList([likelihoods]),
            stopping_criteria=StoppingCriteriaList([closing]),
            pad_token_id=pad,
            **_sampling(requests[0].temperature),
        )
        new = output[:, longest:]
        logprobs = likelihoods.of(output, new.shape[1])
        return [
            self._reply(new[row].tolist(), logprobs[row].tolist(), closing.stopped_at[row], prompt, request)
            for row, (prompt, request) in enumerate(zip(prompts, requests, strict=True))
        ]

    def _reply(
        self,
        ids: list[int],
        logprobs: list[float],
        stopped_at: int | None,
        prompt: list[int],
        request: Request,
    ) -> Reply:
        ends = set(_as_list(self.model.generation_config.eos_token_id))
        end = next((at for at, token in enumerate(ids) if token in ends), None)
        length = min(at for at in (end, stopped_at, request.max_tokens, len(ids)) if at is not None)
        finished = "stop" if length in (end, stopped_at) else CUT
        ids = ids[:length]
        text = self.tokenizer.decode(ids, skip_special_tokens=True)
        pieces = self.tokenizer.batch_decode([[token] for token in ids])
        likelihoods = [TokenLogprob(*each) for each in zip(pieces, logprobs[:length], strict=True)]
        if request.schema is not None:
            text, likelihoods = BRACE + text, [TokenLogprob(BRACE, 0.0), *likelihoods]
        return Reply(
            text=text,
            model=self.name,
            prompt_tokens=len(prompt),
            completion_tokens=length,
            finish_reason=finished,
            logprobs=tuple(likelihoods) if request.wants_logprobs else None,
        )

    def _shared_beginning(self, prompts: Sequence[list[int]]) -> tuple[int, DynamicCache | None]:
        """Return how many tokens the prompts begin with that were read before, and their keys and values."""
        if not self._keeps_beginning:
            return 0, None
        known = [] if self._beginning is None else self._beginning[0]
        if self._beginning is None or any(prompt[: len(known)] != known for prompt in prompts):
            # Student and Expert may share a model, and then share the policy: what fits both is kept.
            common = _common_beginning([known, *prompts] if known else prompts)
            self._keep(common if len(common) >= LEAST_SHARED else _common_beginning(prompts))
        if self._beginning is None:
            return 0, None
        ids, kept = self._beginning
        cache = copy.deepcopy(kept)
        cache.batch_repeat_interleave(len(prompts))
        return len(ids), cache

    def _keep(self, ids: list[int]) -> None:
        self._beginning = None
        if len(ids) < LEAST_SHARED:
            return
        cache = DynamicCache(config=self.model.config)
        self.model(input_ids=torch.tensor([ids], device=self.device), past_key_values=cache, use_cache=True)
        # Layers that attend to a window, or keep a state, can't be cut off after the beginning.
        if all(type(layer) is DynamicLayer for layer in cache.layers):
            self._beginning = (ids, cache)


class Likelihoods(LogitsProcessor):  # type: ignore[misc]
    """Notes how likely each token was that was written, without keeping the whole vocabulary for each."""

    def __init__(self) -> None:
        self._noted: list[torch.Tensor] = []
        self._last: torch.Tensor | None = None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Note the token that was chosen last; remember how likely each is to be the next."""
        self._note(input_ids[:, -1])
        self._last = torch.log_softmax(scores.float(), dim=-1)
        return scores

    def of(self, sequences: torch.Tensor, length: int) -> torch.Tensor:
        """Return the logarithms of the probabilities of the last `length` tokens, one row per sequence."""
        self._note(sequences[:, -1])
        return torch.stack(self._noted[-length:], dim=1)

    def _note(self, chosen: torch.Tensor) -> None:
        if self._last is not None:
            self._noted.append(self._last.gather(1, chosen[:, None])[:, 0])


class ClosedBrace(StoppingCriteria):  # type: ignore[misc]
    """Ends a reply where the brace it began with is closed: what a model writes after it is never read."""

    def __init__(self, tokenizer: Any, prompt_length: int, is_json: Sequence[bool]) -> None:
        self._tokenizer = tokenizer
        self._prompt_length = prompt_length
        self._scanners = [BraceScanner() if each else None for each in is_json]
        self.stopped_at: list[int | None] = [None] * len(is_json)

    def __call__(self, input_ids: torch.Tensor, scores: object, **kwargs: object) -> torch.Tensor:  # noqa: ARG002
        """Tell which sequences are at their end."""
        written = input_ids.shape[1] - self._prompt_length
        pieces = self._tokenizer.batch_decode(input_ids[:, -1:])
        for row, scanner in enumerate(self._scanners):
            if scanner is not None and self.stopped_at[row] is None and scanner.closes(pieces[row]):
                self.stopped_at[row] = written
        return torch.tensor([at is not None for at in self.stopped_at], device=input_ids.device)


class BraceScanner:
    """Follows JSON as it is written, one brace already open."""

    def __init__(self) -> None:
        self._depth = 1
        self._in_string = False
        self._escaped = False

    def closes(self, piece: str) -> bool:
        """Take in the next piece; tell whether it closes the first brace."""
        for character in piece:
            if self._in_string:
                self._in_string = self._escaped or character != '"'
                self._escaped = character == "\\" and not self._escaped
            elif character == '"':
                self._in_string, self._escaped = True, False
            elif character in "{}":
                self._depth += 1 if character == "{" else -1
                if self._depth == 0:
                    return True
        return False


def _sampling(temperature: float) -> dict[str, Any]:
    if temperature <= 0:
        return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    return {"do_sample": True, "temperature": temperature, "top_p": None, "top_k": None}


def _common_beginning(prompts: Sequence[list[int]]) -> list[int]:
    """Return the tokens that all prompts begin with, and at least one less than the shortest has."""
    first = prompts[0]
    length = len(first) - 1
    for ids in prompts[1:]:
        limit = min(length, len(ids) - 1)
        length = next((at for at in range(limit) if ids[at] != first[at]), limit)
    return first[:length]


def _as_list(value: int | list[int] | None) -> list[int]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
