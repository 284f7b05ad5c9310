"""The simulator starts, serves, remembers, and goes away without a trace."""

from __future__ import annotations

import asyncio
import logging
import queue
import socket
import time
from urllib.parse import urlsplit

import httpx2
import pytest

from viralai_sdk.simulator import Recorded, Simulator, SimulatorConfig, create_app
from viralai_sdk.simulator.app import registry

CHAT = {"model": "gpt-6-luna", "messages": [{"role": "user", "content": "hello"}]}


def test_vendors_are_found_by_being_there() -> None:
    assert registry()["openai"].BASE == "/v1"
    assert create_app().state.sim.config.seed == 7


def test_it_listens_on_loopback_and_lets_the_port_go() -> None:
    with Simulator() as sim:
        address = urlsplit(sim.url("openai"))
        assert (address.hostname, address.path) == ("127.0.0.1", "/openai/v1")
        port = address.port
    assert port
    with socket.create_server(("127.0.0.1", port)):
        sim.stop()
    with pytest.raises(RuntimeError, match="not running"):
        sim.url("openai")


def test_an_unknown_vendor_is_a_mistake(sim: Simulator) -> None:
    with pytest.raises(KeyError):
        sim.url("nobody")


def test_a_taken_port_is_refused(sim: Simulator) -> None:
    port = urlsplit(sim.origin).port
    assert port
    with pytest.raises(OSError, match="in use"):
        Simulator(port=port).start()


async def test_every_request_is_remembered_with_its_body(sim: Simulator, http: httpx2.AsyncClient) -> None:
    await http.post("/chat/completions?a=1", json=CHAT, headers={"X-Test": "1"})
    [entry] = sim.log
    assert (entry.vendor, entry.method, entry.path, entry.query) == ("openai", "POST", "/v1/chat/completions", "a=1")
    assert entry.headers["x-test"] == "1"
    assert entry.json() == CHAT


async def test_every_request_is_timed_from_its_arrival_to_the_end_of_its_answer(
    sim: Simulator, http: httpx2.AsyncClient
) -> None:
    sim.faults.latency("openai", "fixed:30ms")
    before = time.perf_counter()
    await http.post("/chat/completions", json=CHAT)
    passed = time.perf_counter() - before
    [entry] = sim.log
    assert entry.seconds is not None, "who has the answer finds its time in the log"
    assert entry.first is not None
    assert entry.ended is not None
    assert 0.03 <= entry.first <= entry.seconds <= passed
    assert before <= entry.arrived <= entry.ended <= before + passed
    assert entry.status == 200


async def test_what_a_fault_did_is_in_the_log(sim: Simulator, http: httpx2.AsyncClient) -> None:
    answered: queue.Queue[Recorded] = queue.Queue()
    sim.state.on_answer = answered.put
    sim.faults.add("openai", status=503, times=1)
    assert (await http.post("/chat/completions", json=CHAT)).status_code == 503
    sim.faults.add("openai", "reset", times=1)
    with pytest.raises(httpx2.TransportError):
        await http.post("/chat/completions", json=CHAT)
    sim.faults.add("openai", "cut", times=1)
    with pytest.raises(httpx2.TransportError):
        await http.post("/chat/completions", json=CHAT)
    told = [await asyncio.to_thread(answered.get, timeout=30) for _ in range(3)]
    # A broken connection may be noticed after the next request was answered.
    assert sorted(told, key=lambda entry: entry.arrived) == sim.log
    assert [entry.status for entry in sim.log] == [503, None, 200]
    assert all(entry.seconds is not None for entry in sim.log)


async def test_two_simulators_with_one_seed_answer_alike() -> None:
    answers = []
    for _ in range(2):
        with Simulator(SimulatorConfig(key="k")) as sim:
            async with httpx2.AsyncClient(base_url=sim.url("openai"), headers={"authorization": "Bearer k"}) as http:
                answers.append((await http.post("/chat/completions", json=CHAT)).json() | {"created": 0})
    assert answers[0] == answers[1]


async def test_the_clock_can_be_pushed_past_a_models_end() -> None:
    body = {"model": "tts-1", "input": "hello", "voice": "alloy"}
    with Simulator() as sim:
        key = {"authorization": f"Bearer {sim.key}"}
        async with httpx2.AsyncClient(base_url=sim.url("openai"), headers=key) as http:
            assert (await http.post("/audio/speech", json=body)).status_code == 200
            before = sim.clock.now()
            sim.clock.push(60 * 86_400)
            assert sim.clock.now() - before >= 60 * 86_400
            answer = await http.post("/audio/speech", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


async def test_other_addresses_are_not_found(sim: Simulator, http: httpx2.AsyncClient) -> None:
    assert (await http.get("/nothing")).json()["error"]["message"].startswith("Invalid URL")
    assert (await http.get(f"{sim.origin}/nobody")).status_code == 404


async def test_it_is_quiet(
    http: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], sim: Simulator
) -> None:
    sim.faults.add("openai", "cut", after=10)
    with caplog.at_level(logging.CRITICAL, logger="uvicorn.error"), pytest.raises(httpx2.HTTPError):
        await http.post("/chat/completions", json=CHAT)
    assert capsys.readouterr() == ("", "")
