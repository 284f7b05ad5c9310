"""The node classes that the simulated server has: what it says of them, and what they do, with real media."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from viralai_sdk.simulator.media import MediaMaker, encode_audio

CHECKPOINT = "sim.safetensors"
SCALES = ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]
SEED = ["INT", {"default": 0, "min": 0, "max": 2**64 - 1, "control_after_generate": True}]


def _int(default: int, low: int = 1, high: int = 16384, step: int = 1) -> list[Any]:
    return ["INT", {"default": default, "min": low, "max": high, "step": step}]


def _float(default: float, low: float = 0.0, high: float = 1.0, step: float = 0.01) -> list[Any]:
    return ["FLOAT", {"default": default, "min": low, "max": high, "step": step}]


def _text(default: str = "", *, multiline: bool = False) -> list[Any]:
    return ["STRING", {"default": default, "multiline": multiline}]


def _combo(*options: str) -> list[Any]:
    return ["COMBO", {"multiselect": False, "options": list(options)}]


IMAGE, AUDIO, LATENT = ["IMAGE"], ["AUDIO"], ["LATENT"]
PREFIX = _text("ComfyUI")
TABLE: dict[str, tuple[dict[str, Any], dict[str, Any], list[str], bool]] = {
    "EmptyImage": (
        {"width": _int(512), "height": _int(512), "batch_size": _int(1, 1, 4096), "color": _int(0, 0, 0xFFFFFF)},
        {},
        ["IMAGE"],
        False,
    ),
    "SaveImage": ({"images": IMAGE, "filename_prefix": PREFIX}, {}, [], True),
    "PreviewImage": ({"images": IMAGE}, {}, [], True),
    "SaveImageWebsocket": ({"images": IMAGE}, {}, [], True),
    "LoadImage": ({"image": [["example.png"], {"image_upload": True}]}, {}, ["IMAGE", "MASK"], False),
    "ImageBatch": ({"image1": IMAGE, "image2": IMAGE}, {}, ["IMAGE"], False),
    "ImageScale": (
        {
            "image": IMAGE,
            "upscale_method": [SCALES],
            "width": _int(512, 0),
            "height": _int(512, 0),
            "crop": [["disabled", "center"]],
        },
        {},
        ["IMAGE"],
        False,
    ),
    "ImageScaleBy": (
        {"image": IMAGE, "upscale_method": [SCALES], "scale_by": _float(1.0, 0.01, 8.0)},
        {},
        ["IMAGE"],
        False,
    ),
    "ImageInvert": ({"image": IMAGE}, {}, ["IMAGE"], False),
    "ImageAddNoise": ({"image": IMAGE, "seed": SEED, "strength": _float(0.5)}, {}, ["IMAGE"], False),
    "ImageBlend": (
        {
            "image1": IMAGE,
            "image2": IMAGE,
            "blend_factor": _float(0.5),
            "blend_mode": _combo("normal", "multiply", "screen"),
        },
        {},
        ["IMAGE"],
        False,
    ),
    "SaveAnimatedWEBP": (
        {
            "images": IMAGE,
            "filename_prefix": PREFIX,
            "fps": _float(6, 0.01, 1000),
            "lossless": ["BOOLEAN", {"default": True}],
            "quality": _int(80, 0, 100),
            "method": [["default", "fastest", "slowest"]],
        },
        {},
        [],
        True,
    ),
    "SaveWEBM": (
        {
            "images": IMAGE,
            "filename_prefix": PREFIX,
            "codec": _combo("vp9", "av1"),
            "fps": _float(24, 0.01, 1000),
            "crf": _float(32, 0, 63, 1),
        },
        {},
        [],
        True,
    ),
    "CreateVideo": ({"images": IMAGE, "fps": _float(30, 1, 120, 1)}, {"audio": AUDIO}, ["VIDEO"], False),
    "SaveVideo": (
        {
            "video": ["VIDEO"],
            "filename_prefix": _text("video/ComfyUI"),
            "format": _combo("auto", "mp4"),
            "codec": _combo("auto", "h264"),
        },
        {},
        [],
        True,
    ),
    "EmptyAudio": (
        {"duration": _float(60, 0, 2**64), "sample_rate": ["INT", {"default": 44100}], "channels": _int(2, 1, 2)},
        {},
        ["AUDIO"],
        False,
    ),
    "SaveAudio": ({"audio": AUDIO, "filename_prefix": _text("audio/ComfyUI")}, {}, [], True),
    "SaveAudioMP3": (
        {"audio": AUDIO, "filename_prefix": _text("audio/ComfyUI"), "quality": [["V0", "128k", "320k"]]},
        {},
        [],
        True,
    ),
    "PrimitiveString": ({"value": _text()}, {}, ["STRING"], False),
    "PrimitiveInt": ({"value": ["INT", {"control_after_generate": True}]}, {}, ["INT"], False),
    "PrimitiveFloat": ({"value": ["FLOAT", {}]}, {}, ["FLOAT"], False),
    "StringConcatenate": (
        {"string_a": _text(multiline=True), "string_b": _text(multiline=True), "delimiter": _text()},
        {},
        ["STRING"],
        False,
    ),
    "PreviewAny": ({"source": ["*"]}, {}, [], True),
    "EmptyLatentImage": (
        {"width": _int(512, 16, 16384, 8), "height": _int(512, 16, 16384, 8), "batch_size": _int(1, 1, 4096)},
        {},
        ["LATENT"],
        False,
    ),
    "SaveLatent": ({"samples": LATENT, "filename_prefix": _text("latents/ComfyUI")}, {}, [], True),
    "CheckpointLoaderSimple": ({"ckpt_name": [[CHECKPOINT]]}, {}, ["MODEL", "CLIP", "VAE"], False),
    "CLIPTextEncode": ({"text": _text(multiline=True), "clip": ["CLIP"]}, {}, ["CONDITIONING"], False),
    "KSampler": (
        {
            "model": ["MODEL"],
            "seed": SEED,
            "steps": _int(20, 1, 10000),
            "cfg": _float(8, 0, 100, 0.1),
            "sampler_name": [["euler", "dpmpp_2m", "uni_pc"]],
            "scheduler": [["simple", "normal", "karras"]],
            "positive": ["CONDITIONING"],
            "negative": ["CONDITIONING"],
            "latent_image": LATENT,
            "denoise": _float(1.0),
        },
        {},
        ["LATENT"],
        False,
    ),
    "VAEDecode": ({"samples": LATENT, "vae": ["VAE"]}, {}, ["IMAGE"], False),
    "VAEEncode": ({"pixels": IMAGE, "vae": ["VAE"]}, {}, ["LATENT"], False),
    "SDKTestSlowImage": (
        {
            "image": IMAGE,
            "steps": _int(3, 1, 10000),
            "delay_ms": _int(0, 0, 60000),
            "preview": [["none", "jpeg", "png"]],
            "fail_at_step": _int(0, 0),
            "error": [["ValueError", "oom"]],
        },
        {"nonce": ["INT", {"default": 0, "min": 0, "max": 2**64 - 1}]},
        ["IMAGE"],
        False,
    ),
}
"""Class → (required inputs, optional inputs, outputs, is output node)."""
NEW_CLASSES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str], bool]] = {
    "ResizeImageMaskNode": (
        {
            "input": ["IMAGE,MASK"],
            "resize_type": [
                "COMFY_DYNAMICCOMBO_V3",
                {
                    "options": [
                        {
                            "key": "scale dimensions",
                            "inputs": {
                                "required": {
                                    "width": _int(512, 0),
                                    "height": _int(512, 0),
                                    "crop": _combo("disabled", "center"),
                                }
                            },
                        },
                        {"key": "scale by multiplier", "inputs": {"required": {"multiplier": _float(1.0, 0.01, 8)}}},
                    ]
                },
            ],
            "scale_method": _combo(*SCALES),
        },
        {},
        ["IMAGE"],
        False,
    ),
    "BatchImagesNode": (
        {"images": ["COMFY_AUTOGROW_V3", {"template": {"input": {"required": {"image": IMAGE}}, "prefix": "image"}}]},
        {},
        ["IMAGE"],
        False,
    ),
}
"""Classes that only the newer version has."""


def describe(*, new: bool) -> dict[str, Any]:
    """`/object_info`."""
    rows = {**TABLE, **(NEW_CLASSES if new else {})}
    return {
        name: {
            "input": {"required": required, **({"optional": optional} if optional else {})},
            "input_order": {"required": list(required), **({"optional": list(optional)} if optional else {})},
            "output": outputs,
            "output_name": outputs,
            "output_node": is_output,
            "name": name,
            "display_name": name,
            "category": "simulated",
        }
        for name, (required, optional, outputs, is_output) in rows.items()
    }


class Failure(Exception):  # noqa: N818 - what a node raises on the server
    """A node's exception: its type as the server names it, and its message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(slots=True)
