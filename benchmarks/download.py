"""A 300 MB film from a provider to disk: what it adds to the memory in use."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import psutil

from benchmarks.harness import figure, main
from benchmarks.stub import FILM_VARIABLE, Stub
from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces.adapter import VideoAdapter
from viralai_sdk.interfaces.steps import Blob, Download, MediaPayload, Steps
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.services.factory import AIServiceFactory

MEGABYTES = 300
MAKE_FILM = """
import asyncio, shutil, sys
from viralai_sdk.client import ViralAI
async def make():
    async with ViralAI({}, home=sys.argv[1], progress=False) as ai:
        film = await ai.video("a river", provider="embedded", duration=1, resolution="360p")
        shutil.copy(film.artifacts[0].path, sys.argv[2])
asyncio.run(make())
"""


class FilmService(VideoAdapter):
    """A provider that answers with an address; its prompt is the number of megabytes."""

    def steps(self, request: VideoGenerationRequest, model: str) -> Steps[MediaPayload]:
        blob: Blob = yield Download(f"{self.config.base_url}/blob-{request.prompt}")
        return MediaPayload(blobs=[blob])


class Peak:
    """The highest resident memory seen, looked at every two milliseconds."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.highest = self.start = self._process.memory_info().rss
        self._over = threading.Event()

    def watch(self) -> None:
        """Look until told to stop."""
        while not self._over.wait(0.002):
            self.highest = max(self.highest, self._process.memory_info().rss)

    def stop(self) -> None:
        """Stop looking."""
        self._over.set()

    @property
    def growth(self) -> float:
        """Megabytes above the start."""
        return float(self.highest - self.start) / 2**20


@contextmanager
def peak() -> Iterator[Peak]:
    """Watch the memory during a block."""
    found = Peak()
    thread = threading.Thread(target=found.watch, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.stop()
        thread.join()


async def measure(quick: bool, home: Path) -> list[dict[str, Any]]:
    """The film is a real one with padding behind it, made in another process so that this one's memory is untouched."""
    film = home / "film.mp4"
    command = [sys.executable, "-c", MAKE_FILM, str(home / "made"), str(film)]
    await asyncio.to_thread(subprocess.run, command, check=True)
    AIServiceFactory.register("video", "bench_film", FilmService)
    with mock.patch.dict(os.environ, {FILM_VARIABLE: str(film)}), Stub() as stub:
        config = {"providers": {"bench_film": {"base_url": stub.origin, "local": True}}}
        async with ViralAI(config, home=home, progress=False) as ai:
            for _ in range(3):
                await ai.video("2", provider="bench_film")
            began = time.perf_counter()
            with peak() as seen:
                response = await ai.video(str(MEGABYTES), provider="bench_film")
            seconds = time.perf_counter() - began
    size = response.artifacts[0].size
    assert size >= MEGABYTES << 20
    return [
        figure(
            f"peak memory of a {MEGABYTES} MB download",
            "<= 16 MB growth",
            f"{seen.growth:.1f} MB",
            seen.growth <= 16,
            resident_before_mb=round(seen.start / 2**20, 1),
            seconds=round(seconds, 2),
            mb_per_second=round(size / 2**20 / seconds),
        )
    ]


if __name__ == "__main__":
    main("download", measure)
