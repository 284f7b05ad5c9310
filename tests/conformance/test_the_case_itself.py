"""The checks find what they are for: each broken service fails in its own group, a sound one passes."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.conformance import broken
from viralai_sdk.interfaces.errors import RateLimitError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.service import AIService, AIServiceConfig
from viralai_sdk.simulator import Simulator, SimulatorConfig
from viralai_sdk.testing import AIProviderTestCase, ConformanceError, Report

KEY = "vk-canary-broken-71c2"
MODELS = {AIServiceType.TEXT_GENERATION: "gpt-6-luna", AIServiceType.SPEECH_SYNTHESIS: "gpt-4o-mini-tts"}


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator(SimulatorConfig(key=KEY)) as simulator:
        yield simulator


def service(sim: Simulator, kind: type[AIService]) -> AIService:
    config = AIServiceConfig(
        provider="handmade",
        api_key=KEY,
        base_url=sim.url("openai"),
        model_name=MODELS[kind.service],
        custom_config={"local": True},
    )
    return kind(config)


async def run(sim: Simulator, kind: type[AIService]) -> Report:
    return await AIProviderTestCase().run(service(sim, kind))


async def test_a_sound_service_passes(sim: Simulator) -> None:
    report = await run(sim, broken.Sound)
    assert report.ok, str(report)
    assert "FAILED" not in str(report)
    report.raise_failed()


@pytest.mark.parametrize(
    ("kind", "group", "word"),
    [
        (broken.DropsInSilence, "honesty", "seed"),
        (broken.SendsWhatItDrops, "honesty", "temperature"),
        (broken.HidesThatItCosts, "honesty", "marked as creating"),
        (broken.DressesUpFailures, "errors", "HTTP 200"),
        (broken.MistakesRefusals, "errors", "HTTP 401"),
        (broken.RaisesItsOwn, "errors", "HTTP 500 becomes"),
        (broken.LosesPieces, "streaming", "pieces"),
        (broken.LeaksItsKey, "secrets", "repr of the service"),
        (broken.WritesItsKey, "secrets", "results and errors"),
        (broken.ImpureCheck, "interface", "pure"),
        (broken.CannotBeStopped, "cancellation", "stopped"),
        (broken.Voiceless, "interface", "voices"),
        (broken.Voiceless, "interface", "unknown voice"),
        (broken.Voiceless, "interface", "gives a result"),
    ],
)
async def test_a_fault_is_found(sim: Simulator, kind: type[AIService], group: str, word: str) -> None:
    report = await run(sim, kind)
    found = [check for check in report.failed if check.group == group and word in check.name]
    assert found, str(report)
    assert found[0].detail
    with pytest.raises(ConformanceError, match=word):
        report.raise_failed()


async def test_single_tests_raise_with_one_line_for_each_failure(sim: Simulator) -> None:
    case = AIProviderTestCase()
    with pytest.raises(ConformanceError, match="seed is sent"):
        await case.test_capability_honesty(service(sim, broken.DropsInSilence))
    sound = service(sim, broken.Sound)
    await case.test_interface_compliance(sound)
    await case.test_error_handling(sound)
    await case.test_performance(sound)
    await case.test_cancellation(sound)
    await case.test_streaming(sound)
    await case.test_secrets(sound)


async def test_a_limit_for_the_time_of_a_call_is_held(sim: Simulator) -> None:
    class Impatient(AIProviderTestCase):
        max_seconds = 0.0

    with pytest.raises(ConformanceError, match=r"at most 0\.0 s are allowed"):
        await Impatient().test_performance(service(sim, broken.Sound))


def test_a_report_without_checks_is_not_ok() -> None:
    report = Report("nobody", "text")
    assert not report.ok
    with pytest.raises(ConformanceError, match="nothing was checked"):
        report.raise_failed()


def test_a_report_shows_itself(sim: Simulator) -> None:
    report = Report("nobody", "text")
    with report.check("errors", "one thing") as check:
        check.detail = "seen"
    with report.check("errors", "another"):
        raise KeyError("x")
    assert "1 of 2 ok" in str(report)
    assert "KeyError" in report.failed[0].detail
    assert "another" in report._repr_mimebundle_()["text/html"]
    assert "one thing" in repr(report.table())


def test_errors_of_the_family_survive_pickling() -> None:
    error = RateLimitError("slow down", retry_after=3, provider="openai", service="text_generation")
    twin = pickle.loads(pickle.dumps(error))
    assert (twin.message, twin.retry_after, twin.provider) == ("slow down", 3, "openai")


def test_importing_the_testing_package_needs_no_simulator_and_no_pytest() -> None:
    code = (
        "import sys; sys.modules['pytest'] = None; sys.modules['starlette'] = None; sys.modules['uvicorn'] = None\n"
        "import importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name == 'pytest' else real(name, package)\n"
        "from viralai_sdk.testing import AIProviderTestCase\n"
        "print(AIProviderTestCase.pytestmark)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
