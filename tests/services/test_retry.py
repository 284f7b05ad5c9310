"""The one retry policy: what is sent again, and what never."""

from __future__ import annotations

import random
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles import IMAGE, TEXT, client, config, png, use
from viralai_sdk.interfaces import errors
from viralai_sdk.interfaces.adapter import ImageAdapter, TextAdapter, error_for_status, retry_after
from viralai_sdk.interfaces.errors import AIError, ProviderUnavailableError, RateLimitError
from viralai_sdk.interfaces.steps import Answer, Blob, MediaPayload, Parallel, Send, Steps, TextPayload
from viralai_sdk.services.retry import LONGEST_DELAY, LONGEST_WISH, wait_before
from viralai_sdk.simulator import Simulator


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viralai_sdk.services.retry.FIRST_DELAY", 0.001)


CASES = [
    # fault, how often it strikes, creates that may be sent, does it succeed
    ({"status": 429}, 1, 2, True),
    ({"status": 429, "headers": {"retry-after": "0"}}, 1, 2, True),
    ({"status": 429, "headers": {"retry-after-ms": "5"}}, 2, 3, True),
    ({"status": 429, "headers": {"retry-after": formatdate(time.time() - 5, usegmt=True)}}, 1, 2, True),
    ({"status": 429, "headers": {"retry-after": "3600"}}, 1, 1, False),
    ({"status": 429}, 99, 3, False),
    ({"status": 503, "headers": {"retry-after": "0"}}, 1, 2, True),
    ({"status": 529}, 1, 2, True),
    ({"status": 503}, 1, 1, False),
    ({"status": 500}, 1, 1, False),
    ({"status": 502}, 1, 1, False),
    ({"status": 504}, 1, 1, False),
    ({"status": 408}, 1, 1, False),
    ({"status": 400}, 1, 1, False),
    ({"status": 401}, 1, 1, False),
    ({"kind": "reset"}, 1, 1, False),
    ({"kind": "cut"}, 1, 1, False),
    ({"kind": "malformed"}, 1, 1, False),
    ({"kind": "wrong_type"}, 1, 1, False),
    ({"kind": "empty"}, 1, 1, False),
    ({"kind": "slow", "seconds": 60.0}, 1, 1, False),
]


@pytest.mark.parametrize(("fault", "times", "sent", "succeeds"), CASES, ids=lambda value: str(value)[:60])
async def test_a_create_is_sent_again_only_when_it_was_certainly_not_processed(
    fault: dict[str, Any], times: int, sent: int, succeeds: bool, sim: Simulator, home: Path
) -> None:
    sim.faults.add("openai", times=times, **fault)
    ai = client(config(sim, max_retries=2), home)
    if succeeds:
        response = await ai.text("hello", timeout=60)
        assert response.attempts[0].retries == sent - 1
    else:
        with pytest.raises(AIError) as caught:
            await ai.text("hello", timeout=1 if fault.get("kind") == "slow" else 60)
        assert (caught.value.provider, caught.value.service) == ("openai", "text_generation")
    assert len(sim.log) == sent
    await ai.aclose()


@pytest.mark.parametrize("fault", [{"status": 500}, {"kind": "reset"}, {"kind": "cut"}, {"status": 503}])
async def test_a_look_is_repeated_after_any_passing_failure(fault: dict[str, Any], sim: Simulator, home: Path) -> None:
    class Looks(TextAdapter):
        def headers(self) -> Any:
            return {"Authorization": f"Bearer {self.config.secret()}"}

        def steps(self, request: Any, model: str) -> Steps[TextPayload]:
            answer = yield Send("GET", "/models")
            return TextPayload(text=str(len(answer.json()["data"])))

    use(TEXT, looks=Looks)
    ai = client({"providers": {"looks": {"api_key": sim.key, "base_url": sim.url("openai")}}}, home)
    sim.faults.add("openai", times=2, **fault)
    await ai.text("hello", provider="looks")
    assert len(sim.log) == 3
    sim.faults.add("openai", times=3, **fault)
    with pytest.raises(AIError):
        await ai.text("hello", provider="looks")
    await ai.aclose()


async def test_an_unreachable_server_is_tried_again_and_costs_nothing(home: Path) -> None:
    ai = client({"providers": {"openai": {"api_key": "sk-none-here", "base_url": "http://127.0.0.1:9/v1"}}}, home)
    with pytest.raises(ProviderUnavailableError) as caught:
        await ai.text("hello")
    assert caught.value.billed == "no"
    assert caught.value.retryable


async def test_opening_a_stream_is_tried_again_like_any_request(sim: Simulator, home: Path) -> None:
    sim.faults.add("openai", status=429, times=1)
    chunks = [chunk async for chunk in client(config(sim), home).text.stream("hello")]
    assert chunks[-1].response is not None
    assert chunks[-1].response.attempts[0].retries == 1
    assert len(sim.log) == 2
    sim.faults.add("openai", "cut", after=300)
    with pytest.raises(AIError):
        async for _ in client(config(sim), home).text.stream("hello"):
            pass
    assert len(sim.log) == 3


