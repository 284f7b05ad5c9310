"""The life of one job on a ComfyUI server, as steps: post, look, stop, fetch. Everything that talks to a server uses these."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from weakref import WeakValueDictionary

from viralai_sdk.interfaces.errors import AIError, JobFailedError, JobLostError, ProviderTimeoutError
from viralai_sdk.interfaces.steps import (
    Announce,
    Answer,
    Blob,
    Download,
    JobProgress,
    JobTicket,
    Parallel,
    Pause,
    Send,
    Steps,
)
from viralai_sdk.providers.comfyui.errors import execution_error, rejection
from viralai_sdk.providers.comfyui.events import JobEar
from viralai_sdk.providers.comfyui.graph import Graph, title
from viralai_sdk.providers.comfyui.outputs import OutputFile

LOST_AFTER = 2
"""A job that is neither queued nor in the history in so many looks is lost."""
SETTLE_SECONDS = 0.3
"""Between two looks at something that settles soon."""
HISTORY_LOOKS = 8
"""The history is written after success was announced; so often it is looked at again."""
CANCEL_LOOKS = 200
SENDER_CLASSES = ("SaveImageWebsocket",)
"""Output nodes that store nothing: their pictures exist on the socket only."""
MAX_TITLES = 2000

Place = Literal["queued", "running", "finished", "unknown"]


@dataclass(slots=True)
class ServerMemory:
    """What was learned of a server: facts that save requests and never decide anything.

    Attributes:
        jobs_api: whether it has `/api/jobs`; None until tried.
        classes: descriptions of node classes; None for classes it does not have.
    """

    version: str | None = None
    jobs_api: bool | None = None
    classes: dict[str, Any] = field(default_factory=dict)
    whole: bool = False
    ears: WeakValueDictionary[str, JobEar] = field(default_factory=WeakValueDictionary)


@dataclass(slots=True)
class Look:
    """Where a job is. `entry` is its history, `ahead` the jobs before it."""

    place: Place
    entry: Mapping[str, Any] | None = None
    ahead: int | None = None


def new_ticket(graph: Graph, **state: Any) -> JobTicket:
    """The ticket of a job that is about to be posted: its id and its client id are chosen here, so nothing gets lost on the way."""
    nodes = {key: (title(node) or node["class_type"])[:80] for key, node in list(graph.items())[:MAX_TITLES]}
    senders = [key for key, node in graph.items() if node["class_type"] in SENDER_CLASSES]
    own = {"client_id": uuid.uuid4().hex, "nodes": nodes, "senders": senders, "accepted": False}
    return JobTicket(str(uuid.uuid4()), {**own, **state})


def post(
    memory: ServerMemory, ticket: JobTicket, graph: Graph, extra: Mapping[str, Any], *, allow_partial: bool = False
) -> Steps[dict[str, Any]]:
    """Queue a graph; gives the server's answer. It is posted a second time only after the server failed and demonstrably has it not.

    Raises:
        InvalidRequestError: refused, or refused in part while `allow_partial` is False; then the accepted part is stopped.
    """
    yield Announce(ticket)
    extra = dict(extra)
    body = {"prompt": graph, "client_id": ticket.state["client_id"], "prompt_id": ticket.remote_id, **extra}
    for last in (False, True):
        try:
            answer = yield Send("POST", "/prompt", json=body, creates=True)
            data = answer.json()
            break
        except AIError as error:
            if error.billed == "no":
                raise
            if (yield from _arrived(memory, ticket)):
                data = {"prompt_id": ticket.remote_id, "number": None, "node_errors": {}}
                break
            # A request that timed out may still be on its way; only an answer proves that it is not.
            if last or error.status is None or isinstance(error, ProviderTimeoutError):
                raise
    ticket.state["accepted"] = True
    given = data.get("prompt_id")
    if isinstance(given, str) and given != ticket.remote_id:
        ticket.remote_id = given  # a server that chooses ids itself
    errors = data.get("node_errors")
    if errors and not allow_partial:
        yield from cancel(memory, ticket)
        raise rejection(data, graph, 200)
    if errors:
        ticket.state["partial"] = str(rejection(data, graph).message)[:1000]
    return dict(data)


def _arrived(memory: ServerMemory, ticket: JobTicket) -> Steps[bool]:
    """Whether a request without a proper answer was processed all the same."""
    for attempt in range(2):
        if attempt:
            yield Pause(SETTLE_SECONDS)
        found = yield from look(memory, ticket.remote_id)
        if found.place != "unknown":
            return True
    return False


def look(memory: ServerMemory, prompt_id: str) -> Steps[Look]:
    """Find a job. History, queue, history: a job leaves the queue and enters the history in one moment, so this order misses none."""
    found = yield from _history(prompt_id)
    if found is not None:
        return Look("finished", found)
    queued = yield from _queue(prompt_id)
    if queued is not None:
        return queued
    found = yield from _history(prompt_id)
    return Look("unknown") if found is None else Look("finished", found)


def _history(prompt_id: str) -> Steps[Mapping[str, Any] | None]:
    answer = yield Send("GET", f"/history/{prompt_id}")
    entry = answer.json().get(prompt_id)
    return entry if isinstance(entry, dict) else None


def _queue(prompt_id: str) -> Steps[Look | None]:
    answer = yield Send("GET", "/queue")
    data = answer.json()
    running, pending = data.get("queue_running") or [], data.get("queue_pending") or []
    if any(row[1] == prompt_id for row in running):
        return Look("running")
    mine = next((row for row in pending if row[1] == prompt_id), None)
    if mine is None:
        return None
    # The list is in heap order: what counts is the number.
    return Look("queued", ahead=sum(1 for row in pending if row[0] < mine[0]))


def look_up(memory: ServerMemory, prompt_id: str) -> Steps[Look]:
    """`look`, by the one request that newer servers have for it."""
    if memory.jobs_api is not False:
        try:
            answer = yield Send("GET", f"/api/jobs/{prompt_id}")
        except AIError as error:
            if error.status not in (400, 403, 404, 405):
                raise
            if memory.jobs_api is None:
                memory.jobs_api = False
            # An unknown job, or a server without this route: the older routes tell which.
            return (yield from look(memory, prompt_id))
        found = _job(answer)
        if found is not None:
            memory.jobs_api = True
            if found.place == "queued":
                found.ahead = yield from _ahead(answer)
            return found
        memory.jobs_api = False
    return (yield from look(memory, prompt_id))


def _job(answer: Answer) -> Look | None:
    data = answer.json()
    status = data.get("status") if isinstance(data, dict) else None
    if status == "pending":
        return Look("queued")
    if status == "in_progress":
        return Look("running")
    if status not in ("completed", "failed", "cancelled"):
        return None
    entry = {"outputs": data.get("outputs") or {}, "status": data.get("execution_status") or {}}
    entry |= {"cancelled": status == "cancelled", "failed": status == "failed", "error": data.get("execution_error")}
    return Look("finished", entry)


def _ahead(answer: Answer) -> Steps[int | None]:
    """How many jobs wait before one; without their graphs, which `/queue` would send."""
    mine = answer.json().get("priority")
    try:
        listed = yield Send("GET", "/api/jobs", params={"status": "pending"})
    except AIError:
        return None
    rows = listed.json().get("jobs") or []
    if not isinstance(mine, (int, float)):
        return None
    return sum(1 for row in rows if isinstance(row.get("priority"), (int, float)) and row["priority"] < mine)


def poll(memory: ServerMemory, ticket: JobTicket) -> Steps[JobProgress]:
    """One look at a job.

    Raises:
        JobFailedError: it failed; the message names the node and the reason.
        JobLostError: the server does not know it any more: it was deleted from the queue, or the server was restarted.
    """
    ear = memory.ears.get(ticket.remote_id)
    found = yield from look_up(memory, ticket.remote_id)
    state = ticket.state
    if found.place == "unknown":
        if ear is not None and ear.succeeded and ear.over:
            # Somebody cleared the history; what the socket told is all there is.
            return JobProgress("done", 1.0, "finished", result={"outputs": ear.outputs, "status": {}})
        if state.get("stopped"):
            return JobProgress("cancelled", None, "removed from the queue")
        state["missing"] = state.get("missing", 0) + 1
        if state["missing"] >= LOST_AFTER:
            raise JobLostError(
                "the server knows nothing of the job any more: it was removed from the queue, or the server was restarted.",
                billed="no",
                hint="Send it again.",
            )
        return JobProgress(stage="looking for the job", poll_after=SETTLE_SECONDS)
    state["missing"] = 0
    if found.place == "finished":
        assert found.entry is not None
        return finished(found.entry, state.get("nodes") or {})
    state["looks"] = state.get("looks", 0) + 1
    pause = min(0.25 * 1.3 ** min(state["looks"], 30), 3.0)
    if ear is not None and (ear.succeeded or ear.over):
        # Success was announced; the history is written any moment now.
        pause = 0.05
    stage = "running" if found.place == "running" else "waiting"
    return JobProgress(stage=stage, queue_position=found.ahead, poll_after=pause)


def finished(entry: Mapping[str, Any], nodes: Mapping[str, str]) -> JobProgress:
    """What a history entry says of how a job ended. Interrupted jobs are errors there as well; their messages tell.

    Raises:
        JobFailedError: it failed.
    """
    status = entry.get("status") or {}
    messages = [row for row in status.get("messages") or () if isinstance(row, (list, tuple)) and len(row) == 2]
    kinds = {row[0] for row in messages}
    if entry.get("cancelled") or "execution_interrupted" in kinds:
        return JobProgress("cancelled", None, "interrupted")
    failed = entry.get("failed") or status.get("status_str") == "error"
    if failed:
        body = entry.get("error") or next((row[1] for row in messages if row[0] == "execution_error"), None)
        if isinstance(body, Mapping):
            raise execution_error(body, nodes)
        raise JobFailedError("the job failed; the server gives no reason.", billed="no")
    return JobProgress("done", 1.0, "finished", result=dict(entry))


def cached_nodes(entry: Mapping[str, Any]) -> list[str]:
    """Nodes that were not run again because the server still had their results."""
    for row in (entry.get("status") or {}).get("messages") or ():
        if row[0] == "execution_cached":
            return [str(node) for node in row[1].get("nodes") or ()]
    return []


def cancel(memory: ServerMemory, ticket: JobTicket) -> Steps[bool]:
    """Stop a job wherever it is, and see that it stopped. False when it was over before.

    A waiting job may start between two requests, so this goes on until the job is gone. An interrupt without an id would stop
    whatever runs, also somebody else's; even with one it is only sent while our job is the one that runs.
    """
    stopped, absent = False, 0
    for attempt in range(CANCEL_LOOKS):
        found = yield from look(memory, ticket.remote_id)
        if found.place == "finished":
            entry = found.entry or {}
            kinds = {row[0] for row in (entry.get("status") or {}).get("messages") or ()}
            return "execution_interrupted" in kinds
        if found.place == "unknown":
            absent += 1
            # Until the server has accepted it, the request that creates it may still be on its way.
            if stopped or ticket.state.get("accepted", True) or absent > 4:
                return True
        elif found.place == "queued":
            stopped = ticket.state["stopped"] = True
            yield Send("POST", "/queue", json={"delete": [ticket.remote_id]})
            continue
        else:
            stopped = True
            yield Send("POST", "/interrupt", json={"prompt_id": ticket.remote_id})
        yield Pause(min(0.03 * 1.4**attempt, 1.0))
    return False


def listen_path(ticket: JobTicket) -> tuple[str, dict[str, str], list[str]]:
    """Path, query and first message of a job's socket. Feature flags count only in the first message."""
    flags = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
    return "/ws", {"clientId": str(ticket.state["client_id"])}, [flags]


def fetch(base_url: str, files: Sequence[OutputFile], entry: Mapping[str, Any]) -> Steps[list[Blob]]:
    """Download files, all at once.

    Raises:
        JobFailedError: a file is gone; after a cached run that is no accident, and the message says what to do.
    """

    def one(file: OutputFile) -> Steps[Blob]:
        blob: Blob = yield Download(base_url.rstrip("/") + file.path, authorised=True)
        return blob

    results = yield Parallel([one(file) for file in files])
    for file, result in zip(files, results, strict=True):
        if isinstance(result, AIError):
            if result.status == 404:
                raise _gone(file, entry) from result
            raise result
    return list(results)


def _gone(file: OutputFile, entry: Mapping[str, Any]) -> JobFailedError:
    if file.node in cached_nodes(entry):
        return JobFailedError(
            f"nothing was made: the server answered from its cache, and the earlier file {file.filename!r} has been removed since.",
            billed="no",
            hint="Change the seed or the filename_prefix, or call client.free(free_memory=True).",
        )
    return JobFailedError(f"the file {file.filename!r} has been removed from the server.", billed="no")
