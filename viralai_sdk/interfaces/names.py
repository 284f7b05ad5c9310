"""The names of services and providers, and how people's spellings of them resolve."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import Enum

from viralai_sdk.interfaces.errors import ConfigurationError


class AIServiceType(Enum):
    """Kind of service. `AUDIO_GENERATION` is the old name of speech synthesis and resolves to it."""

    TEXT_GENERATION = "text_generation"
    IMAGE_GENERATION = "image_generation"
    VIDEO_GENERATION = "video_generation"
    SPEECH_SYNTHESIS = "speech_synthesis"
    AUDIO_GENERATION = "audio_generation"

    @property
    def short(self) -> str:
        """The word of the public helpers: text, image, video or speech."""
        return _SHORT[self.canonical]

    @property
    def canonical(self) -> AIServiceType:
        """The member that is looked up: AUDIO_GENERATION becomes SPEECH_SYNTHESIS."""
        return AIServiceType.SPEECH_SYNTHESIS if self is AIServiceType.AUDIO_GENERATION else self


_SHORT = {
    AIServiceType.TEXT_GENERATION: "text",
    AIServiceType.IMAGE_GENERATION: "image",
    AIServiceType.VIDEO_GENERATION: "video",
    AIServiceType.SPEECH_SYNTHESIS: "speech",
}
SERVICES: tuple[AIServiceType, ...] = tuple(_SHORT)
_SERVICE_WORDS = {
    **{member.value: member.canonical for member in AIServiceType},
    **{short: member for member, short in _SHORT.items()},
    "llm": AIServiceType.TEXT_GENERATION,
    "audio": AIServiceType.SPEECH_SYNTHESIS,
    "tts": AIServiceType.SPEECH_SYNTHESIS,
}


class AIProvider(Enum):
    """The built-in providers. A third party's provider is named by its plain string instead."""

    GEMINI = "gemini"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    COHERE = "cohere"
    LOCAL = "local"
    VERTEX = "vertex"
    GOOGLE = "google"
    ELEVENLABS = "elevenlabs"
    RUNWAY = "runway"
    STABILITY = "stability"
    COMFYUI = "comfyui"
    OLLAMA = "ollama"
    LMSTUDIO = "lmstudio"
    LLAMACPP = "llamacpp"
    EMBEDDED = "embedded"


def service_type(value: AIServiceType | str) -> AIServiceType:
    """Resolve a member, its name or value in any case, or a short word such as "image".

    Raises:
        ConfigurationError: nothing of that name; the message names the nearest one.
    """
    if isinstance(value, AIServiceType):
        return value.canonical
    if not isinstance(value, str):
        raise ConfigurationError(f"a service is named by text, not by {type(value).__name__}.")
    word = value.strip().lower()
    found = _SERVICE_WORDS.get(word)
    if found is None:
        raise ConfigurationError(
            f"unknown service {shorten(word)!r}.",
            hint=suggest(word, _SERVICE_WORDS, "Services: text, image, video, speech."),
        )
    return found


def provider_name(value: AIProvider | str) -> str:
    """Lower-case plain name of a provider: enum member, member name or value in any case.

    Raises:
        ConfigurationError: neither a member nor text.
    """
    if isinstance(value, AIProvider):
        return value.value
    if not isinstance(value, str):
        raise ConfigurationError(f"a provider is named by text, not by {type(value).__name__}.")
    return value.strip().lower()


def suggest(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """ "Did you mean …?" for the nearest known word, else `otherwise`."""
    # Nobody mistypes a name by hundreds of characters, and comparing such a text takes long.
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6) if len(word) <= 80 else []
    return f"Did you mean {near[0]!r}?" if near else otherwise


def shorten(text: str, limit: int = 60) -> str:
    """The start of a text, for messages: long input is never echoed."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