class Step:
    """A node reports progress and lets others have their turn."""

    value: int
    whole: int
    preview: bytes | None = None
    seconds: float = 0.0


@dataclass(slots=True)
class Made:
    """What a node gives: values for links, files to store, and what it shows."""

    values: tuple[Any, ...] = ()
    files: list[tuple[str, bytes]] | None = None
    """(ending, content) of files to store."""
    key: str = "images"
    type: str = "output"
    extra: Mapping[str, Any] | None = None
    sent: list[bytes] | None = None
    """Pictures to send over the socket."""


def run(kind: str, values: Mapping[str, Any], media: MediaMaker, load: Callable[[str], bytes]) -> Iterator[Step | Made]:
    """Run a node: steps, then what it made."""
    if kind in ("KSampler", "SDKTestSlowImage"):
        yield from (_sample if kind == "KSampler" else _slow)(values, media)
    else:
        yield _plain(kind, values, media, load)


def _sample(values: Mapping[str, Any], media: MediaMaker) -> Iterator[Step | Made]:
    width, height, count = values["latent_image"][:3]
    words, seed = values["positive"], values["seed"]
    for step in range(1, values["steps"] + 1):
        small = media.picture(f"{words} {step}", 32, 32)
        yield Step(step, values["steps"], png(small, "JPEG"))
    yield Made(((width, height, count, f"{words} {seed}"),))


