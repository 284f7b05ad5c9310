"""All of Gemini and Vertex through `ViralAI`: real runner, real store, results on disk; and films that survive the kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tests.providers.by_hand import picture
from tests.providers.gemini.support import IMAGEN, OMNI, VEO
from viralai_sdk import ViralAI
from viralai_sdk.interfaces.errors import ContentPolicyError, UnsupportedCapabilityError
from viralai_sdk.simulator import Simulator

ROOT = Path(__file__).parents[3]


class Animal(BaseModel):
    name: str
    legs: int


def config(sim: Simulator) -> dict[str, Any]:
    """Both providers at the simulator. It is local, so films may be fetched from it."""
    vertex = {"access_token": sim.key, "project": "p", "location": "us-central1", "poll_interval": 0.05}
    return {
        "providers": {
            "gemini": {"api_key": sim.key, "base_url": sim.url("gemini"), "poll_interval": 0.05},
            "vertex": {"base_url": sim.url("vertex"), **vertex},
        }
    }


@pytest.fixture
def ai(sim: Simulator, tmp_path: Path) -> ViralAI:
    return ViralAI(config(sim), home=tmp_path, progress=False)


@pytest.mark.parametrize("provider", ["gemini", "vertex"])
async def test_text_whole_streamed_and_structured(ai: ViralAI, provider: str) -> None:
    whole = await ai.text("hello", provider=provider, fallback=False)
    assert whole.text == "simulated answer to: hello"
    assert whole.provider_used == provider
    assert whole.cost_usd
    assert whole.cost_usd > 0
    pieces = [chunk async for chunk in ai.text.stream("hello", provider=provider)]
    assert "".join(chunk.text for chunk in pieces) == whole.text
    assert len(pieces) > 3
    value = await ai.text("a fox", provider=provider, schema=Animal)
    assert isinstance(value.parsed, Animal)


@pytest.mark.parametrize("spec", ["gemini", "nano-banana", "vertex", "imagen", f"vertex:{IMAGEN}"])
async def test_pictures(ai: ViralAI, spec: str) -> None:
    result = await ai.image("a fox", provider=spec, num_images=2, aspect_ratio="16:9")
    assert len(result.image_paths) == 2
    assert result.artifacts[0].width
    assert result.artifacts[0].height
    assert abs(result.artifacts[0].width / result.artifacts[0].height - 16 / 9) < 0.02
    assert (result.cost_usd is None) == (IMAGEN in spec)


@pytest.mark.parametrize("spec", ["gemini", "vertex"])
async def test_speech(ai: ViralAI, spec: str) -> None:
    result = await ai.speech("hello there", provider=spec)
    assert result.duration > 0.1
    assert result.sample_rate == 24_000
    assert result.cost_usd
    assert {voice.id for voice in await ai.speech.voices(provider=spec)} == {"Aoede", "Charon", "Puck"}


def die_after_ordering(sim: Simulator, home: Path, prompt: str, **settings: Any) -> str:
    """Order a film in a kernel of its own that dies at once; the job's id."""
    command = [sys.executable, "-m", "tests.providers.gemini.through", json.dumps(config(sim)), str(home), prompt]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'widgets'}"}
    died = subprocess.run(
        [*command, json.dumps(settings)], capture_output=True, text=True, env=environment, cwd=ROOT, timeout=300
    )
    assert died.returncode == 9, died.stderr
    return died.stdout.strip()


@pytest.mark.parametrize(
    ("spec", "cost"),
    [("veo", 0.2), (f"vertex:{OMNI}", None), ("gemini", None), ("vertex:veo-3.1-generate-preview", 1.6)],
)
async def test_films_survive_the_kernel_that_ordered_them(
    sim: Simulator, ai: ViralAI, tmp_path: Path, spec: str, cost: float | None
) -> None:
    job_id = die_after_ordering(sim, tmp_path, "a fox runs", provider=spec, duration=4)
    ordered = len(sim.log)
    sim.clock.push(60)
    # The dead kernel's claim ends by itself after a minute, which is not waited for here.
    row = (await ai.jobs.list())[0]
    assert ai.runtime.journal.release(job_id, row.owner)
    results = await ai.jobs.resume()
    assert [response.job_id for response in results] == [job_id]
    film = results[0]
    assert film.duration == pytest.approx(4, abs=0.2)
    assert (film.artifacts[0].width, film.artifacts[0].height) == (1280, 720)
    assert film.cost_usd == (None if cost is None else pytest.approx(cost))
    assert not [entry for entry in sim.log[ordered:] if entry.path.endswith((":predictLongRunning", "/interactions"))]
    assert sim.key not in (tmp_path / ".viralai" / "journal.db").read_bytes().decode("latin-1")


async def test_a_filtered_film_is_a_refusal_that_ends_the_chain(sim: Simulator, ai: ViralAI) -> None:
    sim.faults.add("vertex", "blocked", path="predictLongRunning", times=1)
    job = await ai.video.submit("a fox", provider=f"vertex:{VEO}", duration=4)
    sim.clock.push(60)
    with pytest.raises(ContentPolicyError, match="usage guidelines"):
        await job.wait(20)


async def test_what_a_key_no_longer_gets_is_refused_before_anything_is_sent(sim: Simulator, ai: ViralAI) -> None:
    with pytest.raises(UnsupportedCapabilityError, match=r"took out.*vertex:veo-3\.1"):
        await ai.video("a fox", provider="gemini:veo-3.1-generate-preview", fallback=False)
    with pytest.raises(UnsupportedCapabilityError, match="mask"):
        await ai.image("a fox", provider="gemini", reference_images=picture(), mask=picture(), fallback=False)
    assert sim.log == []


async def test_vertex_is_not_configured_until_somebody_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY", "GOOGLE_VERTEX_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    result = await ViralAI({}, home=tmp_path, progress=False).text("hello")
    assert result.provider_used == "embedded"
