"""What Runway's three services share: a request becomes one task or several, which are looked at until all are over."""

from __future__ import annotations

import base64
import re
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from viralai_sdk.interfaces.adapter import JobAdapter, poll_interval
from viralai_sdk.interfaces.errors import (
    AIError,
    ContentPolicyError,
    EmptyResultError,
    JobCancelledError,
    JobFailedError,
    JobLostError,
    MalformedResponseError,
    ProviderUnavailableError,
    UnsupportedCapabilityError,
)
from viralai_sdk.interfaces.joining import missing_part
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import (
    Answer,
    Blob,
    Download,
    JobProgress,
    JobTicket,
    MediaPayload,
    Parallel,
    Send,
    Steps,
)
from viralai_sdk.providers.runway.errors import credits_of, error_from_answer, error_from_task

VERSION = "2024-11-06"
POLL_SECONDS = 5.0
"""The vendor asks not to look more often."""
MAX_DATA_URI = 5 * 1024 * 1024
"""Longest data URI that is taken, in characters."""
PICTURES = ("image/jpeg", "image/png", "image/webp")
RUNNING = {"PENDING": "waiting to start", "THROTTLED": "waiting for a free place", "RUNNING": "working"}
TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(slots=True)
class Plan:
    """What a request becomes: the route and its body, what was adjusted, and how often it is sent."""

    route: str
    body: dict[str, Any]
    warnings: list[CallWarning] = field(default_factory=list)
    quantities: dict[str, float] = field(default_factory=dict)
    count: int = 1

    def note(self, kind: Any, parameter: str, message: str) -> None:
        """Add a warning."""
        self.warnings.append(CallWarning(kind=kind, parameter=parameter, message=message))