def _slow(values: Mapping[str, Any], media: MediaMaker) -> Iterator[Step | Made]:
    for step in range(1, values["steps"] + 1):
        if step == values["fail_at_step"]:
            if values["error"] == "oom":
                raise Failure(
                    "torch.OutOfMemoryError",
                    "Allocation on device\nThis error means you ran out of memory on your GPU.",
                )
            raise Failure("ValueError", f"sdk test failure at step {step}\n")
        picture = png(media.picture(f"step {step}", 16, 16), "JPEG") if values["preview"] != "none" else None
        yield Step(step, values["steps"], picture, values["delay_ms"] / 1000)
    yield Made((values["image"],))


def _plain(kind: str, v: Mapping[str, Any], media: MediaMaker, load: Callable[[str], bytes]) -> Made:
    if kind in ("SaveImage", "PreviewImage", "SaveImageWebsocket"):
        pictures = [png(image) for image in v["images"]]
        if kind == "SaveImageWebsocket":
            return Made(sent=pictures)
        return Made(files=[(".png", data) for data in pictures], type="temp" if kind == "PreviewImage" else "output")
    if kind in ("SaveAnimatedWEBP", "SaveWEBM", "SaveVideo"):
        return Made(files=[_film(kind, v)], extra={"animated": [True]})
    if kind in ("SaveAudio", "SaveAudioMP3"):
        kind = "flac" if kind == "SaveAudio" else "mp3"
        return Made(
            files=[(f".{kind}", encode_audio(media.samples(f"sound {v['audio'][0]:g}", voice="sim", speed=1.0), kind))],
            key="audio",
        )
    if kind == "SaveLatent":
        return Made(files=[(".latent", json.dumps(v["samples"][:3]).encode())], key="latents")
    if kind == "PreviewAny":
        return Made(extra={"text": [str(v["source"])]})
    return Made(_values(kind, v, media, load))


