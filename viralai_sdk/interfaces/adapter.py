"""What a provider's author writes: translators between our requests and a vendor's wire format."""

from __future__ import annotations

import importlib
import math
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from viralai_sdk.interfaces import steps as s
from viralai_sdk.interfaces.errors import (
    AIError,
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    ModelRetiredError,
    PermissionDeniedError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    QuotaExceededError,
    RateLimitError,
)
from viralai_sdk.interfaces.image import ImageGenerationRequest, ImageGenerationResponse, ImageGenerationService
from viralai_sdk.interfaces.names import AIServiceType, shorten
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.service import AIService, AIServiceConfig
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest, SpeechSynthesisResponse, SpeechSynthesisService, Voice
from viralai_sdk.interfaces.text import TextGenerationRequest, TextGenerationResponse, TextGenerationService
from viralai_sdk.interfaces.video import VideoGenerationRequest, VideoGenerationResponse, VideoGenerationService


class Adapter(AIService):
    """A service described as steps. Subclass one of the four below."""

    is_model = True

    def headers(self) -> Mapping[str, str]:
        """Headers of every request, the key among them. Sent to the provider's own origin only."""
        return {}

    def params(self) -> Mapping[str, str]:
        """Query parameters of every request."""
        return {}

    def check(self, request: Any, model: str) -> list[CallWarning]:
        """What of the request would be dropped or adjusted. Pure; called before anything is sent, and by `dry_run`.

        Raises:
            UnsupportedCapabilityError: doing something else would be wrong.
        """
        return []

    def quantities(self, request: Any, model: str) -> dict[str, float]:
        """Amounts the request will be billed for, as far as they are known before sending, by the catalog's units."""
        return {}

    @abstractmethod
    def steps(self, request: Any, model: str) -> s.Steps[Any]:
        """Serve the request: yield steps, return a payload."""

    def error(self, answer: s.Answer) -> AIError:
        """Turn a refusal (HTTP 400 and above) into our error. Override to read the vendor's error body, then fall back to this."""
        return error_for_status(answer, "")

    async def _run(self, request: Any) -> Any:
        # The only way up from here: the runner lives above the interfaces, and a service made by hand must still work.
        standalone = importlib.import_module("viralai_sdk.services.standalone")
        return await standalone.run(self, request)


class TextAdapter(Adapter, TextGenerationService):
    """Text by steps; returns a `TextPayload`."""

    async def generate(self, request: TextGenerationRequest) -> TextGenerationResponse:
        response: TextGenerationResponse = await self._run(request)
        return response


class ImageAdapter(Adapter, ImageGenerationService):
    """Pictures by steps; returns a `MediaPayload`."""

    async def generate_image(self, request: ImageGenerationRequest) -> ImageGenerationResponse:
        response: ImageGenerationResponse = await self._run(request)
        return response


class VideoAdapter(Adapter, VideoGenerationService):
    """A film by steps; returns a `MediaPayload` with one blob."""

    async def generate_video(self, request: VideoGenerationRequest) -> VideoGenerationResponse:
        response: VideoGenerationResponse = await self._run(request)
        return response


class SpeechAdapter(Adapter, SpeechSynthesisService):
    """Speech by steps; returns a `MediaPayload` with one blob."""

    async def synthesize(self, request: SpeechSynthesisRequest) -> SpeechSynthesisResponse:
        response: SpeechSynthesisResponse = await self._run(request)
        return response

    @abstractmethod
    def voice_steps(self, language: str | None) -> s.Steps[list[Voice]]:
        """List the voices, all or those of a language."""

    async def get_voices(self, language: str | None = None) -> list[Voice]:
        standalone = importlib.import_module("viralai_sdk.services.standalone")
        voices: list[Voice] = await standalone.voices(self, language)
        return voices


class StreamingAdapter(Adapter):
    """An adapter that can also give its result piece by piece."""

    def streams(self, request: Any, model: str) -> bool:
        """Whether this request can be streamed. When not, `steps` serves it, and the caller is told."""
        return True

    @abstractmethod
    def stream(self, request: Any, model: str) -> s.StreamSteps[Any]:
        """Serve the request piece by piece; see `StreamSteps`."""


class JobAdapter(Adapter):
    """An adapter whose provider works in jobs: start, look, fetch. The runner journals the ticket before it waits, so that a job which was
    paid for survives the kernel."""

    first_poll: float = 2.0
    """Seconds before the first look; later ones come at growing distance unless the provider says when."""

    @abstractmethod
    def submit(self, request: Any, model: str) -> s.Steps[s.JobTicket]:
        """Start the job."""

    @abstractmethod
    def poll(self, ticket: s.JobTicket) -> s.Steps[s.JobProgress]:
        """Look at the job.

        Raises:
            JobFailedError, ContentPolicyError, JobLostError: it ended badly; the message is the provider's reason.
        """

    @abstractmethod
    def collect(self, ticket: s.JobTicket, progress: s.JobProgress) -> s.Steps[Any]:
        """Fetch the result of a finished job, as a payload."""

    def cancel(self, ticket: s.JobTicket) -> s.Steps[bool]:
        """Stop the job at the provider; False when the provider cannot."""
        yield from ()
        return False

    def listen(self, ticket: s.JobTicket) -> s.Listen | None:
        """The job's live channel, where the provider has one. Opened before the job is created when `submit` announces its ticket."""
        return None

    def steps(self, request: Any, model: str) -> s.Steps[Any]:
        """Not used: the runner drives submit, poll and collect."""
        raise AssertionError("a job adapter is driven by submit, poll and collect")