class RunwayTasks(JobAdapter):
    """Base of the services. Configuration: `poll_interval` in seconds, and the vendor's body fields as defaults."""

    def __init__(self, config: AIServiceConfig) -> None:
        super().__init__(config)
        self.first_poll = poll_interval(config, POLL_SECONDS)

    @abstractmethod
    def plan(self, request: Any, model: str) -> Plan:
        """Turn a request into a body.

        Raises:
            UnsupportedCapabilityError: the model cannot do it.
        """

    def headers(self) -> Mapping[str, str]:
        headers = {"X-Runway-Version": VERSION}
        if key := self.config.secret():
            headers["Authorization"] = f"Bearer {key}"
        return headers

    def error(self, answer: Answer) -> AIError:
        """Read the vendor's error body."""
        return error_from_answer(answer)

    def check(self, request: Any, model: str) -> list[CallWarning]:
        return self.plan(request, model).warnings

    def quantities(self, request: Any, model: str) -> dict[str, float]:
        """What the chosen length or number is billed as; nothing for a request that would be refused before sending."""
        try:
            return self.plan(request, model).quantities
        except UnsupportedCapabilityError:
            return {}

    def submit(self, request: Any, model: str) -> Steps[JobTicket]:
        """Start the tasks. Several are started at once; when some are refused, those that were accepted are kept and paid for."""
        plan = self.plan(request, model)
        results = yield Parallel([self._create(plan) for _ in range(plan.count)])
        started = [result for result in results if not isinstance(result, BaseException)]
        errors = [result for result in results if isinstance(result, BaseException)]
        if not started:
            raise errors[0]
        state: dict[str, Any] = {
            "tasks": [number for number, _ in started],
            "quantities": {unit: amount * len(started) / plan.count for unit, amount in plan.quantities.items()},
            "refused": [str(error) for error in errors],
        }
        estimates = [estimate for _, estimate in started if estimate is not None]
        if estimates:
            state["estimated_credits"] = sum(estimates)
        return JobTicket(state["tasks"][0], state)

    def _create(self, plan: Plan) -> Steps[tuple[str, float | None]]:
        answer: Answer = yield Send("POST", f"/v1/{plan.route}", json=plan.body, creates=True)
        data = answer.json()
        number = data.get("id") if isinstance(data, dict) else None
        if not isinstance(number, str) or not TASK_ID.fullmatch(number):
            raise MalformedResponseError("the answer names no task.")
        return number, credits_of(data, "estimatedCost")

    def poll(self, ticket: JobTicket) -> Steps[JobProgress]:
        """Look at the tasks. Over when none runs; a failure is raised only when all of them failed."""
        numbers = _numbers(ticket)
        looks = yield Parallel([self._look(number) for number in numbers])
        if broken := [look for look in looks if isinstance(look, BaseException) and not _final(look)]:
            raise broken[0]
        running = [look for look in looks if isinstance(look, dict) and look["status"] in RUNNING]
        if running:
            done = [_fraction(look) if isinstance(look, dict) else 1.0 for look in looks]
            stages = {look["status"] for look in running}
            stage = next(stage for stage in ("RUNNING", "THROTTLED", "PENDING") if stage in stages)
            fraction = sum(done) / len(done) if stage == "RUNNING" else None
            return JobProgress(fraction=fraction, stage=RUNNING[stage], poll_after=self.first_poll)
        if all(isinstance(look, JobCancelledError) for look in looks):
            return JobProgress(over="cancelled")
        if not any(isinstance(look, dict) for look in looks):
            raise looks[0]
        return JobProgress(over="done", fraction=1.0, stage="done", result=dict(zip(numbers, looks, strict=True)))

    def _look(self, number: str) -> Steps[dict[str, Any]]:
        """A task that is running or succeeded.

        Raises:
            JobFailedError, ContentPolicyError, JobCancelledError, JobLostError: it ended otherwise.
        """
        try:
            answer: Answer = yield Send("GET", f"/v1/tasks/{number}")
        except AIError as error:
            if error.status == 404:
                raise JobLostError("the provider does not know the task any more.", billed="maybe") from error
            raise
        task = answer.json()
        status = task.get("status") if isinstance(task, dict) else None
        if status == "FAILED":
            raise error_from_task(task)
        if status == "CANCELLED":
            raise JobCancelledError("the task was cancelled at the provider.")
        if not isinstance(status, str) or (status != "SUCCEEDED" and status not in RUNNING):
            raise MalformedResponseError(f"the task is in an unknown state: {str(status)[:40]!r}.")
        return dict(task)

    def collect(self, ticket: JobTicket, progress: JobProgress) -> Steps[MediaPayload]:
        """Fetch what the tasks made. Some that failed are a warning as long as others did not."""
        looks: dict[str, Any] = progress.result
        payload = MediaPayload(quantities=dict(ticket.state.get("quantities", {})))
        failures = [str(message) for message in ticket.state.get("refused", ())]
        spent: list[float] = []
        for number, task in looks.items():
            if isinstance(task, BaseException):
                failures.append(str(task))
                continue
            payload.blobs += yield from self._fetch(number, task)
            spent += [cost] if (cost := credits_of(task, "cost")) is not None else []
        payload.metadata = {"tasks": list(looks)} | ({"credits": sum(spent)} if spent else {})
        payload.warnings = [missing_part(failure) for failure in failures]
        return payload

    def _fetch(self, number: str, task: Mapping[str, Any]) -> Steps[list[Blob]]:
        """The files of a task. Addresses end after a day or two; the task then gives fresh ones."""
        blobs: list[Blob] = []
        urls = self._wanted(_addresses(task))
        for place, url in enumerate(urls):
            try:
                blob = yield Download(url)
            except AIError as error:
                if error.status is None or not 400 <= error.status < 500:
                    raise
                fresh = self._wanted(_addresses((yield from self._look(number))))
                if place >= len(fresh):
                    raise
                blob = yield from self._fetch_again(fresh[place], error)
            blobs.append(blob)
        return blobs

    def _fetch_again(self, url: str, first: AIError) -> Steps[Blob]:
        try:
            blob: Blob = yield Download(url)
        except AIError as error:
            raise ProviderUnavailableError(
                f"the result could not be fetched, not from a fresh address either (HTTP {error.status or first.status}).",
                billed="yes",
                hint="The job stays open: `await ai.jobs.resume()` fetches it again.",
            ) from error
        return blob

    def _wanted(self, urls: list[str]) -> list[str]:
        """Which files of a task belong to the result."""
        return urls

    def cancel(self, ticket: JobTicket) -> Steps[bool]:
        """Stop the tasks that still run. A finished one is left alone: the same request would delete its result, which is paid for."""
        stopped = False
        for number in _numbers(ticket):
            try:
                task = yield from self._look(number)
            except JobFailedError:
                continue
            except AIError as error:
                if _final(error):
                    continue
                raise
            if task["status"] != "SUCCEEDED":
                yield Send("DELETE", f"/v1/tasks/{number}")
                stopped = True
        return stopped

    def data_uri(self, media: Any, field_name: str) -> str:
        """A picture as a data URI.

        Raises:
            UnsupportedCapabilityError: the vendor does not take it.
        """
        if media.media_type not in PICTURES:
            raise self.unsupported(f"{media.media_type} as {field_name}", hint="Give a JPEG, PNG or WebP file.")
        uri = f"data:{media.media_type};base64,{base64.b64encode(media.data).decode()}"
        if len(uri) > MAX_DATA_URI:
            raise self.unsupported(f"pictures above about 3.7 MB as {field_name}", hint="Make it smaller or a JPEG.")
        return uri

    def finish_body(self, plan: Plan, model: str, options: Mapping[str, Any], known: frozenset[str]) -> None:
        """Put the configuration's vendor defaults below the body and the request's options above it."""
        custom = self.config.custom_config
        configured = {name: custom[name] for name in (known - {"voice"}) & custom.keys()}
        body = {name: value for name, value in plan.body.items() if value is not None}
        plan.body = {"model": model, **configured, **body, **options}

    def check_prompt(self, text: str, most: int | None) -> None:
        """Refuse prompts that are too long; the vendor counts UTF-16 units."""
        if most is not None and (length := len(text.encode("utf-16-le")) // 2) > most:
            raise self.unsupported(f"more than {most:,} characters of prompt (this has {length:,})", hint="Shorten it.")


def _numbers(ticket: JobTicket) -> list[str]:
    return [str(number) for number in ticket.state.get("tasks") or [ticket.remote_id]]


def _final(error: BaseException) -> bool:
    """Whether an error is a task's own end rather than a look that went wrong."""
    return isinstance(error, (JobFailedError, ContentPolicyError))


def _fraction(task: Mapping[str, Any]) -> float:
    if task["status"] == "SUCCEEDED":
        return 1.0
    value = task.get("progress")
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0
    return min(max(number, 0.0), 1.0) if number == number else 0.0


def _addresses(task: Mapping[str, Any]) -> list[str]:
    output = task.get("output")
    urls = [url for url in output if isinstance(url, str) and url] if isinstance(output, list) else []
    if task.get("status") == "SUCCEEDED" and not urls:
        raise EmptyResultError("the task succeeded and made nothing.", billed="yes")
    return urls