def _values(kind: str, v: Mapping[str, Any], media: MediaMaker, load: Callable[[str], bytes]) -> tuple[Any, ...]:
    match kind:
        case "EmptyImage":
            color = (v["color"] >> 16 & 255, v["color"] >> 8 & 255, v["color"] & 255)
            return ([Image.new("RGB", (v["width"], v["height"]), color)] * v["batch_size"],)
        case "LoadImage":
            return ([Image.open(io.BytesIO(load(v["image"]))).convert("RGB")], None)
        case "ImageBatch":
            return (v["image1"] + v["image2"],)
        case "BatchImagesNode":
            return ([image for name in sorted(v) for image in v[name]],)
        case "ImageScale":
            return ([image.resize((v["width"], v["height"])) for image in v["image"]],)
        case "ImageScaleBy":
            return (
                [
                    image.resize((round(image.width * v["scale_by"]), round(image.height * v["scale_by"])))
                    for image in v["image"]
                ],
            )
        case "ResizeImageMaskNode":
            size = (v.get("resize_type.width", 32), v.get("resize_type.height", 32))
            return ([image.resize(size) for image in v["input"]],)
        case "ImageInvert":
            return ([ImageOps.invert(image) for image in v["image"]],)
        case "ImageAddNoise":
            return ([_noise(image, v["seed"] + number, v["strength"]) for number, image in enumerate(v["image"])],)
        case "ImageBlend":
            if v["blend_mode"] not in ("normal", "multiply", "screen"):
                raise Failure("ValueError", f"Unsupported blend mode: {v['blend_mode']}\n")
            return (
                [
                    Image.blend(a, b.resize(a.size), v["blend_factor"])
                    for a, b in zip(v["image1"], v["image2"], strict=False)
                ],
            )
        case "CreateVideo":
            return ((v["images"], v["fps"]),)
        case "EmptyAudio":
            return ((v["duration"], v["sample_rate"]),)
        case "StringConcatenate":
            return (v["delimiter"].join((v["string_a"], v["string_b"])),)
        case "EmptyLatentImage":
            return ((v["width"], v["height"], v["batch_size"], ""),)
        case "CheckpointLoaderSimple":
            return ("model", "clip", "vae")
        case "CLIPTextEncode":
            return (v["text"],)
        case "VAEDecode":
            width, height, count, words = v["samples"]
            return ([media.picture(f"{words} {number}", width, height) for number in range(count)],)
        case "VAEEncode":
            return ((v["pixels"][0].width, v["pixels"][0].height, len(v["pixels"]), ""),)
    return (v["value"],)


def _noise(image: Image.Image, seed: int, strength: float) -> Image.Image:
    pixels = np.asarray(image, dtype=np.float32)
    noise = np.random.default_rng(seed).normal(0, 255 * strength, pixels.shape)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def _film(kind: str, v: Mapping[str, Any]) -> tuple[str, bytes]:
    images, fps = v["video"] if kind == "SaveVideo" else (v["images"], v["fps"])
    buffer = io.BytesIO()
    if kind == "SaveAnimatedWEBP":
        images[0].save(
            buffer, "WEBP", save_all=True, append_images=images[1:], duration=int(1000 / fps), lossless=v["lossless"]
        )
        return ".webp", buffer.getvalue()
    import av

    video_frame: Any = av.VideoFrame
    container, codec = ("mp4", "libx264") if kind == "SaveVideo" else ("webm", "libvpx-vp9")
    with av.open(buffer, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=round(fps))
        stream.width, stream.height, stream.pix_fmt = images[0].width // 2 * 2, images[0].height // 2 * 2, "yuv420p"
        for image in images:
            output.mux(stream.encode(video_frame.from_image(image.crop((0, 0, stream.width, stream.height)))))
        output.mux(stream.encode(None))
    return f".{container}", buffer.getvalue()


def png(image: Image.Image, kind: str = "PNG") -> bytes:
    """A picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def signature(kind: str, values: Mapping[str, Any]) -> str:
    """What the cache compares: a node's class and everything that flows into it."""
    text = json.dumps([kind, sorted(values.items())], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
