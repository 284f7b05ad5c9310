"""What the demo makes, in order. Every item is an ordinary call of the public API, shown beside its result."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.interfaces.video import VideoGenerationResponse
from viralai_sdk.store.files import adopt, write_atomic

EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True)
class Ask:
    """One call.

    Attributes:
        name: file name without ending.
        service: text, image, video or speech.
        title: heading on the page.
        words: prompt or text.
        parameters: of the helper.
    """

    name: str
    service: str
    title: str
    words: str
    parameters: dict[str, Any]

    def code(self) -> str:
        """The call as one would write it."""
        given = "".join(f", {name}={value!r}" for name, value in self.parameters.items())
        return f'await ai.{self.service}("{self.words}"{given})'.replace("'", '"')


ASKS = (
    Ask("hooks", "text", "Five hooks", "Write 5 hooks for a video about winter hiking", {"seed": 7}),
    Ask(
        "fox",
        "image",
        "A picture",
        "a red fox in a snowy pine forest at dawn",
        {"width": 1600, "height": 900, "seed": 1},
    ),
    Ask(
        "lighthouse-watercolor",
        "image",
        "One prompt, two styles",
        "a lighthouse by the sea at sunset",
        {"style": "watercolor", "width": 960, "height": 720, "seed": 5},
    ),
    Ask(
        "lighthouse-neon",
        "image",
        "One prompt, two styles",
        "a lighthouse by the sea at sunset",
        {"style": "neon", "width": 960, "height": 720, "seed": 5},
    ),
    Ask(
        "sentence",
        "speech",
        "A sentence",
        "This sentence was spoken by rules, on this machine, with no key and no network.",
        {"language": "en-us"},
    ),
    Ask(
        "film",
        "video",
        "A narrated film",
        "a red fox in a snowy forest at dawn, then a frozen river at sunset, then the northern lights over mountains",
        {
            "duration": 6,
            "aspect_ratio": "9:16",
            "resolution": "720p",
            "narration": "A fox leaves the forest at dawn, follows the frozen river, and sleeps under the northern lights.",
            "seed": 2,
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Item:
    """A finished call and its file, still where it was made. `path` is the name it will have beside the page."""

    ask: Ask
    response: Response
    source: Path
    path: str
    captions: Path | None = None

    def move(self, out: Path) -> None:
        """Put the files into their final place, each whole or not at all.

        Raises:
            StorageError: one cannot be put there.
        """
        adopt(self.source, out / self.path)
        if self.captions is not None:
            adopt(self.captions, out / self.captions.name)


async def make(ai: ViralAI, work: Path, tell: Callable[[str], None]) -> AsyncIterator[Item]:
    """Make one item after the other.

    Raises:
        AIError: one of them failed; there is no demo without it.
    """
    for number, ask in enumerate(ASKS, 1):
        tell(f"{number}/{len(ASKS)}  {ask.service:<6}  {ask.words}")
        helper = getattr(ai, ask.service)
        response: Response = await helper(ask.words, provider=EMBEDDED, fallback=False, **ask.parameters)
        yield _item(ask, response, work)


def _item(ask: Ask, response: Response, work: Path) -> Item:
    if isinstance(response, TextGenerationResponse):
        source = work / f"{ask.name}.txt"
        write_atomic(source, (response.text + "\n").encode())
        return Item(ask, response, source, source.name)
    made = response.artifacts[0].path
    captions = None
    if isinstance(response, VideoGenerationResponse) and response.metadata.get("captions_vtt"):
        captions = work / f"{ask.name}.vtt"
        write_atomic(captions, response.metadata["captions_vtt"].encode())
    return Item(ask, response, made, f"{ask.name}{made.suffix}", captions)