async def test_one_429_does_not_lose_the_other_pictures(sim: Simulator, home: Path) -> None:
    sim.faults.add("openai", status=429, times=1)
    response = await client(config(sim), home).image("a fox", num_images=12)
    assert len(response.image_paths) == 12
    assert len(sim.log) == 3  # two creates of six, and the one that was refused


async def test_a_branch_that_breaks_in_any_way_does_not_lose_the_others(home: Path) -> None:
    class Several(ImageAdapter):
        def branch(self, number: int) -> Steps[Blob]:
            yield from ()
            if number == 1:
                raise RuntimeError("fell over")
            return Blob(png(32 + number, 32))

        def steps(self, request: Any, model: str) -> Steps[MediaPayload]:
            found = yield Parallel([self.branch(number) for number in range(3)])
            return MediaPayload(blobs=[blob for blob in found if isinstance(blob, Blob)])

    use(IMAGE, several=Several)
    assert len((await client({}, home).image("a fox", provider="several")).image_paths) == 2


KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AIError)]


@given(
    st.sampled_from(KINDS),
    st.sampled_from(["no", "maybe", "yes"]),
    st.none() | st.floats(0, 100),
    st.booleans(),
    st.integers(0, 5),
    st.integers(-1, 5),
)
def test_waiting_is_bounded_and_no_create_is_repeated_that_may_have_cost(
    kind: Any, billed: Any, wish: float | None, creates: bool, tried: int, retries: int
) -> None:
    details: dict[str, Any] = {"billed": billed}
    if kind in (RateLimitError, ProviderUnavailableError):
        details["retry_after"] = wish
    error = kind("no", **details)
    delay = wait_before(error, tried, creates=creates, retries=retries)
    if delay is not None:
        assert 0 <= delay <= max(LONGEST_DELAY, LONGEST_WISH)
        assert tried < retries
        assert error.retryable
        assert not creates or error.billed == "no"
    elif error.retryable and tried < retries and not creates:
        assert wish is not None
        assert wish > LONGEST_WISH


@given(st.integers(400, 599), st.none() | st.sampled_from(["1", "soon", "-3"]), st.text(max_size=20))
def test_every_status_is_an_error_of_ours_and_only_refusals_are_free(
    status: int, wish: str | None, message: str
) -> None:
    error = error_for_status(Answer(status, {"retry-after": wish} if wish else {}, b""), message)
    assert error.status == status
    if status in (500, 501, 502, 504, 408) or (status == 503 and wish != "1"):
        assert error.billed == "maybe"
    if status in (401, 402, 403, 422, 429, 529):
        assert error.billed == "no"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "-7"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": formatdate(0, usegmt=True)}, 0.0),
    ],
)
def test_every_form_of_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


FAULTS: list[dict[str, Any]] = [
    {"status": 429, "headers": {"retry-after-ms": "1"}},
    {"status": 500},
    {"status": 503},
    {"status": 401},
    {"kind": "reset"},
    {"kind": "cut"},
    {"kind": "malformed"},
    {"kind": "wrong_type"},
    {"kind": "empty"},
    {"kind": "oversize", "size": 1 << 16},
]


async def test_a_chain_with_one_healthy_provider_never_fails(home: Path) -> None:
    """The full campaign of 10,000 calls is `benchmarks/fallback.py`."""
    from viralai_sdk.providers.openai.text import OpenAITextService

    seed = random.SystemRandom().randrange(1 << 30)
    print(f"seed {seed}")
    use(TEXT, first=OpenAITextService, second=OpenAITextService, third=OpenAITextService)
    with Simulator() as one, Simulator() as two, Simulator() as three:
        for number, broken in enumerate((one, two)):
            for place, fault in enumerate(FAULTS):
                # Rules strike one after the other, so that together they take 30 % of the calls.
                broken.faults.add(
                    "openai", rate=0.3 / (len(FAULTS) - 0.3 * place), seed=seed + 31 * number + place, **fault
                )
        places = {"first": one, "second": two, "third": three}
        ai = client(
            {
                "providers": {
                    name: {"api_key": sim.key, "base_url": sim.url("openai")} for name, sim in places.items()
                },
                "ai_services": {
                    "text_generation": {
                        "default_provider": "first",
                        "fallback_chain": list(places),
                        "provider_configs": {name: {"model": "gpt-6-luna"} for name in places},
                    }
                },
            },
            home,
        )
        result = await ai.text.batch([f"call {number}" for number in range(300)], concurrency=8)
        assert result.failed == []
        assert any(len(response.attempts) > 1 for response in result.ok)
        await ai.aclose()
