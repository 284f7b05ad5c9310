"""Films by rules: painted scenes, camera, narration and captions, as a video service."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from viralai_sdk.interfaces.adapter import VideoAdapter
from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError
from viralai_sdk.interfaces.media import MediaInput
from viralai_sdk.interfaces.records import CallWarning, WordTiming
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest
from viralai_sdk.interfaces.steps import Blob, Compute, MediaPayload, Steps
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.providers.embedded.drawing import Drawing, draw
from viralai_sdk.providers.embedded.film import (
    Film,
    FilmPlan,
    FilmPlanError,
    Narration,
    NoVideoEncoderError,
    TimedWord,
    shoot,
)
from viralai_sdk.providers.embedded.image import jpeg
from viralai_sdk.providers.embedded.speech import say, translated
from viralai_sdk.providers.embedded.voice import VoiceError

LONGEST = 120.0
"""Seconds the engine films at most."""
DEFAULT_FPS = 24


class EmbeddedVideoService(VideoAdapter):
    """The film engine.

    `options`: {"narration": text to speak (as the request's own field), "voice_id", "language", "captions": bool, "music": bool,
    "draft": bool paints the stills at half size}.
    """

    is_model = False

    def check(self, request: VideoGenerationRequest, model: str) -> list[CallWarning]:
        if request.duration > LONGEST:
            raise self.unsupported(f"films above {LONGEST:g} seconds")
        if request.last_image is not None:
            raise self.unsupported("end on a given picture")
        if (request.fps or DEFAULT_FPS) > 60:
            raise self.unsupported("more than 60 frames a second")
        return []

    def quantities(self, request: VideoGenerationRequest, model: str) -> dict[str, float]:
        return {"second": request.duration}

    def steps(self, request: VideoGenerationRequest, model: str) -> Steps[MediaPayload]:
        payload: MediaPayload = yield Compute(_film, (request,))
        return payload


class _Painter:
    """Draws the stills and remembers what of the prompt was understood."""

    def __init__(self, request: VideoGenerationRequest, report: Callable[..., None]) -> None:
        self._request = request
        self._report = report
        self.drawings: list[Drawing] = []

    def __call__(self, prompt: str, width: int, height: int, seed: int) -> Image.Image:
        drawing = draw(
            prompt,
            width,
            height,
            seed=seed,
            style=self._request.style,
            negative_prompt=self._request.negative_prompt,
            draft=bool(self._request.options.get("draft")),
            progress=lambda fraction, stage, preview: self._report(None, f"painting: {stage}"),
        )
        self.drawings.append(drawing)
        return drawing.image


def _film(request: VideoGenerationRequest, report: Callable[..., None], workspace: Path) -> MediaPayload:
    target = workspace / f"film-{uuid.uuid4().hex}.mp4"
    painter = _Painter(request, report)
    try:
        plan, spoken_by = _plan(request, report)
        film = shoot(
            plan, painter, target, progress=lambda fraction, stage, preview: report(fraction, stage, jpeg(preview))
        )
    except FilmPlanError as error:
        raise InvalidRequestError(str(error)) from error
    except NoVideoEncoderError as error:
        raise ConfigurationError(str(error), hint='pip install "viralai-sdk[video]"') from error
    except VoiceError as error:
        raise translated(error) from error
    return _payload(request, plan, film, painter.drawings, spoken_by)


def _plan(request: VideoGenerationRequest, report: Callable[..., None]) -> tuple[FilmPlan, str | None]:
    width, height = request.size()
    options = request.options
    words = request.narration or options.get("narration")
    narration, spoken_by = None, None
    if words:
        report(0.0, "speaking")
        speech = SpeechSynthesisRequest(
            text=words, voice_id=options.get("voice_id"), language=options.get("language", "en"), seed=request.seed
        )
        spoken = say(speech, options.get("voice_model", ""), lambda fraction, stage: report(None, stage))
        spoken_by = spoken.engine
        timed = tuple(TimedWord(word.text, word.start, word.end) for word in spoken.words)
        narration = Narration(spoken.samples, spoken.sample_rate, timed)
    plan = FilmPlan(
        prompt=request.prompt,
        width=width,
        height=height,
        fps=request.fps or DEFAULT_FPS,
        duration=request.duration,
        seed=request.seed or 0,
        narration=narration,
        captions=bool(options.get("captions", True)),
        comment="Filmed by rules, not by an AI model (embedded/procedural-video@1). Made with viralai-sdk.",
        first_frame=_picture(request.image),
        music=bool(options.get("music", narration is None)),
    )
    return plan, spoken_by


def _picture(media: MediaInput | None) -> Image.Image | None:
    if media is None:
        return None
    try:
        return Image.open(io.BytesIO(media.data)).convert("RGB")
    except (OSError, ValueError) as error:
        raise InvalidRequestError(f"image: the picture cannot be decoded ({error}).") from error


def _payload(
    request: VideoGenerationRequest, plan: FilmPlan, film: Film, drawings: list[Drawing], spoken_by: str | None
) -> MediaPayload:
    ignored = sorted({word for drawing in drawings for word in drawing.ignored})
    warnings = [CallWarning(kind="adjusted", message=note) for note in film.notes]
    if ignored:
        told = f"painted by rules; these words changed nothing: {', '.join(ignored[:12])}"
        warnings.append(CallWarning(kind="unsupported", parameter="prompt", message=told))
    words = plan.narration.words if plan.narration else ()
    return MediaPayload(
        model="procedural-video",
        blobs=[Blob(path=film.path, media_type="video/mp4")],
        word_timings=[WordTiming(text=word.text, start=word.start, end=word.end) for word in words],
        quantities={"second": film.duration},
        metadata={
            "engine": film.engine,
            "seed": plan.seed,
            "scenes": list(film.scenes),
            "video_codec": film.video_codec,
            "audio_codec": film.audio_codec,
            "captions_vtt": film.captions,
            "voice_engine": spoken_by,
            "used_words": sorted({word for drawing in drawings for word in drawing.used}),
            "ignored_words": ignored,
        },
        warnings=warnings,
    )
