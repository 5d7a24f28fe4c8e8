"""Prices: the user's before ours, ours before the package's, and unknown is null."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.backends.chat.openai_client import OPENAI_URL
from moderation_pipeline.backends.chat.together import TOGETHER_URL
from moderation_pipeline.backends.language_model import ModelIdentity, Reply
from moderation_pipeline.backends.wrappers.prices import PriceList, PricesError, TokenPrice
from moderation_pipeline.config.model_specs import TogetherExpertSpec, TogetherStudentSpec

LLAMA = ModelIdentity("together", TOGETHER_URL, "meta-llama/Llama-3.3-70B-Instruct-Turbo")
NANO = ModelIdentity("openai", OPENAI_URL, "gpt-4.1-nano")
MINE = ModelIdentity("openai", "http://localhost:8000/v1", "my-own-tune")


def usd(identity: ModelIdentity, prices: PriceList) -> float | None:
    return prices.usd(identity, Reply("x", identity.model, prompt_tokens=1_000_000, completion_tokens=0))


def test_every_shipped_price_has_its_date_and_source() -> None:
    assert all(price.as_of and price.source for price in PriceList.load().entries)


def test_the_default_models_of_together_have_a_price() -> None:
    models = [TogetherStudentSpec().model, TogetherExpertSpec().model]

    prices = [usd(LLAMA._replace(model=model), PriceList.load()) for model in models]
    assert prices == [pytest.approx(0.17), pytest.approx(0.15)]


def test_a_server_of_one_s_own_that_speaks_together_s_protocol_costs_what_nobody_knows() -> None:
    mine = LLAMA._replace(endpoint="http://localhost:8000")
    price = TokenPrice(
        backend="together", model="*", input_usd_per_million=2, output_usd_per_million=2, source="my own"
    )

    assert usd(mine, PriceList.load()) is None
    assert usd(mine, PriceList([price])) == pytest.approx(2.0)
    assert usd(LLAMA._replace(endpoint="https://api.together.xyz"), PriceList.load()) == pytest.approx(1.04)


def test_a_price_of_zero_in_the_config_is_that_server_s_whatever_it_calls_its_model() -> None:
    prices = PriceList.load().with_own(MINE, 0.0)
    named_else = Reply("x", "gpt-4.1-nano", prompt_tokens=1_000_000, completion_tokens=0)

    assert prices.usd(MINE, named_else) == 0.0
    assert usd(NANO, prices) == pytest.approx(0.10)  # another server's price is as it was
    assert PriceList.load().with_own(MINE, None).price(MINE) is None


def test_the_package_knows_what_our_own_file_doesn_t() -> None:
    price = PriceList.load().price(NANO)

    assert price is not None
    assert "genai-prices" in price.source
    assert price.input_usd_per_million == pytest.approx(0.10)
    assert price.cached_input_usd_per_million == pytest.approx(0.025)


def test_a_model_that_nobody_knows_costs_unknown_and_not_nothing() -> None:
    assert PriceList.load().price(MINE) is None
    assert usd(MINE, PriceList.load()) is None


def test_a_local_model_costs_nothing() -> None:
    assert usd(ModelIdentity("hf", "local", "gpt2"), PriceList.load()) == 0.0


def test_the_user_s_own_price_comes_first(tmp_path: Path) -> None:
    own = tmp_path / "prices.yaml"
    own.write_text(
        "- {backend: together, model: meta-llama/Llama-3.3-70B-Instruct-Turbo, input_usd_per_million: 9,"
        " output_usd_per_million: 9, source: contract}\n"
        "- {backend: openai, endpoint: 'http://localhost:8000/v1/', model: '*', input_usd_per_million: 0,"
        " output_usd_per_million: 0, source: my own server}\n"
    )
    prices = PriceList.load(own)

    assert usd(LLAMA, prices) == pytest.approx(9)
    assert usd(MINE, prices) == 0.0
    assert usd(MINE._replace(endpoint="http://other:8000/v1"), prices) is None


def test_the_model_that_the_reply_names_decides() -> None:
    dated = Reply("x", "gpt-4.1-nano-2025-04-14", prompt_tokens=1_000_000, completion_tokens=0)

    assert PriceList.load().usd(NANO, dated) == pytest.approx(0.10)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mistake: 1", "allowed is a list of prices"),
        ("- {backend: openai, model: m, price: 3}", "A price has the keys backend, model"),
        (
            "- {backend: openai, model: m, input_usd_per_million: -1, output_usd_per_million: 0, source: s}",
            "input",
        ),
        ("- [", "not valid YAML"),
    ],
)
def test_a_file_that_can_t_be_read_is_an_error_that_names_it(tmp_path: Path, text: str, said: str) -> None:
    own = tmp_path / "prices.yaml"
    own.write_text(text)

    with pytest.raises(PricesError, match=said) as raised:
        PriceList.load(own)
    assert str(own) in str(raised.value)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_cached_tokens_never_make_a_call_dearer_or_free(prompt: int, completion: int, cached: int) -> None:
    price = TokenPrice(
        backend="openai",
        model="m",
        input_usd_per_million=1,
        cached_input_usd_per_million=0.25,
        output_usd_per_million=4,
        source="test",
    )
    full = price.usd(prompt, completion)

    assert full / 4 <= price.usd(prompt, completion, cached) + 1e-12
    assert price.usd(prompt, completion, cached) <= full + 1e-12
