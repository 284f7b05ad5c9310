"""Nothing that was paid for is lost: films through the public interface, a dead kernel, cancellation, expired addresses."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.jobs import VideoStatus
from viralai_sdk.interfaces.video import VideoGenerationResponse
from viralai_sdk.simulator import Simulator


def configured(url: str, key: str, home: Path) -> ViralAI:
    """A fresh client, as in a fresh kernel, on a project."""
    service = {"default_provider": "runway", "provider_configs": {"runway": {"poll_interval": 0.02}}}
    kinds = ("image_generation", "video_generation", "speech_synthesis")
    provider = {"api_key": key, "base_url": url}
    return ViralAI({"providers": {"runway": provider}, "ai_services": dict.fromkeys(kinds, service)}, home=home)


def client(sim: Simulator, home: Path) -> ViralAI:
    """The same, for a simulator."""
    return configured(sim.url("runway"), sim.key, home)


KERNEL = """
import asyncio, os, sys
from pathlib import Path
from tests.providers.runway.test_recovery import configured

async def main():
    job = await configured(sys.argv[1], sys.argv[2], Path(sys.argv[3])).video.submit("a fox", duration=2)
    print(job.id, flush=True)
    os._exit(9)

asyncio.run(main())
"""


async def dead_kernel(sim: Simulator, home: Path) -> str:
    """Submit a film in a process that dies at once; the job's id."""
    words = (sys.executable, "-c", KERNEL, sim.url("runway"), sim.key, str(home))
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 9
    return output.decode().strip()


def later(ai: ViralAI) -> None:
    """Let so much time pass for the journal that an earlier kernel's claim on its jobs has lapsed."""
    ai.manager.runtime.journal._clock = lambda: time.time() + 120


async def test_a_film(sim: Simulator, tmp_path: Path) -> None:
    async with client(sim, tmp_path) as ai:
        job = await ai.video.submit("a fox", duration=2)
        sim.clock.push(10)
        film = await job.wait()
    assert isinstance(film, VideoGenerationResponse)
    assert film.duration == pytest.approx(2, abs=0.1)
    assert film.cost_usd == pytest.approx(0.24)
    assert film.cost_source == "catalog"
    assert film.metadata["credits"] == 24
    assert Path(film.artifacts[0].path).stat().st_size > 1000


async def test_pictures_and_speech(sim: Simulator, tmp_path: Path) -> None:
    async with client(sim, tmp_path) as ai:
        images, sound = asyncio.create_task(ai.image("a fox", num_images=2)), asyncio.create_task(ai.speech("hello"))
        async with asyncio.timeout(60):
            while requests(sim, "POST", "/v1/text_to_image") < 2 or requests(sim, "POST", "/v1/text_to_speech") < 1:
                await asyncio.sleep(0.01)
        sim.clock.push(10)
        made = await images
        assert len(made.image_paths) == 2
        assert made.cost_usd == pytest.approx(0.1)
        assert (await sound).duration > 0.1
        assert len(await ai.speech.voices()) == 49


def requests(sim: Simulator, method: str, part: str) -> int:
    return len([entry for entry in sim.log if entry.method == method and part in entry.path])


async def test_a_film_whose_kernel_died_is_collected_by_the_next_one(sim: Simulator, tmp_path: Path) -> None:
    job_id = await dead_kernel(sim, tmp_path)
    sim.clock.push(10)
    async with client(sim, tmp_path) as ai:
        later(ai)
        result = await ai.jobs.resume()
        (film,) = result.ok
        assert film.job_id == job_id
        assert film.duration == pytest.approx(2, abs=0.1)
        assert film.cost_usd == pytest.approx(0.24)
        assert (await ai.jobs(job_id).status()).status is VideoStatus.COMPLETED
        assert list(await ai.jobs.resume()) == []
    assert requests(sim, "POST", "text_to_video") == 1


async def test_a_dead_kernels_job_can_be_looked_at_and_cancelled(sim: Simulator, tmp_path: Path) -> None:
    job_id = await dead_kernel(sim, tmp_path)
    sim.clock.push(2)
    async with client(sim, tmp_path) as ai:
        state = await ai.jobs(job_id).status()
        assert (state.status, state.stage) == (VideoStatus.PROCESSING, "working")
        assert state.progress
        assert await ai.jobs(job_id).cancel()
        assert (await ai.jobs(job_id).status()).status is VideoStatus.CANCELLED
    assert requests(sim, "DELETE", "/v1/tasks/") == 1


async def test_cancelling_a_live_job_reaches_the_provider(sim: Simulator, tmp_path: Path) -> None:
    async with client(sim, tmp_path) as ai:
        job = await ai.video.submit("a fox")
        assert await job.cancel()
        await asyncio.sleep(0.3)
        assert (await job.status()).status is VideoStatus.CANCELLED
    assert requests(sim, "DELETE", "/v1/tasks/") == 1


async def test_an_expired_address_is_fetched_again_without_the_caller_knowing(sim: Simulator, tmp_path: Path) -> None:
    sim.faults.add("runway", status=403, path="/files/", times=1, message="Request has expired")
    async with client(sim, tmp_path) as ai:
        job = await ai.video.submit("a fox", duration=2)
        sim.clock.push(10)
        assert (await job.wait()).artifacts[0].duration
    assert requests(sim, "GET", "/files/") == 2


async def test_a_result_that_cannot_be_fetched_now_is_collected_later_and_not_paid_twice(
    sim: Simulator, tmp_path: Path
) -> None:
    fault = sim.faults.add("runway", status=403, path="/files/")
    async with client(sim, tmp_path) as ai:
        job = await ai.video.submit("a fox", duration=2)
        sim.clock.push(10)
        with pytest.raises(e.AIError, match="resume") as caught:
            await job.wait()
        assert caught.value.billed == "yes"
    assert fault.struck
    sim.faults.clear()
    async with client(sim, tmp_path) as ai:
        later(ai)
        (film,) = (await ai.jobs.resume()).ok
        assert film.duration
    assert requests(sim, "POST", "text_to_video") == 1


async def test_refused_content_ends_the_job(sim: Simulator, tmp_path: Path) -> None:
    sim.faults.add("runway", "blocked", times=1)
    async with client(sim, tmp_path) as ai:
        job = await ai.video.submit("a fox")
        sim.clock.push(10)
        with pytest.raises(e.ContentPolicyError) as caught:
            await job.wait()
        assert caught.value.billed == "no"
        assert (await job.status()).status is VideoStatus.FAILED


async def test_no_secret_and_no_signed_address_reaches_the_journal(sim: Simulator, tmp_path: Path) -> None:
    async with client(sim, tmp_path) as ai:
        job = await ai.video.submit("a fox", duration=2)
        sim.clock.push(10)
        await job.wait()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert sim.key.encode() not in written
    assert b"signature=" not in written
