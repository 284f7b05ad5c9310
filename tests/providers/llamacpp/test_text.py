"""Text from a real GGUF file by the real engine, through the whole pipeline."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pydantic
import pytest

from tests.providers.llamacpp.gguf_file import SENTENCES, write_bigram
from viralai_sdk import ViralAI
from viralai_sdk.interfaces.errors import (
    ConfigurationError,
    EmptyResultError,
    InvalidRequestError,
    ProviderUnavailableError,
    UnsupportedCapabilityError,
)
from viralai_sdk.interfaces.names import AIProvider
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.progress.events import ProgressEvent
from viralai_sdk.providers.llamacpp import text as llamacpp
from viralai_sdk.providers.llamacpp.pool import POOL
from viralai_sdk.providers.llamacpp.text import LlamaCppTextService

ENDLESS = 2_000_000
"""Tokens that no machine writes within a test."""
GREEDY = "the server was counted words that were seen before"
"""The sentences' most frequent successors, from the start of a sentence to its end."""


async def test_greedy_decoding_follows_the_counted_pairs(ai: ViralAI) -> None:
    answer = await ai.text("hello", provider=AIProvider.LLAMACPP, temperature=0)
    assert answer.text.strip() == GREEDY
    pairs = {pair for sentence in SENTENCES for pair in itertools.pairwise(sentence.split())}
    words = answer.text.split()
    assert set(itertools.pairwise(words)) <= pairs
    assert answer.usage.completion_tokens == len(words) + 1, "and the stop token"
    assert answer.usage.total_tokens == (answer.usage.prompt_tokens or 0) + len(words) + 1
    assert not answer.usage.approximate


async def test_a_local_model_is_a_model_and_costs_nothing(ai: ViralAI, model: Path) -> None:
    answer = await ai.text("hello", provider="llamacpp", temperature=0)
    assert (answer.is_model, answer.cost_usd, answer.cost_source) == (True, 0.0, "catalog")
    assert (answer.provider_used, answer.model_used) == ("llamacpp", model.name)
    assert answer.metadata["tokens_per_second"] > 0


async def test_a_path_in_the_spec_wins_over_the_configured_one(ai: ViralAI, endless: Path) -> None:
    answer = await ai.text("hello", provider=f"llamacpp:{endless}", temperature=0, max_tokens=3)
    assert answer.model_used == endless.name
    assert answer.usage.completion_tokens == 3


async def test_a_stream_comes_word_by_word_and_is_the_whole(ai: ViralAI) -> None:
    pieces, response = [], None
    async for chunk in ai.text.stream("hello", provider="llamacpp", temperature=0):
        pieces.append(chunk.text)
        response = chunk.response
    assert response is not None
    assert "".join(pieces) == response.text
    assert len([piece for piece in pieces if piece]) == len(GREEDY.split())
    assert response.usage.completion_tokens == len(GREEDY.split()) + 1


async def test_a_schema_is_enforced_by_the_engine(ai: ViralAI) -> None:
    class Verdict(pydantic.BaseModel):
        score: int = pydantic.Field(ge=0, le=9)
        good: bool

    answer = await ai.text("judge", provider="llamacpp", temperature=0, schema=Verdict)
    assert isinstance(answer.parsed, Verdict)


