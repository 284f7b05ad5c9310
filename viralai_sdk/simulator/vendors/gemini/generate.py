"""models/{model}:generateContent and :streamGenerateContent."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import AsyncIterator, Mapping
from typing import Any

from PIL import Image
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from viralai_sdk.simulator.answers import echo, pieces, tokens, value_for
from viralai_sdk.simulator.media import RATE, encode_audio, encode_picture
from viralai_sdk.simulator.vendors.gemini.desk import (
    Desk,
    camel,
    drawn_tokens,
    error_body,
    fields,
    is_pro,
    source_tokens,
)

LONG_SIDES = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9", "21:9")
THRESHOLDS = ("BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF")
THOUGHT_TOKENS = 7
"""Spent by every answer of a thinking model, so that bills that forget them do not add up."""


async def generate(desk: Desk, request: Request, model: str, *, stream: bool) -> Response:
    """Answer contents with text, a picture or speech, by what the model makes."""
    if stream and request.query_params.get("alt") != "sse":
        raise desk.refuse(400, "The simulator streams with alt=sse only.")
    row = desk.find_model(model)
    body = camel(await desk.json_body(request))
    other = "only_vertex" if desk.vendor == "gemini" else "only_dev"
    desk.check_fields(body, fields("content"), "", other=other)
    config = body.get("generationConfig") or {}
    desk.check_fields(config, fields("config"), "generation_config", other=other)
    check_config(desk, config, other)
    for setting in body.get("safetySettings") or ():
        desk.check_choice(setting, "threshold", THRESHOLDS)
    prompt, sources = read_contents(desk, body.get("contents"))
    if system := body.get("systemInstruction"):
        read_contents(desk, [{**system, "role": "user"}])
    service = row["services"][0]
    answer = Answer(desk, model, prompt, sources)
    fault = desk.fault(request, "blocked")
    if fault is not None and not fault.code:
        fragments = [answer.blocked()]
    elif fault is not None:
        fragments = [answer.fragment([], str(fault.code))]
    elif desk.fault(request, "empty"):
        fragments = [answer.fragment([], "NO_IMAGE" if service == "image" else "STOP")]
    elif service == "text":
        fragments = answer.text(config)
    elif service == "image":
        fragments = [await asyncio.to_thread(answer.picture, config)]
    elif service == "speech":
        fragments = [await asyncio.to_thread(answer.speech, config)]
    else:
        raise desk.refuse(400, f"models/{model} does not support generateContent; use the Interactions API.")
    if not stream:
        return JSONResponse(whole(fragments))
    return _events(desk, request, fragments)


def check_config(desk: Desk, config: Mapping[str, Any], other: str) -> None:
    """The settings of a generation."""
    desk.check_number(config, "temperature", 0, 2)
    desk.check_number(config, "topP", 0, 1)
    desk.check_number(config, "maxOutputTokens", 1, 2**31 - 1, whole=True)
    desk.check_number(config, "candidateCount", 1, 8, whole=True)
    desk.check_number(config, "seed", -(2**31), 2**31 - 1, whole=True)
    if len(config.get("stopSequences") or ()) > 5:
        raise desk.refuse(400, "stop_sequences: at most 5 are allowed.")
    if config.get("responseSchema") is not None and config.get("responseJsonSchema") is not None:
        raise desk.refuse(400, "Only one of response_schema and response_json_schema may be set.")
    has_schema = config.get("responseSchema") is not None or config.get("responseJsonSchema") is not None
    if has_schema and config.get("responseMimeType") != "application/json":
        raise desk.refuse(400, "A response schema needs response_mime_type application/json.")
    if (shape := config.get("imageConfig")) is not None:
        desk.check_fields(shape, fields("image_config"), "generation_config.image_config", other=other)
        desk.check_choice(shape, "aspectRatio", RATIOS)
        desk.check_choice(shape, "imageSize", LONG_SIDES)


def read_contents(desk: Desk, contents: Any) -> tuple[str, list[Image.Image]]:
    """Text and pictures of the last turn, after all were checked."""
    if not isinstance(contents, list) or not contents:
        raise desk.refuse(400, "contents is not specified")
    texts: list[str] = []
    pictures: list[Image.Image] = []
    for turn in contents:
        desk.check_fields(turn, frozenset({"parts", "role"}), "contents")
        if turn.get("role") not in ("user", "model"):
            raise desk.refuse(400, "Please use a valid role: user, model.")
        if not isinstance(turn.get("parts"), list) or not turn["parts"]:
            raise desk.refuse(400, "contents.parts must not be empty.")
        texts, pictures = [], []
        for part in turn["parts"]:
            desk.check_fields(part, fields("part"), "contents.parts")
            if "inlineData" in part:
                pictures.append(desk.picture(part["inlineData"].get("data"), part["inlineData"].get("mimeType")))
            elif isinstance(part.get("text"), str):
                texts.append(part["text"])
    return "\n".join(texts), pictures


class Answer:
    """One answer, in fragments."""

    def __init__(self, desk: Desk, model: str, prompt: str, sources: list[Image.Image]) -> None:
        self._desk = desk
        self._model = model
        self._prompt = prompt
        self._sources = sources
        self._id = desk.state.new_id("resp-")
        self._asked = tokens(prompt) + len(sources) * source_tokens(model)

    def blocked(self) -> dict[str, Any]:
        """The prompt was refused: no candidate at all."""
        feedback = {"blockReason": "PROHIBITED_CONTENT", "safetyRatings": []}
        usage = {"promptTokenCount": self._asked, "totalTokenCount": self._asked}
        return {**self._head(), "promptFeedback": feedback, "usageMetadata": usage}

    def fragment(
        self, parts: list[dict[str, Any]], finish: str | None, spent: int = 0, made: str = "TEXT", thought: int = 0
    ) -> dict[str, Any]:
        """One fragment; the one with a reason to finish counts the tokens."""
        candidate: dict[str, Any] = {"index": 0}
        if parts:
            candidate["content"] = {"role": "model", "parts": parts}
        if finish is None:
            return {**self._head(), "candidates": [candidate]}
        candidate["finishReason"] = finish
        usage: dict[str, Any] = {
            "promptTokenCount": self._asked,
            "candidatesTokenCount": spent,
            "totalTokenCount": self._asked + spent + thought,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": self._asked}],
            "candidatesTokensDetails": [{"modality": made, "tokenCount": spent}],
        }
        if thought:
            usage["thoughtsTokenCount"] = thought
        return {**self._head(), "candidates": [candidate], "usageMetadata": usage}

    def text(self, config: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The answer in words."""
        schema = config.get("responseJsonSchema") or lower_types(config.get("responseSchema"))
        text = echo(self._prompt)
        if schema is not None:
            chance = random.Random(f"{self._desk.state.config.seed}:{self._prompt}")  # noqa: S311
            text = json.dumps(value_for(schema, self._prompt, chance))
        elif config.get("responseMimeType") == "application/json":
            text = json.dumps({"answer": text})
        for stop in config.get("stopSequences") or ():
            text = text.partition(stop)[0]
        kept = list(pieces(text, config.get("maxOutputTokens")))
        finish = "STOP" if len("".join(kept)) == len(text) else "MAX_TOKENS"
        thought: list[dict[str, Any]] = [{"text": "I repeat what was said.", "thought": True}]
        parts = [self.fragment([*thought, {"text": kept[0]}] if kept else thought, None)]
        parts += [self.fragment([{"text": piece}], None) for piece in kept[1:]]
        return [*parts, self.fragment([{"text": ""}], finish, tokens("".join(kept)), "TEXT", THOUGHT_TOKENS)]

    def picture(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """A fresh picture, or the first source blended with one. The thinking models also send a draft, which is no result."""
        shape = config.get("imageConfig") or {}
        named = shape.get("imageSize") or "1K"
        size = dimensions(shape.get("aspectRatio") or "1:1", named)
        seed = config.get("seed")
        words = self._prompt if seed is None else f"{self._prompt} {seed}"
        drawn = self._desk.state.media.picture(words, *size)
        if self._sources:
            drawn = Image.blend(self._sources[0].convert("RGB").resize(size), drawn, 0.5)
        parts = []
        if is_pro(self._model):
            parts.append({"thought": True, **inline(encode_picture(drawn.resize((64, 64)), "png"), "image/png")})
        parts.append(inline(encode_picture(drawn, "png"), "image/png"))
        return self.fragment(parts, "STOP", drawn_tokens(self._model, named), "IMAGE")

    def speech(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """A recording: a WAV file from the newest models, raw samples from the others."""
        if "AUDIO" not in (config.get("responseModalities") or ()):
            raise self._desk.refuse(400, f"Model {self._model} only supports audio output; set response_modalities.")
        voice = self._voice(config.get("speechConfig") or {})
        samples = self._desk.state.media.samples(self._prompt, voice=voice, speed=1.0)
        if self._model.startswith("gemini-3.8"):
            part = inline(encode_audio(samples, "wav"), "audio/wav")
        else:
            part = inline(samples, f"audio/L16;codec=pcm;rate={RATE}")
        return self.fragment([part], "STOP", max(1, len(samples) * 25 // (2 * RATE)), "AUDIO")

    def _voice(self, speech: Mapping[str, Any]) -> str:
        several = speech.get("multiSpeakerVoiceConfig")
        if several is not None and speech.get("voiceConfig") is not None:
            raise self._desk.refuse(400, "voice_config and multi_speaker_voice_config are mutually exclusive.")
        if several is not None:
            speakers = several.get("speakerVoiceConfigs") or []
            if len(speakers) != 2:
                raise self._desk.refuse(400, "The number of speaker voice configs must equal 2.")
            return "+".join(self._named(speaker.get("voiceConfig") or {}) for speaker in speakers)
        return self._named(speech.get("voiceConfig") or {"prebuiltVoiceConfig": {"voiceName": VOICES[0]["id"]}})

    def _named(self, voice: Mapping[str, Any]) -> str:
        name = (voice.get("prebuiltVoiceConfig") or {}).get("voiceName") or voice.get("voice")
        if name not in {row["id"] for row in VOICES}:
            raise self._desk.refuse(400, f"Voice name {name} is not supported.")
        return str(name)

    def _head(self) -> dict[str, Any]:
        return {"modelVersion": self._model, "responseId": self._id}


VOICES: tuple[dict[str, str], ...] = (
    {"id": "Aoede", "type": "prebuilt", "display_name": "Aoede", "language_code": "en-US", "gender": "female"},
    {"id": "Charon", "type": "prebuilt", "display_name": "Charon", "language_code": "en-GB", "gender": "male"},
    {"id": "Puck", "type": "prebuilt", "display_name": "Puck", "language_code": "de-DE", "gender": "male"},
)
"""The voices that the vendor's package names; their languages and genders are ours."""


def whole(fragments: list[dict[str, Any]]) -> dict[str, Any]:
    """Fragments as one answer."""
    last = fragments[-1]
    if "candidates" not in last:
        return last
    parts = [part for fragment in fragments for part in fragment["candidates"][0].get("content", {}).get("parts", ())]
    thoughts = [part for part in parts if part.get("thought")]
    files = [part for part in parts if "inlineData" in part and not part.get("thought")]
    text = "".join(part["text"] for part in parts if "text" in part and not part.get("thought"))
    joined = [*thoughts, *([{"text": text}] if text else []), *files]
    candidate = {**last["candidates"][0]}
    candidate.pop("content", None)
    if joined:
        candidate["content"] = {"role": "model", "parts": joined}
    return {**last, "candidates": [candidate]}


def inline(data: bytes, media_type: str) -> dict[str, Any]:
    """A file as a part."""
    return {"inlineData": {"mimeType": media_type, "data": base64.b64encode(data).decode("ascii")}}


def dimensions(ratio: str, named: str) -> tuple[int, int]:
    """Width and height of a picture."""
    wide, high = map(int, ratio.split(":"))
    long = LONG_SIDES[named]
    short = max(16, round(long * min(wide, high) / max(wide, high) / 16) * 16)
    return (long, short) if wide >= high else (short, long)


def lower_types(schema: Any) -> Any:
    """A response schema, whose types may be in capitals, as a JSON schema."""
    if isinstance(schema, list):
        return [lower_types(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: value.lower() if name == "type" and isinstance(value, str) else lower_types(value)
        for name, value in schema.items()
    }


def _events(desk: Desk, request: Request, fragments: list[dict[str, Any]]) -> Response:
    broken = desk.fault(request, "error_chunk")

    async def lines() -> AsyncIterator[str]:
        for number, value in enumerate(fragments):
            if broken and number == 2:
                yield f"data: {json.dumps(error_body(503, broken.message, broken.code))}\n\n"
                return
            await asyncio.sleep(desk.state.config.chunk_pause)
            yield f"data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")
