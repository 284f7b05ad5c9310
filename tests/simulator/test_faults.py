"""Faults strike as told: the kind, the share, the number of times, and the same ones for the same seed."""

from __future__ import annotations

import time
from typing import Any

import httpx2
import pytest

from viralai_sdk.simulator import Faults, Simulator

CHAT = {"model": "gpt-6-luna", "messages": [{"role": "user", "content": "hello there"}]}
STREAM = {**CHAT, "stream": True}


async def post(http: httpx2.AsyncClient, body: Any = CHAT) -> httpx2.Response:
    return await http.post("/chat/completions", json=body)


async def test_a_status_comes_in_the_vendors_error_shape(sim: Simulator, http: httpx2.AsyncClient) -> None:
    sim.faults.add("openai", status=429, headers={"retry-after": "1"}, code="insufficient_quota", times=1)
    answer = await post(http)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.json()["error"]["type"] == "insufficient_quota"
    assert (await post(http)).status_code == 200


async def test_a_path_limits_a_fault(sim: Simulator, http: httpx2.AsyncClient) -> None:
    fault = sim.faults.add("*", status=503, path="/images/")
    assert (await post(http)).status_code == 200
    assert (await http.post("/images/generations", json={})).status_code == 503
    assert fault.struck == 1


def test_the_same_seed_strikes_the_same_requests() -> None:
    def strikes(seed: int) -> list[bool]:
        faults = Faults(1)
        faults.add("openai", status=500, rate=0.3, seed=seed)
        return [faults.draw("openai", "/v1/x") is not None for _ in range(200)]

    assert strikes(7) == strikes(7) != strikes(8)
    assert 30 < sum(strikes(7)) < 90


def test_other_vendors_traffic_changes_nothing() -> None:
    faults = Faults(1)
    fault = faults.add("openai", rate=0.5)
    alone = [faults.draw("openai", "/") is not None for _ in range(20)]
    again = Faults(1)
    again.add("openai", rate=0.5)
    mixed = [(again.draw("other", "/"), again.draw("openai", "/") is not None)[1] for _ in range(20)]
    assert alone == mixed
    assert fault.struck == sum(alone)


@pytest.mark.parametrize("wrong", [{"kind": "sneeze"}, {"rate": 1.5}])
def test_a_wrong_rule_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no fault|rate"):
        Faults(1).add("openai", **wrong)


async def test_a_reset_comes_before_any_answer(sim: Simulator, http: httpx2.AsyncClient) -> None:
    sim.faults.add("openai", "reset")
    with pytest.raises((httpx2.ReadError, httpx2.RemoteProtocolError)):
        await post(http)
    assert len(sim.log) == 1


@pytest.mark.parametrize("body", [CHAT, STREAM])
async def test_a_cut_answer_breaks_off(sim: Simulator, http: httpx2.AsyncClient, body: dict[str, Any]) -> None:
    sim.faults.add("openai", "cut", after=200)
    received = bytearray()

    async def read() -> None:
        async with http.stream("POST", "/chat/completions", json=body) as answer:
            assert answer.status_code == 200
            async for chunk in answer.aiter_bytes():
                received.extend(chunk)

    with pytest.raises(httpx2.RemoteProtocolError):
        await read()
    assert len(received) == 200


async def test_a_stall_is_a_pause_and_the_rest_comes(sim: Simulator, http: httpx2.AsyncClient) -> None:
    sim.faults.add("openai", "stall", after=30, seconds=0.2)
    began = time.monotonic()
    assert (await post(http)).json()["object"] == "chat.completion"
    assert time.monotonic() - began >= 0.2


async def test_a_client_that_does_not_wait_ends_a_stall(sim: Simulator, http: httpx2.AsyncClient) -> None:
    sim.faults.add("openai", "stall", after=30, seconds=600)
    with pytest.raises(httpx2.ReadTimeout):
        await http.post("/chat/completions", json=CHAT, timeout=0.2)


async def test_a_slow_answer_comes_late(sim: Simulator, http: httpx2.AsyncClient) -> None:
    sim.faults.add("openai", "slow", seconds=0.2)
    began = time.monotonic()
    assert (await post(http)).status_code == 200
    assert time.monotonic() - began >= 0.2


async def test_broken_json_has_the_right_type_and_no_sense(sim: Simulator, http: httpx2.AsyncClient) -> None:
    sim.faults.add("openai", "malformed")
    answer = await post(http)
    assert answer.headers["content-type"] == "application/json"
    with pytest.raises(ValueError, match=r"Expecting|Invalid"):
        answer.json()
    assert '{"oops": [' in (await post(http, STREAM)).text


async def test_a_proxys_page_an_endless_answer_and_an_empty_one(sim: Simulator, http: httpx2.AsyncClient) -> None:
    sim.faults.add("openai", "wrong_type", times=1)
    assert (await post(http)).headers["content-type"].startswith("text/html")
    sim.faults.add("openai", "oversize", size=1 << 20, times=1)
    assert len((await post(http)).content) > 1 << 20
    sim.faults.add("openai", "empty", times=1)
    assert (await post(http)).json()["choices"][0]["message"]["content"] == ""


async def test_the_safety_block_is_the_vendors_own(sim: Simulator, http: httpx2.AsyncClient) -> None:
    sim.faults.add("openai", "blocked", times=1)
    assert (await post(http)).json()["error"]["code"] == "content_policy_violation"


async def test_an_error_can_come_inside_a_stream(sim: Simulator, http: httpx2.AsyncClient) -> None:
    sim.faults.add("openai", "error_chunk", message="by order")
    text = (await post(http, STREAM)).text
    assert '"message": "by order"' in text
    assert "[DONE]" not in text


async def test_latency_is_added_and_cleared(sim: Simulator, http: httpx2.AsyncClient) -> None:
    sim.faults.latency("openai", "fixed:100ms")
    began = time.monotonic()
    await post(http)
    assert time.monotonic() - began >= 0.1
    sim.faults.clear()
    assert sim.faults.wait("openai") == 0


def test_lognormal_latency_has_the_given_median_and_repeats() -> None:
    def waits() -> list[float]:
        faults = Faults(3)
        faults.latency("*", "lognormal:0.8s")
        return sorted(faults.wait("openai") for _ in range(1001))

    assert waits() == waits()
    assert 0.7 < waits()[500] < 0.9
    with pytest.raises(ValueError, match="no latency"):
        Faults(3).latency("*", "sometimes")