async def test_a_schema_that_cannot_be_enforced_is_refused_before_anything_is_written(ai: ViralAI) -> None:
    with pytest.raises(InvalidRequestError, match="cannot enforce this schema"):
        await ai.text("x", provider="llamacpp", schema={"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}})
    with pytest.raises(InvalidRequestError, match="Simplify"):
        await ai.text("x", provider="llamacpp", schema={"type": "array", "minItems": 10**6, "items": {"type": "null"}})


@pytest.mark.parametrize(
    "bounds", [{"minLength": 5, "maxLength": 2}, {"minItems": 1, "maxItems": 0}, {"minimum": 0.5, "maximum": 0.25}]
)
async def test_bounds_that_contradict_each_other_never_reach_the_engine(ai: ViralAI, bounds: dict[str, Any]) -> None:
    """From such a schema the engine makes a grammar without end, which takes all memory of the machine."""
    schema = {"type": "object", "properties": {"a": {"anyOf": [{"type": "null"}, bounds]}}}
    with pytest.raises(InvalidRequestError, match=f"{next(iter(bounds))} .* no answer can follow"):
        await ai.text("x", provider="llamacpp", schema=schema)
    assert POOL.engines() == []


async def test_max_tokens_stop_and_seed_are_honoured(ai: ViralAI) -> None:
    short = await ai.text("x", provider="llamacpp", temperature=0, max_tokens=2)
    assert short.text.split() == GREEDY.split()[:2]
    stopped = await ai.text("x", provider="llamacpp", temperature=0, stop=[" counted"])
    assert stopped.text.split() == ["the", "server", "was"]
    one, two = [
        [(await ai.text("x", provider="llamacpp", temperature=2.0, seed=seed)).text for _ in range(2)]
        for seed in (5, 6)
    ]
    assert one[0] == one[1]
    assert two[0] == two[1]


async def test_system_and_earlier_turns_reach_the_model(ai: ViralAI) -> None:
    plain = await ai.text("x", provider="llamacpp", temperature=0)
    turns = [{"role": "user", "content": "first"}, {"role": "assistant", "content": "second"}]
    fuller = await ai.text("x", provider="llamacpp", temperature=0, system="be brief", messages=turns)
    assert (fuller.usage.prompt_tokens or 0) > (plain.usage.prompt_tokens or 0)


async def test_a_prompt_that_is_too_long_says_how_long_it_may_be(tmp_path: Path, model: Path) -> None:
    config = {"providers": {"llamacpp": {"model_path": str(model), "n_ctx": 256, "n_threads": 1}}}
    async with ViralAI(config, home=tmp_path, progress=False) as ai:
        with pytest.raises(InvalidRequestError, match="n_ctx above 256"):
            await ai.text("hello " * 300, provider="llamacpp")


async def test_an_answer_of_nothing_is_an_error(ai: ViralAI, tmp_path: Path) -> None:
    silent = write_bigram(tmp_path / "silent.gguf", ["<s>"], template="{{ messages[0].content }}<|end|>")
    with pytest.raises((EmptyResultError, InvalidRequestError)):
        await ai.text(
            "x", provider=f"llamacpp:{silent}", temperature=0, stop=["a", "e", "i", "o", "u", " ", "<", "\u2581"]
        )


async def test_a_stopped_call_stops_the_writing(ai: ViralAI, endless: Path) -> None:
    provider = f"llamacpp:{endless}"
    await ai.text("x", provider=provider, max_tokens=1)
    task = asyncio.ensure_future(ai.text("x", provider=provider, max_tokens=ENDLESS, temperature=0))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    after = await ai.text("x", provider=provider, max_tokens=1, temperature=0)
    assert (
        after.text
    )  # one slot: had the first answer gone on, this one would have waited for it until the test is given up


async def test_leaving_a_stream_stops_the_writing(ai: ViralAI, endless: Path) -> None:
    provider = f"llamacpp:{endless}"
    stream = ai.text.stream("x", provider=provider, max_tokens=ENDLESS, temperature=0)
    async for _ in stream:
        break
    await stream.aclose()  # type: ignore[attr-defined]
    assert (await ai.text("x", provider=provider, max_tokens=1, temperature=0)).text


async def test_a_long_prompt_tells_how_far_it_is_read(ai: ViralAI) -> None:
    events: list[ProgressEvent] = []
    ai.runtime.hub.post = events.append  # type: ignore[method-assign]
    words = "hello there my friend " * 150  # more than one batch of tokens
    await ai.text(words, provider="llamacpp", max_tokens=3)
    read = [event.fraction for event in events if event.stage == "reading the prompt"]
    assert read
    assert all(fraction is not None and 0 <= fraction <= 1 for fraction in read)
    assert events[-1].state == "done"


async def test_calls_at_once_share_one_model_and_do_not_mix(ai: ViralAI) -> None:
    answers = await asyncio.gather(*(ai.text(f"x{n}", provider="llamacpp", temperature=0) for n in range(12)))
    assert {answer.text.strip() for answer in answers} == {GREEDY}
    assert len(POOL.engines()) == 1


async def test_closing_the_client_frees_the_memory_and_the_next_call_loads_again(ai: ViralAI) -> None:
    await ai.text("x", provider="llamacpp", max_tokens=1)
    (engine,) = POOL.engines()
    assert engine.loaded
    await ai.aclose()
    assert not engine.loaded
    assert POOL.engines() == []
    assert (await ai.text("x", provider="llamacpp", temperature=0)).text.strip() == GREEDY


async def test_a_crash_of_the_engine_is_an_error_and_not_the_end_of_the_kernel(ai: ViralAI, endless: Path) -> None:
    provider = f"llamacpp:{endless}"
    task = asyncio.ensure_future(ai.text("x", provider=provider, max_tokens=50_000, temperature=0))
    while not POOL.engines():
        await asyncio.sleep(0.01)
    (engine,) = POOL.engines()
    assert engine.memory is None or engine.memory > 0
    assert engine._child is not None
    engine._child._process.kill()
    with pytest.raises(ProviderUnavailableError, match=r"SIGKILL.*memory") as caught:
        await task
    assert (caught.value.retryable, caught.value.billed) == (True, "no")
    assert (await ai.text("x", provider=provider, max_tokens=1)).text


async def test_a_crash_passes_the_call_on_to_the_next_of_the_chain(ai: ViralAI, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + (3).to_bytes(4, "little") + bytes(40))
    ai.set_fallback_chain("text", ["embedded"])
    answer = await ai.text("ten words", provider=f"llamacpp:{broken}")
    assert answer.provider_used == "embedded"
    assert "cannot be loaded" in (answer.attempts[0].message or "")


async def test_what_the_engine_prints_stays_out_of_the_notebook(ai: ViralAI, capfd: pytest.CaptureFixture[str]) -> None:
    await ai.text("x", provider="llamacpp", max_tokens=1)
    with pytest.raises(InvalidRequestError):
        await ai.text("x", provider="llamacpp", options={"grammar": 'root ::= "a'})
    assert capfd.readouterr() == ("", "")


async def test_vendor_options_pass_but_not_those_that_change_how_it_is_read(ai: ViralAI) -> None:
    answer = await ai.text("x", provider="llamacpp", options={"grammar": 'root ::= "yes"'})
    assert answer.text == "yes"
    with pytest.raises(InvalidRequestError, match=r"options\.stream"):
        await ai.text("x", provider="llamacpp", options={"stream": False})


async def test_pictures_are_refused(ai: ViralAI) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + bytes(30)
    with pytest.raises((UnsupportedCapabilityError, InvalidRequestError)):
        await ai.text("x", provider="llamacpp", images=[picture])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("n_ctx", 3),
        ("n_ctx", "many"),
        ("n_threads", -2),
        ("n_gpu_layers", 1.5),
        ("chat_template", 7),
        ("model_path", 3),
    ],
)
def test_settings_that_cannot_be_are_refused(setting: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=setting):
        LlamaCppTextService(AIServiceConfig("llamacpp", custom_config={setting: value})).validate_config()


def test_a_misspelt_setting_is_refused_with_the_right_one() -> None:
    with pytest.raises(ConfigurationError, match="n_ctx"):
        LlamaCppTextService(AIServiceConfig("llamacpp", custom_config={"n_ctxt": 100})).validate_config()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 400, "message": "odd"}, InvalidRequestError),
        ({"code": 500, "message": "odd"}, ProviderUnavailableError),
        ("words", ProviderUnavailableError),
        ({}, ProviderUnavailableError),
    ],
)
def test_refusals_become_errors(error: object, kind: type[Exception]) -> None:
    assert type(llamacpp.refusal(error)) is kind
