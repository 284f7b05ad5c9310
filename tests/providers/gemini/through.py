"""A kernel that orders a film and dies: run as `python -m tests.providers.gemini.through CONFIG HOME PROMPT SETTINGS`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from viralai_sdk import ViralAI


async def main(config: str, home: str, prompt: str, settings: str) -> None:
    ai = ViralAI(json.loads(config), home=Path(home), progress=False)
    job = await ai.video.submit(prompt, **json.loads(settings))
    print(job.id, flush=True)
    os._exit(9)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
