"""What is installed, and which embedded engine serves each medium."""

from __future__ import annotations

import importlib.util
import platform
import sys
from importlib import metadata

from viralai_sdk import __version__
from viralai_sdk.cli.doctor_finding import Finding
from viralai_sdk.providers.embedded.drawing import ENGINE as PAINTER
from viralai_sdk.providers.embedded.drawing import STYLES
from viralai_sdk.providers.embedded.film import av1, mp4
from viralai_sdk.providers.embedded.voice import espeak_process

EXTRAS = {
    "speech": (("espeakng_loader", "espeakng-loader"),),
    "video": (("av", "av"),),
    "notebook": (
        ("anywidget", "anywidget"),
        ("ipykernel", "ipykernel"),
        ("ipywidgets", "ipywidgets"),
        ("jupyterlab", "jupyterlab"),
        ("nest_asyncio2", "nest-asyncio2"),
    ),
    "local": (("xllamacpp", "xllamacpp"),),
    "fast": (("aiohttp", "aiohttp"),),
    "google": (("google.auth", "google-auth"),),
    "ws": (("websockets", "websockets"),),
    "sim": (
        ("python_multipart", "python-multipart"),
        ("starlette", "starlette"),
        ("uvicorn", "uvicorn"),
        ("websockets", "websockets"),
    ),
    "bench": (
        ("ipykernel", "ipykernel"),
        ("matplotlib", "matplotlib"),
        ("nbconvert", "nbconvert"),
        ("pandas", "pandas"),
        ("papermill", "papermill"),
        ("pyarrow", "pyarrow"),
        ("scipy", "scipy"),
    ),
    "compare": (
        ("matplotlib", "matplotlib"),
        ("pandas", "pandas"),
        ("pyloudnorm", "pyloudnorm"),
        ("scipy", "scipy"),
    ),
}
"""Extra → (module to look for, distribution) of everything it brings; a test holds this and pyproject.toml together."""

_FOR = {
    "speech": "espeak-ng's voices in over 100 languages",
    "video": "H.264 films with sound, MP3 and Opus",
    "notebook": "JupyterLab and progress widgets",
    "local": "language models from GGUF files, without a server",
    "fast": "the faster HTTP transport",
    "google": "Vertex AI and Google's voices with a service account",
    "sim": "the vendors' APIs on this machine",
    "ws": "ComfyUI's live progress",
    "bench": "benchmark notebooks and plots",
    "compare": "statistics, plots and loudness of comparisons",
}
_LICENCES = {
    "speech": "espeak-ng is GPL-3.0-or-later: whoever passes on a bundle with it follows that licence",
    "video": "PyAV's wheel contains x264 and x265 (GPL-2.0-or-later): whoever passes on a bundle with it follows that licence",
}


def installation() -> list[Finding]:
    """Python, the SDK and its extras."""
    python = f"{platform.python_version()} in {sys.prefix}"
    findings = [
        Finding("Installation", "Python", "ok", python),
        Finding("Installation", "viralai-sdk", "ok", __version__),
    ]
    for extra, parts in EXTRAS.items():
        absent = [package for module, package in parts if not _present(module)]
        if absent:
            hint = f'For {_FOR[extra]}: pip install "viralai-sdk[{extra}]"'
            findings.append(
                Finding("Installation", extra, "missing", f"without {', '.join(absent)}", _FOR[extra], hint)
            )
        else:
            versions = ", ".join(f"{package} {metadata.version(package)}" for _, package in parts)
            findings.append(Finding("Installation", extra, "ok", versions, _LICENCES.get(extra, "")))
    return findings


def _present(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of a parent package
        return False


def engines() -> list[Finding]:
    """The embedded engine of each medium and why it is that one."""
    return [
        Finding("Embedded engines", "text", "ok", "rules-text", "templates and extraction; needs nothing"),
        Finding("Embedded engines", "image", "ok", PAINTER, f"numpy and Pillow; styles {', '.join(STYLES)}"),
        _speech(),
        _video(),
    ]


def _speech() -> Finding:
    if espeak_process.locate() is not None:
        return Finding("Embedded engines", "speech", "ok", "espeak-ng", "extra speech is installed")
    return Finding("Embedded engines", "speech", "missing", "formant voice, English", "extra speech is not installed")


def _video() -> Finding:
    missing = mp4.missing_encoder()
    if missing is None:
        return Finding("Embedded engines", "video", "ok", "H.264 and AAC through PyAV", "extra video is installed")
    without = av1.missing_encoder()
    if without is None:
        return Finding("Embedded engines", "video", "missing", "silent AV1 through Pillow", missing)
    return Finding("Embedded engines", "video", "missing", "none", f"{missing}; {without}")
