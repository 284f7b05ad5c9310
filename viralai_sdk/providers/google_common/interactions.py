"""Films by the Interactions API: started in the background, looked at, fetched. Its JSON has names in snake_case."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from viralai_sdk.interfaces.adapter import JobAdapter, VideoAdapter, poll_interval
from viralai_sdk.interfaces.errors import (
    AIError,
    ContentPolicyError,
    EmptyResultError,
    JobFailedError,
    JobLostError,
    MalformedResponseError,
)
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import Answer, Download, JobProgress, JobTicket, MediaPayload, Send, Steps
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.providers.google_common.base import GoogleAdapter, quoted
from viralai_sdk.providers.google_common.errors import POLICY_HINT, is_refusal
from viralai_sdk.providers.google_common.films import (
    film_prompt,
    film_ratio,
    film_resolution,
    prompt_warnings,
    refuse_storage,
    shape_warnings,
)
from viralai_sdk.providers.google_common.reading import SHAPE_ERRORS, count, decode, media, word
from viralai_sdk.providers.google_common.text import IMAGE_TYPES, given

RESOLUTIONS = ("360p", "720p", "1080p", "4k")
FAILED = ("failed", "incomplete", "budget_exceeded", "requires_action", "requires_continuation")
"""States that end a film badly. The last two ask for an answer that nobody who ordered a film can give."""
POLICY_WORDS = ("safety", "policy", "prohibited", "blocked", "blocklist")
FIELDS = frozenset({"generation_config", "labels", "response_format", "safety_settings", "service_tier"})


class FilmJobs(GoogleAdapter, VideoAdapter, JobAdapter):
    """What films share, whichever API makes them: the pace of looking, `poll_interval` in the configuration."""

    first_poll = 10.0

    def __init__(self, config: AIServiceConfig) -> None:
        super().__init__(config)
        self.first_poll = poll_interval(config, type(self).first_poll)

    def running(self, stage: str) -> JobProgress:
        """The film is not finished. The vendor asks for no pace; its own examples look every 10 to 20 seconds."""
        return JobProgress(stage=stage, poll_after=self.first_poll)

    def look(self, request: Send, what: str) -> Steps[Any]:
        """Send a look and read its answer.

        Raises:
            JobLostError: the provider does not know the job.
        """
        try:
            answer: Answer = yield request
        except AIError as error:
            if error.status == 404:
                raise JobLostError(f"the provider no longer knows {what}: {error.message}") from error
            raise
        return answer.json()


class InteractionsVideoService(FilmJobs):
    """Films from a Gemini model."""

    vendor_fields = FIELDS
    delivery: ClassVar[str | None] = None
    """How the film shall come; None leaves it to the vendor."""
    downloads: ClassVar[bool] = True
    """Whether films may lie at web addresses."""

    def check(self, request: VideoGenerationRequest, model: str) -> list[CallWarning]:
        if request.last_image is not None:
            raise self.unsupported(
                "films that end with a given picture", hint="Leave last_image out, or take a Veo model."
            )
        if request.image is not None and request.image.media_type not in IMAGE_TYPES:
            raise self.unsupported(f"with {request.image.media_type} files", hint="Give a PNG, JPEG or WebP file.")
        warnings = self.unsupported_warnings(request, {"negative_prompt": None, "fps": None})
        return warnings + prompt_warnings(request, speaks=True) + shape_warnings(request, RESOLUTIONS)

    def submit(self, request: VideoGenerationRequest, model: str) -> Steps[JobTicket]:
        signed = yield from self.credentials.sign_in()
        path = f"{self.root(signed)}/interactions"
        body = {**self.film_body(request, model), "background": True}
        answer: Answer = yield Send("POST", path, json=body, headers=signed.headers, creates=True)
        data = answer.json()
        number = word(data.get("id")) if isinstance(data, dict) else None
        if number is None:
            raise MalformedResponseError("the answer names no interaction.", billed="maybe")
        return JobTicket(number)

    def film_body(self, request: VideoGenerationRequest, model: str) -> dict[str, Any]:
        """The body of an order, without its being done in the background."""
        prompt = film_prompt(request, speaks=True)
        parts: list[dict[str, Any]] = [{"type": "text", "text": prompt}]
        if request.image is not None:
            data = base64.b64encode(request.image.data).decode("ascii")
            parts.append({"type": "image", "data": data, "mime_type": request.image.media_type})
        form = {
            "type": "video",
            "aspect_ratio": film_ratio(request),
            "resolution": film_resolution(request, RESOLUTIONS),
            "duration": f"{request.duration:g}s",
            "delivery": self.delivery,
        }
        settings = {
            "seed": request.seed,
            "video_config": {"task": "image_to_video"} if request.image is not None else None,
        }
        fields = {
            "model": model,
            "input": prompt if request.image is None else [{"type": "user_input", "content": parts}],
            "response_format": given(form),
            "generation_config": given(settings) or None,
        }
        return self.body(given(fields), request.options)

    def poll(self, ticket: JobTicket) -> Steps[JobProgress]:
        signed = yield from self.credentials.sign_in()
        path = f"{self.root(signed)}/interactions/{quoted(ticket.remote_id)}"
        data = yield from self.look(Send("GET", path, params={"stream": "false"}, headers=signed.headers), "the film")
        status = word(data.get("status")) if isinstance(data, dict) else None
        if status is None:
            raise MalformedResponseError("the answer names no status.")
        if status == "completed":
            return JobProgress(over="done", result=data)
        if status == "cancelled":
            return JobProgress(over="cancelled")
        if status in FAILED:
            raise failure(data, status)
        return self.running(status)

    def collect(self, ticket: JobTicket, progress: JobProgress) -> Steps[MediaPayload]:
        data = progress.result
        found = next(iter(videos(data)), None)
        if found is None:
            if reason := reasons(data):
                raise failure(data, reason)
            raise EmptyResultError("the interaction ended without a film.", billed="yes")
        uri = word(found.get("uri"))
        if found.get("data"):
            blob = media(decode(found["data"]), "video")
        elif uri is None:
            raise EmptyResultError("the interaction ended with an empty film.", billed="yes")
        elif uri.startswith("gs://"):
            raise refuse_storage(uri)
        elif not self.downloads:
            raise MalformedResponseError("the film lies at an address where it cannot be fetched.", billed="yes")
        else:
            blob = yield Download(uri, authorised=True)
        return MediaPayload(
            blobs=[blob],
            model=word(data.get("model")),
            quantities=film_tokens(data.get("usage")),
            metadata={"interaction": ticket.remote_id},
        )

    def cancel(self, ticket: JobTicket) -> Steps[bool]:
        signed = yield from self.credentials.sign_in()
        path = f"{self.root(signed)}/interactions/{quoted(ticket.remote_id)}/cancel"
        answer: Answer = yield Send("POST", path, headers=signed.headers)
        data = answer.json()
        return isinstance(data, dict) and data.get("status") == "cancelled"


def videos(data: Any) -> Iterator[Mapping[str, Any]]:
    """The films of an interaction, the last step's first.

    Raises:
        MalformedResponseError: its steps have a wrong shape.
    """
    try:
        for step in reversed(data.get("steps") or ()):
            if step.get("type") == "model_output":
                yield from [item for item in step.get("content") or () if item.get("type") == "video"]
    except SHAPE_ERRORS as error:
        raise MalformedResponseError(f"the answer is no interaction ({error!r}).", billed="yes") from error


def reasons(data: Any) -> str:
    """What an interaction reports as wrong, in its list of errors and in its steps."""
    try:
        rows = [*(data.get("errors") or ()), *(step.get("error") for step in data.get("steps") or ())]
        texts = [" ".join(str(row[key]) for key in ("code", "message") if row.get(key)) for row in rows if row]
    except SHAPE_ERRORS as error:
        raise MalformedResponseError(f"the answer is no interaction ({error!r}).") from error
    return "; ".join(texts)[:500]


def failure(data: Any, status: str) -> AIError:
    """The error for an interaction that ended badly."""
    reason = reasons(data)
    if is_refusal(reason) or any(name in reason.lower() for name in POLICY_WORDS):
        return ContentPolicyError(reason, billed="maybe", hint=POLICY_HINT)
    return JobFailedError(f"the film was not made ({reason or status}).")


def film_tokens(usage: Any) -> dict[str, float]:
    """Billed tokens of a film."""
    asked, made = count(usage, "total_input_tokens"), count(usage, "total_output_tokens")
    return {} if asked is None or made is None else {"input_token": asked, "output_video_token": made}
