"""One call on its way through the pipeline."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from viralai_sdk.interfaces.adapter import Adapter
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.records import Attempt, CallWarning, WarningKind
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.service import AIService
from viralai_sdk.interfaces.steps import JobTicket, Payload
from viralai_sdk.progress.events import ProgressEvent, State
from viralai_sdk.store.redact import redact
from viralai_sdk.store.rows import new_id

if TYPE_CHECKING:
    from viralai_sdk.services.retry import Patience


@dataclass(slots=True)
class Route:
    """One provider and model that may serve a call. `service` is given when the caller made it by hand."""

    provider: str
    model: str | None = None
    service: AIService | None = None

    @property
    def label(self) -> str:
        """The route as a spec: "openai" or "openai:gpt-image-2.6-flare"."""
        return f"{self.provider}:{self.model}" if self.model else self.provider


@dataclass(slots=True)
class Call:
    """What is asked, what has happened so far, and where it goes.

    Attributes:
        chain: routes in the order in which they may be tried.
        timeout: seconds for one attempt; None takes the configured one.
        emit: receives each piece of a streamed result.
        on_job: told our job id as soon as the provider has accepted the job; its presence makes any call a job.
        job_id, resume: our id and the provider's ticket of a job that was accepted earlier and only needs to be collected.
        detached: a job of its own, which waits for nobody: only `cancel_remotely` stops the provider's work, not the end of a loop.
        route, service, payload: of the attempt that is being made.
        open_job: the provider works on a job of ours that was paid for and is not over; nobody else is asked then.
        held: our ids of jobs whose results are still to be stored; nobody else may take them up until the call is recorded.
        ending: what became of a stopped call's remote work, in a few words.
        notes: warnings of the present attempt; they end up on the response.
        rejected: answers of text providers that were no result, such as one that does not follow the schema.
        estimate: USD that this call is expected to cost, None when its price is unknown.
        reserved: USD set aside for it until it is recorded.
    """

    service_type: AIServiceType
    request: Request
    chain: list[Route]
    session_id: str
    timeout: float | None = None
    emit: Callable[[Any], None] | None = None
    on_job: Callable[[str], None] | None = None
    post: Callable[[ProgressEvent], None] | None = None
    job_id: str | None = None
    resume: JobTicket | None = None
    use_cache: bool = True
    detached: bool = False
    cancel_remotely: bool = False

    id: str = field(default_factory=lambda: new_id("call"))
    started: float = field(default_factory=time.time)
    clock: float = field(default_factory=time.perf_counter)
    attempts: list[Attempt] = field(default_factory=list)
    notes: list[CallWarning] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    route: Route = field(default_factory=lambda: Route(""))
    service: AIService | None = None
    payload: Payload | None = None
    response: Response | None = None
    error: BaseException | None = None
    retries: int = 0
    emitted: bool = False
    open_job: bool = False
    held: list[str] = field(default_factory=list)
    ending: str = ""
    recorded: bool = False
    estimate: float | None = None
    reserved: float = 0.0
    attempt_clock: float = 0.0
    patience: Patience | None = None
    tried: bool = False

    @property
    def provider(self) -> str:
        """Provider of the present attempt."""
        return self.route.provider

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return time.perf_counter() - self.clock

    @property
    def free(self) -> bool:
        """The present attempt is made by an engine of this process, which never costs anything."""
        return isinstance(self.service, Adapter) and not self.service.is_model

    def begin(self, route: Route) -> None:
        """Start an attempt: nothing of an earlier one may pass for its result."""
        self.route = route
        self.service = self.payload = self.response = None
        self.retries = 0
        self.attempt_clock = time.perf_counter()
        if self.attempts:
            self.job_id = None

    def note(self, kind: WarningKind, parameter: str | None, message: str) -> None:
        """Tell the caller about something the result does not honour exactly."""
        self.notes.append(CallWarning(kind=kind, parameter=parameter, message=message))

    def reject(self, text: str) -> None:
        """Remember an answer that was paid for and is no result: it goes into the journal, not to the caller."""
        if text:
            self.rejected.append({"provider": self.provider, "model": self.route.model, "text": text})

    def report(
        self, fraction: float | None, stage: str, preview: bytes | None = None, queue_position: int | None = None
    ) -> None:
        """Tell whoever watches how far the call is; nothing once it is over, whatever still goes on for it. Cheap, and safe from any
        thread."""
        if self.post is not None and not self.recorded:
            self.post(self.event("running", stage, fraction=fraction, preview=preview, queue_position=queue_position))

    def event(self, state: State, stage: str, **details: Any) -> ProgressEvent:
        """A progress event of this call."""
        return ProgressEvent(
            call_id=self.id,
            service=self.service_type.short,
            provider=self.provider,
            stage=stage,
            elapsed=self.elapsed,
            state=state,
            **details,
        )

    def blame(self, error: AIError) -> AIError:
        """Put the provider and service on an error that does not name them yet. Vendors quote what they were sent: keys are taken out."""
        error.message = redact(error.message)
        error.args = (error.message, *error.args[1:])
        error.provider = error.provider or self.provider or None
        error.service = error.service or self.service_type.value
        if self.free:
            error.billed = "no"
        return error
