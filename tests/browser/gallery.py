"""A notebook that shows one of everything, and the real files it shows."""

from __future__ import annotations

from pathlib import Path

import nbformat

from tests.media_files import film, picture, recording

FOLDER = "outputs/2026-11-22 fox #1/ünï"
"""A session folder whose name needs escaping in an address."""

CELLS = [
    """\
from pathlib import Path
from viralai_sdk.interfaces.batch import BatchResult
from viralai_sdk.interfaces.display import Table
from viralai_sdk.interfaces.errors import ContentPolicyError, ProviderTimeoutError
from viralai_sdk.interfaces.image import ImageGenerationResponse
from viralai_sdk.interfaces.records import Artifact, Attempt, CallWarning
from viralai_sdk.interfaces.speech import SpeechSynthesisResponse
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.interfaces.video import VideoGenerationResponse
here = Path("FOLDER").resolve()
attack = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>" """.replace("FOLDER", FOLDER),
    """\
one = ImageGenerationResponse(
    provider_used="openai", model_used="gpt-image-2.6-flare", generation_time=4.21, cost_usd=0.04, cost_source="catalog",
    image_paths=[str(here / "a fox.png")], metadata={"prompt": "a red fox in the snow"},
    warnings=[CallWarning(kind="unsupported", parameter="seed", message="openai has no seed; it was left out"),
              CallWarning(kind="adjusted", parameter="width", message="1000 became 1024")],
    attempts=[Attempt(provider="gemini", outcome="failed", error="RateLimitError", message="too many requests", seconds=0.8),
              Attempt(provider="openai", outcome="ok", seconds=4.21)])
one""",
    """\
ImageGenerationResponse(
    provider_used="embedded", generation_time=0.31, cost_usd=0, is_model=False, metadata={"prompt": "four seasons " + attack},
    image_paths=[str(here / f"season {n}.png") for n in range(4)])""",
    """\
VideoGenerationResponse(
    provider_used="runway", model_used="gen-5", generation_time=63.0, cost_usd=None, duration=2.0,
    video_path=str(here / "clip.mp4"), metadata={"prompt": "a ball rolls by"})""",
    """\
SpeechSynthesisResponse(
    provider_used="elevenlabs", model_used="eleven_v4", generation_time=0.9, cost_usd=0.0021, duration=1.0, sample_rate=16000,
    audio_path=str(here / "hello.wav"), metadata={"text": "Hello, world"})""",
    """\
TextGenerationResponse(
    provider_used="anthropic", model_used="claude-opus-5", generation_time=1.42, cost_usd=0.0113, finish_reason="length",
    text="Three hooks for a fox in the snow:\\n\\n  1. It hears you <b>before</b> you see it.\\n  2. " + attack +
         "\\n  3. \u05e9\u05dc\u05d5\u05dd — and every print tells where it went, how fast, and how little it cares who follows.")""",
    """\
TextGenerationResponse(
    provider_used="cohere", generation_time=0.7, cost_usd=0.001, text='[...]',
    parsed=[{"hook": "It hears you first", "seconds": 3.5, "tags": ["fox", "snow"]},
            {"hook": attack, "seconds": 12, "tags": None}])""",
    """\
BatchResult([one, ContentPolicyError("refused: " + attack, provider="openai", hint="Change the words."),
             VideoGenerationResponse(provider_used="runway", generation_time=3, video_path=str(here / "clip.mp4"), duration=2.0),
             ProviderTimeoutError("no answer within 60 s", provider="stability"),
             TextGenerationResponse(provider_used="ollama", generation_time=3, cost_usd=0, text="A short answer.")],
            prompts=["a red fox in the snow", "something it refuses", "a ball rolls by", "a slow one", "say it short"])""",
    """\
Table([{"provider": "openai", "service": "image", "configured": True, "model": "gpt-image-2.6-flare", "price": 0.04},
       {"provider": attack, "service": "video", "configured": False, "model": None, "price": None}],
      caption="Providers")""",
    """\
import asyncio
from viralai_sdk.progress import ProgressEvent, ProgressHub, choose_view
hub = ProgressHub(choose_view())
hub.post(ProgressEvent(call_id="a", service="video", provider="runway", fraction=0.42, stage="sampling", elapsed=2,
                       preview=Path(here / "season 1.png").read_bytes()))
hub.post(ProgressEvent(call_id="b", service="image", provider="comfyui", queue_position=2, elapsed=1))
hub.render()
while not Path("go on").exists():
    await asyncio.sleep(0.05); hub.render()
hub.post(ProgressEvent(call_id="a", service="video", provider="runway", state="done"))
hub.post(ProgressEvent(call_id="b", service="image", provider="comfyui", elapsed=3.1, state="%s", message="%s"))
hub.render()""",
]


def write_gallery(root: Path, name: str = "gallery.ipynb") -> None:
    """Write the notebook and its files into a folder."""
    here = root / FOLDER
    picture(here / "a fox.png")
    for number in range(4):
        picture(here / f"season {number}.png", (600, 600), hue=number * 40)
    film(here / "clip.mp4")
    recording(here / "hello.wav")
    last = CELLS[-1]
    cells = [*CELLS[:-1], last % ("done", ""), last % ("cancelled", "the job goes on at comfyui")]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, root / name)
