"""The embedded speech engine: espeak-ng in a process of its own, or a small formant synthesiser when it is missing."""

from viralai_sdk.providers.embedded.voice.encoding import available_formats, encode
from viralai_sdk.providers.embedded.voice.engine import speak, voices
from viralai_sdk.providers.embedded.voice.model import ProgressFn, Spoken, VoiceError, VoiceInfo, Word

__all__ = [
    "ProgressFn",
    "Spoken",
    "VoiceError",
    "VoiceInfo",
    "Word",
    "available_formats",
    "encode",
    "speak",
    "voices",
]
