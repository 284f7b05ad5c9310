"""The chain: what moves it on, what ends it, and what is told of it."""

from __future__ import annotations

import asyncio
import errno
import json
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import IMAGE, TEXT, chain, client, config, image_provider, png, rows, text_provider, use
from viralai_sdk.interfaces import errors
from viralai_sdk.interfaces.adapter import StreamingAdapter, TextAdapter
from viralai_sdk.interfaces.errors import (
    AIError,
    AllProvidersFailedError,
    ContentPolicyError,
    EmptyResultError,
    StorageError,
)
from viralai_sdk.interfaces.image import ImageGenerationResponse, ImageGenerationService
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import END, Send, TextPayload
from viralai_sdk.interfaces.text import TextGenerationResponse, TextGenerationService
from viralai_sdk.simulator import Simulator

FAMILY = sorted(
    (
        found
        for found in vars(errors).values()
        if isinstance(found, type) and issubclass(found, AIError) and not found.ends_chain
    ),
    key=lambda found: found.__name__,
)
ENDING = [found for found in vars(errors).values() if isinstance(found, type) and getattr(found, "ends_chain", False)]


def raising(error: BaseException) -> Any:
    def act(request: Any) -> Any:
        raise error

    return act


def two(act: Any, home: Path, **blocks: Any) -> Any:
    use(TEXT, bad=text_provider(act), good=text_provider(lambda request: "fine"))
    return client({"ai_services": chain("bad", "good"), **blocks}, home)


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
async def test_every_failure_that_another_provider_might_not_have_moves_the_chain_on(kind: Any, home: Path) -> None:
    ai = two(raising(kind("it went wrong", retryable=False)), home)
    response = await ai.text("hello")
    assert (response.text, response.provider_used) == ("fine", "good")
    assert [(attempt.provider, attempt.outcome, attempt.error) for attempt in response.attempts] == [
        ("bad", "failed", kind.__name__),
        ("good", "ok", None),
    ]
    await ai.aclose()
    (row,) = rows(home)
    assert (row["outcome"], row["provider"], len(json.loads(row["attempts_json"]))) == ("ok", "good", 2)


@pytest.mark.parametrize("kind", ENDING, ids=lambda kind: kind.__name__)
async def test_what_must_not_be_walked_around_ends_the_chain(kind: Any, home: Path) -> None:
    ai = two(raising(kind("no")), home)
    with pytest.raises(kind) as caught:
        await ai.text("hello")
    assert (caught.value.provider, caught.value.service) == ("bad", "text_generation")
    await ai.aclose()
    (row,) = rows(home)
    assert row["outcome"] == ("refused" if kind is ContentPolicyError else "failed")
    assert len(json.loads(row["attempts_json"])) == 1


@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        RuntimeError("x"),
        OSError("x"),
        AssertionError(),
        ExceptionGroup("g", [ValueError()]),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_foreign_code_may_fail_in_any_way(error: Exception, home: Path) -> None:
    response = await two(raising(error), home).text("hello")
    assert response.text == "fine"
    assert response.attempts[0].outcome == "failed"


