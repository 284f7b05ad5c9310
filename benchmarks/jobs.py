"""A thousand video jobs that are open at a provider, polled by one client."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.harness import figure, main
from benchmarks.stub import Stub
from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces.adapter import JobAdapter, VideoAdapter
from viralai_sdk.interfaces.steps import Answer, JobProgress, JobTicket, MediaPayload, Send, Steps
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.services.factory import AIServiceFactory

JOBS = 1_000
SECONDS = 20.0


class JobService(JobAdapter, VideoAdapter):
    """A provider whose jobs never end. It leaves the pace of the looks to the SDK."""

    looks = 0

    def submit(self, request: VideoGenerationRequest, model: str) -> Steps[JobTicket]:
        answer: Answer = yield Send("POST", "/jobs", json={"promptText": request.prompt}, creates=True)
        return JobTicket(answer.json()["id"])

    def poll(self, ticket: JobTicket) -> Steps[JobProgress]:
        answer: Answer = yield Send("GET", f"/jobs/{ticket.remote_id}")
        type(self).looks += 1
        return JobProgress(fraction=answer.json()["progress"], stage="running")

    def collect(self, ticket: JobTicket, progress: JobProgress) -> Steps[MediaPayload]:
        raise AssertionError("these jobs never end")


async def measure(quick: bool, home: Path) -> list[dict[str, Any]]:
    """Memory of the whole process and its share of one core, while the jobs are waited for."""
    jobs, seconds = JOBS, SECONDS / 2 if quick else SECONDS
    AIServiceFactory.register("video", "bench_jobs", JobService)
    process = psutil.Process()
    with Stub() as stub:
        config = {"providers": {"bench_jobs": {"base_url": stub.origin, "local": True}}}
        async with ViralAI(config, home=home, progress=False) as ai:
            gate = asyncio.Semaphore(32)

            async def submit(number: int) -> Any:
                async with gate:
                    return await ai.video.submit(f"film {number}", provider="bench_jobs", timeout=600)

            began = time.perf_counter()
            handles = await asyncio.gather(*(submit(number) for number in range(jobs)))
            submitted = time.perf_counter() - began
            JobService.looks, cpu, began = 0, time.process_time(), time.perf_counter()
            await asyncio.sleep(seconds)
            wall = time.perf_counter() - began
            share = (time.process_time() - cpu) / wall
            memory = process.memory_info().rss / 2**20
            looks = JobService.looks
            assert len(await ai.jobs.list(open_only=True)) == jobs
            await asyncio.gather(*(handle.cancel() for handle in handles))
    return [
        figure(
            f"{jobs:,} open jobs: memory",
            "<= 150 MB",
            f"{memory:.0f} MB",
            memory <= 150,
        ),
        figure(
            f"{jobs:,} open jobs: share of one core",
            "< 25 %",
            f"{100 * share:.1f} %",
            share < 0.25,
            looks_per_second=round(looks / wall),
            us_per_look=round(share * wall / looks * 1e6),
            seconds_to_submit=round(submitted, 1),
        ),
    ]


if __name__ == "__main__":
    main("jobs", measure)
