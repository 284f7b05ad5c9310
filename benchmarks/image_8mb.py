"""An 8 MB base64 picture in JSON, from socket to verified file, above doing the same by hand."""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import os
from pathlib import Path
from typing import Any

import httpx2
from PIL import Image

from benchmarks.harness import figure, main, paired, settings
from benchmarks.stub import Stub
from viralai_sdk.client import ViralAI


async def measure(quick: bool, home: Path) -> list[dict[str, Any]]:
    """By hand: read, parse, decode, let Pillow verify, write, fsync, in a thread so that the loop stays free, as we do."""
    with Stub() as stub:
        url = stub.url("fast") + "/images/generations"
        body = {"model": "gpt-image-bench", "prompt": "noise", "size": "1024x1024"}
        headers = {"Authorization": "Bearer sk-bench-0123456789abcdef"}
        target = home / "by_hand"
        target.mkdir()
        numbers = itertools.count()

        def save(data: bytes) -> None:
            with Image.open(io.BytesIO(data)) as picture:
                picture.verify()
            with (target / f"{next(numbers)}.png").open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())

        async with (
            httpx2.AsyncClient(timeout=30) as client,
            ViralAI(settings(stub.url("fast")), home=home / "ours", progress=False) as ai,
        ):

            async def bare() -> None:
                answer = await client.post(url, json=body, headers=headers)
                data = base64.b64decode(answer.json()["data"][0]["b64_json"])
                await asyncio.to_thread(save, data)

            async def ours() -> None:
                # A stored picture is never written twice, so the last one makes room.
                response = await ai.image("noise")
                response.artifacts[0].path.unlink()

            pair = await paired(bare, ours, blocks=8 if quick else 24, calls=3, warm_up=2)
    ratio = pair.ratio[1]
    return [figure("8 MB picture to file", "<= 1.3 x by hand", f"{ratio:.2f} x", ratio <= 1.3, **pair.row(1e3, "ms"))]


if __name__ == "__main__":
    main("image_8mb", measure)