async def test_a_disk_that_is_full_is_not_blamed_on_the_engine(home: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    ai = client({}, home)
    use(TEXT, bad=text_provider(raising(full)))
    with pytest.raises(StorageError, match="No space left") as caught:
        await ai.text("hello", provider="bad")
    assert "disk is full" in (caught.value.hint or "")


@pytest.mark.parametrize("given", ["", "  \n", None, 5, TextPayload(text="")])
async def test_an_empty_or_odd_result_is_a_failure(given: Any, home: Path) -> None:
    response = await two(lambda request: given, home).text("hello")
    assert response.text == "fine"
    assert response.attempts[0].error in ("EmptyResultError", "MalformedResponseError")


async def test_broken_code_at_construction_or_in_check_moves_the_chain_on(home: Path) -> None:
    class Unbuildable(text_provider(lambda request: "never")):  # type: ignore[misc]
        def __init__(self, given: AIServiceConfig) -> None:
            raise KeyError("gone")

    class Unchecked(text_provider(lambda request: "never")):  # type: ignore[misc]
        def check(self, request: Any, model: str) -> Any:
            raise ZeroDivisionError

    use(TEXT, one=Unbuildable, two=Unchecked, good=text_provider(lambda request: "fine"))
    response = await client({"ai_services": chain("one", "two", "good")}, home).text("hello")
    assert [attempt.outcome for attempt in response.attempts] == ["skipped", "skipped", "ok"]


async def test_code_that_cancels_itself_is_a_failure_and_no_stop(home: Path) -> None:
    response = await two(raising(asyncio.CancelledError()), home).text("hello")
    assert response.text == "fine"


async def test_a_missing_key_skips_a_provider_of_the_chain(home: Path) -> None:
    use(TEXT, good=text_provider(lambda request: "fine"))
    response = await client({"ai_services": chain("openai", "good")}, home).text("hello")
    assert [attempt.outcome for attempt in response.attempts] == ["skipped", "ok"]
    assert "ConfigurationError" in response.caption()


@pytest.mark.parametrize("data", [b"<html>welcome</html>", b"", b"\x89PNG\r\n\x1a\n broken", png()[:60]])
async def test_what_is_no_picture_moves_the_chain_on(data: bytes, home: Path) -> None:
    use(IMAGE, bad=image_provider(data), good=image_provider(png()))
    response = await client({"ai_services": chain("bad", "good", service="image_generation")}, home).image("a fox")
    assert response.provider_used == "good"
    assert (response.artifacts[0].width, response.artifacts[0].height) == (48, 32)
    # What the failed attempt may have cost is not in the price, and that is said.
    assert [note.parameter for note in response.warnings] == ["cost_usd"]


async def test_one_broken_picture_does_not_lose_the_others(home: Path) -> None:
    use(IMAGE, some=image_provider(png(), b"<html>", png(64, 64)))
    response = await client({}, home).image("a fox", provider="some", num_images=3)
    assert len(response.image_paths) == 2
    assert "1 of 3 files were unusable" in response.warnings[0].message


async def test_a_failed_service_of_the_users_own_does_not_pass_its_response_on(home: Path) -> None:
    class Claims(ImageGenerationService):
        async def generate_image(self, request: Any) -> ImageGenerationResponse:
            return ImageGenerationResponse(provider_used="claims", image_paths=[])

    use(IMAGE, claims=Claims, good=image_provider(png()))
    response = await client({"ai_services": chain("claims", "good", service="image_generation")}, home).image("a fox")
    assert response.provider_used == "good"
    assert response.attempts[0].error == "EmptyResultError"


@pytest.mark.parametrize("content", [None, b"", b"<html></html>", "folder"])
async def test_files_a_users_service_names_are_measured_and_not_believed(content: Any, home: Path) -> None:
    path = home / "claimed.png"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)

    class Claims(ImageGenerationService):
        async def generate_image(self, request: Any) -> ImageGenerationResponse:
            return ImageGenerationResponse(provider_used="claims", image_paths=[str(path)])

    use(IMAGE, claims=Claims, good=image_provider(png()))
    ai = client({"ai_services": chain("claims", "good", service="image_generation")}, home)
    assert (await ai.image("a fox")).provider_used == "good"
    with pytest.raises(AIError):
        await ai.image("a fox", fallback=False)


async def test_a_users_plain_service_is_served_measured_and_journaled(home: Path) -> None:
    path = home / "mine.png"
    path.write_bytes(png())

    class Mine(ImageGenerationService):
        async def generate_image(self, request: Any) -> ImageGenerationResponse:
            return ImageGenerationResponse(
                provider_used="mine", image_paths=[str(path)], cost_usd=0.5, cost_source="provider"
            )

    use(IMAGE, mine=Mine)
    ai = client({}, home)
    response = await ai.image("a fox", provider="mine")
    assert (response.artifacts[0].width, response.first_image, response.call_id is not None) == (48, str(path), True)
    await ai.aclose()
    assert rows(home)[0]["cost_usd"] == 0.5


async def test_a_service_that_answers_with_another_kind_of_response_failed(home: Path) -> None:
    class Confused(ImageGenerationService):
        async def generate_image(self, request: Any) -> Any:
            return TextGenerationResponse(provider_used="confused", text="a picture of a fox")

    class Old(TextGenerationService):
        async def generate(self, request: Any) -> Any:
            return "plain text"

    use(IMAGE, confused=Confused)
    use(TEXT, old=Old)
    with pytest.raises(errors.MalformedResponseError, match="TextGenerationResponse"):
        await client({}, home).image("a fox", provider="confused")
    with pytest.raises(EmptyResultError, match="str"):
        await client({}, home).text("a fox", provider="old")