def poll_interval(config: AIServiceConfig, otherwise: float) -> float:
    """Seconds between two looks at a job: what the configuration says as `poll_interval`, else `otherwise`. `poll_seconds` is its old name.

    Raises:
        ConfigurationError: it is no number of seconds.
    """
    given = config.custom_config.get("poll_interval") or config.custom_config.get("poll_seconds") or otherwise
    try:
        seconds = float(given)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ConfigurationError(
            f"poll_interval of {config.name}: {shorten(repr(given))} is no number of seconds.",
            hint="Write poll_interval: 5, for instance.",
        )
    return seconds


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """One provider, as data. A folder's `__init__` makes one, named PROVIDER; a third party's entry point is one.

    Attributes:
        name: plain lower-case name, such as "openai".
        title: how people call it.
        services: service → "package.module:Class", imported on first use.
        key_env: environment variables that may hold the key, in the vendor's own order.
        key_required: False for local servers and engines.
        base_url: exactly what the vendor's own SDK uses; None for engines without a wire.
        base_url_env: environment variable that overrides it.
        option_env: environment variable → option of `custom_config` that it sets when the configuration does not.
        parse_base_url: makes a URL of what people write there, for vendors whose own client takes less than a URL.
        local: the provider may live on a private address.
        embedded: it works in this process, without key, model or network.
        aliases: other names it answers to; an alias may be tied to one service or several.
        needs: what a user must have, in a few words, for tables and errors.
        catalog: models, prices and dates of a third party's provider, in the shape of the files in `viralai_sdk/catalog/`: the data, or
            "package:file.yaml" inside an installed package, read on first use. None: the built-in file of that name, if there is one.
        models: "module:Class" of the `ModelManager` of a local server, None when it has nothing to manage.
        only_named: a provider without a required key counts as configured on every machine; this one only where the configuration or the
            environment names it, as local ones always do.
    """

    name: str
    title: str
    services: Mapping[AIServiceType, str]
    key_env: tuple[str, ...] = ()
    key_required: bool = True
    base_url: str | None = None
    base_url_env: str | None = None
    option_env: Mapping[str, str] = field(default_factory=dict)
    parse_base_url: Callable[[str], str] | None = None
    local: bool = False
    embedded: bool = False
    aliases: Mapping[str, AIServiceType | tuple[AIServiceType, ...] | None] = field(default_factory=dict)
    needs: str = "a key"
    catalog: Mapping[str, Any] | str | None = None
    models: str | None = None
    only_named: bool = False


def error_for_status(answer: s.Answer, message: str, **details: Any) -> AIError:
    """The error that an HTTP status means when nothing better is known. `message` is the vendor's own text, "" when it gave none."""
    status = answer.status
    said = message.strip()
    text = said or f"the provider answered with HTTP {status}."
    wait = retry_after(answer.headers)
    details = {"status": status, **details}
    if status == 401:
        return AuthenticationError(text, hint="Check the key; `viralai doctor` shows which one is used.", **details)
    if status == 402:
        return QuotaExceededError(text, hint="The account needs credit.", **details)
    if status == 403:
        return PermissionDeniedError(text, **details)
    if status in (404, 410):
        if not said:
            hint = "It does not know the address or the model: check base_url and model; `viralai models list` names the known ones."
            details = {"hint": hint, **details}
        return ModelRetiredError(text, **details) if status == 410 else InvalidRequestError(text, **details)
    if status == 408 or status == 504:
        return ProviderTimeoutError(text, **details)
    if status == 429:
        return RateLimitError(text, retry_after=wait, **details)
    if status >= 500 or status in (409, 425):
        # 529, and 503 with a date to come back, are refusals of an overloaded front door; any other may come from behind it, after
        # the work was done.
        refused = status == 529 or (status == 503 and wait is not None)
        billed = "no" if refused else "maybe"
        return ProviderUnavailableError(text, retry_after=wait, billed=billed, **details)
    return InvalidRequestError(text, **details)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the provider asks to wait: `retry-after-ms`, then `retry-after` in seconds or as an HTTP date; None when unreadable."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        value = headers.get("retry-after", "").strip()
        if not value:
            return None
        if value.replace(".", "", 1).isdigit():
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