async def test_all_failed_tells_every_attempt(home: Path) -> None:
    use(
        TEXT,
        one=text_provider(raising(errors.RateLimitError("slow down", retry_after=99))),
        two=text_provider(raising(errors.EmptyResultError("nothing", billed="yes"))),
    )
    ai = client({"ai_services": chain("one", "two")}, home)
    with pytest.raises(AllProvidersFailedError) as caught:
        await ai.text("hello")
    error = caught.value
    assert isinstance(error, RuntimeError)
    assert [attempt.error for attempt in error.attempts] == ["RateLimitError", "EmptyResultError"]
    assert [type(each).__name__ for each in error.errors] == ["RateLimitError", "EmptyResultError"]
    assert (error.billed, error.retryable) == ("yes", True)
    assert "slow down" in str(error)
    assert "nothing" in str(error)


async def test_without_fallback_the_first_providers_own_error_is_raised(home: Path) -> None:
    ai = two(raising(errors.PermissionDeniedError("not you")), home)
    with pytest.raises(errors.PermissionDeniedError):
        await ai.text("hello", fallback=False)
    off = client({"ai_services": chain("bad", "good"), "enable_fallbacks": False}, home)
    with pytest.raises(errors.PermissionDeniedError):
        await off.text("hello")


async def test_the_embedded_engine_never_steps_in_by_itself(sim: Simulator, home: Path) -> None:
    sim.faults.add("openai", status=401)
    with pytest.raises(errors.AuthenticationError):
        await client(config(sim), home).text("hello")
    by_hand = client(config(sim, ai_services=chain("openai", "embedded")), home)
    response = await by_hand.text("hello")
    assert (response.provider_used, response.is_model) == ("embedded", False)
    assert "made by rules" in response.caption()


async def test_a_stream_moves_on_before_its_first_piece_and_stops_after_it(home: Path) -> None:
    class Breaks(TextAdapter, StreamingAdapter):
        pieces = 0

        def steps(self, request: Any, model: str) -> Any:
            yield from ()

        def stream(self, request: Any, model: str) -> Any:
            yield from ["so far"] * self.pieces
            raise errors.ProviderUnavailableError("broke off")

    class Later(Breaks):
        pieces = 1

    use(TEXT, early=Breaks, late=Later, good=text_provider(lambda request: "whole"))
    ai = client({"ai_services": chain("early", "good")}, home)
    chunks = [chunk async for chunk in ai.text.stream("hello")]
    assert [chunk.text for chunk in chunks] == ["whole", ""]
    assert chunks[-1].response is not None
    assert chunks[-1].response.attempts[0].provider == "early"
    assert [note.parameter for note in chunks[-1].response.warnings] == ["stream"]
    pieces = []
    with pytest.raises(errors.ProviderUnavailableError):
        async for chunk in ai.text.stream("hello", provider="late"):
            pieces.append(chunk.text)  # noqa: PERF401
    assert pieces == ["so far"]


async def test_a_stream_that_stumbles_or_never_finishes_is_malformed(sim: Simulator, home: Path) -> None:
    class Stumbles(TextAdapter, StreamingAdapter):
        def steps(self, request: Any, model: str) -> Any:
            yield from ()

        def stream(self, request: Any, model: str) -> Any:
            body = {"model": "gpt-6-luna", "messages": [{"role": "user", "content": "x"}], "stream": True}
            event = yield Send("POST", "/chat/completions", json=body, creates=True, expect="sse")
            if request.prompt == "stumble":
                raise KeyError("choices")
            if request.prompt == "refuse":
                raise errors.ContentPolicyError("no")
            while True:
                event = yield None if event is not END else "more"

        def headers(self) -> Any:
            return {"Authorization": f"Bearer {self.config.secret()}"}

    use(TEXT, stumbles=Stumbles)
    blocks = {"providers": {"stumbles": {"api_key": sim.key, "base_url": sim.url("openai")}}}
    ai = client(blocks, home)
    for prompt, expected in (("stumble", "expected shape"), ("go on", "did not finish"), ("refuse", "no")):
        with pytest.raises(AIError, match=expected):
            async for _ in ai.text.stream(prompt, provider="stumbles"):
                pass
